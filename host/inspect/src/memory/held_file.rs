//! `/proc/self/mem`, held open: by it memory is read where the kernel refuses `process_vm_readv`, also by a signal handler,
//! which can open nothing itself, and after a change of user, when it cannot be opened any more.

use crate::proc_self;
use std::os::fd::{AsRawFd as _, BorrowedFd, IntoRawFd as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// The process that the file is of in the upper half, the descriptor plus one in the lower; 0 if none is held. One word,
/// so that the child of a fork, to which the file shows its parent's memory, never reads by it.
static HELD: AtomicU64 = AtomicU64::new(0);
/// What the descriptor was of when it was opened: an application that closes all descriptors gets the number for something
/// of its own.
static DEVICE: AtomicU64 = AtomicU64::new(0);
static INODE: AtomicU64 = AtomicU64::new(0);

fn descriptor() -> Option<i32> {
    let held = HELD.load(Ordering::Acquire);
    let own = rustix::process::getpid().as_raw_nonzero().get().cast_unsigned();
    (held >> 32 == u64::from(own)).then_some(held as u32 as i32 - 1).filter(|number| *number >= 0)
}

/// Makes sure that the file is held, for as long as the process lives; one descriptor. Where it cannot be opened, nothing
/// is held. Not for signal handlers.
pub(crate) fn hold() {
    if is_ours() {
        return;
    }
    let before = HELD.load(Ordering::Acquire);
    let Ok(file) = proc_self::open(Path::new("/proc/self/mem")) else { return };
    let Ok(stat) = rustix::fs::fstat(&file) else { return };
    let own = rustix::process::getpid().as_raw_nonzero().get().cast_unsigned();
    let held = u64::from(own) << 32 | u64::from(file.as_raw_fd().cast_unsigned() + 1);
    DEVICE.store(stat.st_dev, Ordering::Relaxed);
    INODE.store(stat.st_ino, Ordering::Relaxed);
    if HELD.compare_exchange(before, held, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
        // A former number is left alone: it is somebody else's by now, or the parent's.
        let _ = file.into_raw_fd();
    }
}

fn is_ours() -> bool {
    descriptor().is_some_and(|number| {
        // SAFETY: asks what the descriptor of this number is of, which may be anything or nothing; it is neither read nor
        // closed, and not used beyond this call.
        let stat = rustix::fs::fstat(unsafe { BorrowedFd::borrow_raw(number) });
        stat.is_ok_and(|stat| {
            (stat.st_dev, stat.st_ino) == (DEVICE.load(Ordering::Relaxed), INODE.load(Ordering::Relaxed))
        })
    })
}

/// Copies what lies at an address, as much of it as can be read from there on, and returns how much: nothing if no file
/// is held.
///
/// # Safety
///
/// `into` must be valid for writes of `length` bytes.
///
/// # Async-signal-safety
///
/// Atomic loads, `getpid` and `pread`, by system calls of its own: the C library's function may end the thread, if that
/// was cancelled.
pub(crate) unsafe fn copy(address: u64, into: *mut u8, length: usize) -> usize {
    let Some(number) = descriptor() else { return 0 };
    // SAFETY: the kernel writes to `into` alone, at most `length` bytes, for which the caller vouches; it checks the
    // address itself.
    let copied = unsafe { libc::syscall(libc::SYS_pread64, number, into, length, address) };
    usize::try_from(copied).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_copies_what_can_be_read() {
        hold();
        let held = HELD.load(Ordering::Relaxed);
        hold();
        assert_eq!(HELD.load(Ordering::Relaxed), held, "once is enough");
        let value = 0x0123_4567_89ab_cdef_u64;
        let mut copied = 0_u64;
        let into = (&raw mut copied).cast();
        // SAFETY: `copied` has eight bytes.
        assert_eq!(unsafe { copy(&raw const value as u64, into, 8) }, 8);
        assert_eq!(copied, value);
        // SAFETY: as above.
        assert_eq!(unsafe { copy(8, into, 8) }, 0);
    }
}
