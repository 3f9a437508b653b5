//! Thread-local variables of the executable: where each thread has them.
//!
//! They lie at the same distance from a thread's control block in every thread, and the kernel knows where the C library
//! keeps a part of that block: the list of robust locks. So a distance that was measured in one thread leads to the
//! variable of each, and reading it stops no thread.

use object::NativeEndian;
use object::elf::{PT_TLS, ProgramHeader64};
use object::pod::slice_from_bytes;
use object::read::elf::ProgramHeader as _;

use crate::memory::{self, Range};

/// Executables have some hundred bytes of thread-local variables; with more than this a search would take long.
const MAX_BYTES: u64 = 1 << 20;
/// Executables have about a dozen; a number with more bits would be damage.
const MAX_SEGMENTS: usize = 0xffff;

/// Why thread-local variables are not found.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The C library keeps no list of robust locks.
    NoRobustList,
    /// The kernel does not tell where that list is.
    RobustListRefused(std::io::Error),
    /// The executable has no thread-local variables.
    NoThreadLocals,
    /// They are too large to be searched.
    TooLarge,
    /// Their place is not known on this architecture.
    UnknownArchitecture,
}

/// Where the C library keeps a thread's list of robust locks, which it registers with the kernel when the thread starts;
/// of the calling thread for 0.
pub(crate) fn robust_list(thread: u32) -> Result<u64, Fault> {
    let (mut head, mut length) = (0_usize, 0_usize);
    // SAFETY: `head` and `length` are this function's own and live through the call; the kernel writes one word to each.
    let done = unsafe { libc::syscall(libc::SYS_get_robust_list, thread, &raw mut head, &raw mut length) };
    match (done, head) {
        (0, 1..) => Ok(head as u64),
        (0, 0) => Err(Fault::NoRobustList),
        _ => Err(Fault::RobustListRefused(std::io::Error::last_os_error())),
    }
}

/// Where this thread has the executable's variables. The executable is always the first module, so that its block lies
/// next to the thread pointer (ELF Handling For Thread-Local Storage, Drepper, 3.4).
pub(crate) fn own_variables() -> Result<Range, Fault> {
    let (size, align) = segment().ok_or(Fault::NoThreadLocals)?;
    let room = size.checked_next_multiple_of(align).filter(|room| *room <= MAX_BYTES && align <= MAX_BYTES);
    let room = room.ok_or(Fault::TooLarge)?;
    let pointer = thread_pointer().ok_or(Fault::UnknownArchitecture)?;
    let address = if cfg!(target_arch = "x86_64") {
        pointer.wrapping_sub(room) & !7
    } else {
        // Two words for the thread's control block.
        pointer.wrapping_add(16).next_multiple_of(align.max(8))
    };
    let length = usize::try_from(room.next_multiple_of(8)).map_err(|_| Fault::TooLarge)?;
    Ok(Range { address, length })
}

/// Size and alignment of the executable's thread-local variables.
fn segment() -> Option<(u64, u64)> {
    // SAFETY: the C library owns the vector that it reads and keeps it for the life of the process; the call takes a
    // number and returns one.
    let address = unsafe { libc::getauxval(libc::AT_PHDR) };
    // SAFETY: as for the address: a number in, a number out.
    let count = unsafe { libc::getauxval(libc::AT_PHNUM) };
    let count = usize::try_from(count).ok()?.min(MAX_SEGMENTS);
    let mut bytes = vec![0; count * size_of::<ProgramHeader64<NativeEndian>>()];
    memory::read(address, &mut bytes).ok()?;
    let (headers, _) = slice_from_bytes::<ProgramHeader64<NativeEndian>>(&bytes, count).ok()?;
    let variables = headers.iter().find(|header| header.p_type(NativeEndian) == PT_TLS)?;
    let align = variables.p_align(NativeEndian).max(1);
    align.is_power_of_two().then(|| (variables.p_memsz(NativeEndian), align))
}

#[cfg(target_arch = "x86_64")]
fn thread_pointer() -> Option<u64> {
    let pointer: u64;
    // SAFETY: the x86-64 ELF ABI has the C library keep the thread pointer's own value in the word that it points to; the
    // instruction reads that word and writes one register.
    unsafe { std::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, preserves_flags, readonly)) };
    Some(pointer)
}

#[cfg(target_arch = "aarch64")]
fn thread_pointer() -> Option<u64> {
    let pointer: u64;
    // SAFETY: user code may read `tpidr_el0` on every aarch64 processor; the instruction writes one register.
    unsafe {
        std::arch::asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, preserves_flags, nomem))
    };
    Some(pointer)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn thread_pointer() -> Option<u64> {
    None
}
