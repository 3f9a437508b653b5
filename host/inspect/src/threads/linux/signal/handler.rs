//! The signal handler, which runs in the signalled thread: save the registers, copy the stack, return.
//!
//! # Async-signal-safety
//!
//! Everything here may run at any instruction of any thread of the application, also on an alternate stack
//! of 8 KiB: no allocation, no lock, no panic, no first use of a thread-local, less than 1 KiB of stack.
//! `errno` is restored. Nothing is unwound.

use super::disposition;
use super::slots::{BELL, COPY_BYTES, LATE, LISTENING, RANGES, SLOTS, Slot, copy_address};
use crate::arch::registers::{self, STACK_POINTER};
use crate::memory::{self, held_file};
use crate::signals::ErrnoGuard;
use rustix::thread::futex;
use std::sync::atomic::Ordering;

/// What marks a signal of ours in its `si_value`: an address that nothing else in the process has.
static MARK: u8 = 0;

pub(super) fn mark() -> usize {
    &raw const MARK as usize
}

/// The x86-64 ABI lets leaf functions use this much below the stack pointer.
const RED_ZONE: u64 = 128;

/// # Safety
///
/// To be called by the kernel alone, as a handler with `SA_SIGINFO`.
pub(super) unsafe extern "C" fn handle(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let _errno = ErrnoGuard::new();
    // SAFETY: the kernel passes a valid siginfo, which outlives the handler, since the handler is installed
    // with SA_SIGINFO.
    let origin = Origin::of(unsafe { &*info });
    let slot = Slot::begin(rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned());
    if let Some(index) = slot {
        // SAFETY: the kernel passes the interrupted thread's ucontext, which outlives the handler, since the
        // handler is installed with SA_SIGINFO.
        serve(index, unsafe { &*context.cast::<libc::ucontext_t>() });
    }
    match (slot, origin) {
        (_, Origin::Marked) if slot.is_none() => {
            // A capture gave up waiting for this one.
            let _ = LATE.try_update(Ordering::Relaxed, Ordering::Relaxed, |late| late.checked_sub(1));
        }
        (_, Origin::Marked) => {}
        // Sent by `tgkill`, where nothing can be marked.
        (Some(_), Origin::OwnProcess) => {}
        (None, Origin::OwnProcess)
            if LATE.try_update(Ordering::Relaxed, Ordering::Relaxed, |late| late.checked_sub(1)).is_ok() => {}
        // A foreign signal may have merged with ours: a thread has each number pending once.
        _ => disposition::forward(signal, info, context),
    }
}

#[derive(Clone, Copy)]
enum Origin {
    /// Ours beyond doubt.
    Marked,
    /// By `tgkill` from within this process: ours perhaps.
    OwnProcess,
    Foreign,
}

impl Origin {
    fn of(info: &libc::siginfo_t) -> Origin {
        let own = rustix::process::getpid().as_raw_nonzero().get();
        // SAFETY: `info` is initialised as a whole, and this part of its union is an integer; `si_code` below
        // decides whether it means something.
        let sender = unsafe { info.si_pid() };
        // SAFETY: `info` is initialised as a whole, and this part of its union is a pointer, which is only
        // compared.
        let value = unsafe { info.si_value() };
        match info.si_code {
            libc::SI_QUEUE if sender == own && value.sival_ptr as usize == mark() => Origin::Marked,
            libc::SI_TKILL if sender == own => Origin::OwnProcess,
            _ => Origin::Foreign,
        }
    }
}

fn serve(index: usize, context: &libc::ucontext_t) {
    let Some(slot) = SLOTS.get(index) else { return };
    let registers = registers::interrupted(context);
    for (place, value) in slot.registers.iter().zip(registers) {
        place.store(value, Ordering::Relaxed);
    }
    let stack_pointer = registers[STACK_POINTER];
    let second = slot.second.load(Ordering::Relaxed);
    let begin = stack_pointer.saturating_sub(RED_ZONE) & !7;
    let room = if second == 0 { COPY_BYTES } else { COPY_BYTES / RANGES };
    copy(slot, index, 0, begin, room);
    copy(slot, index, 1, second, if second == 0 { 0 } else { room });
    slot.finish();
    BELL.fetch_add(1, Ordering::SeqCst);
    if LISTENING.swap(0, Ordering::SeqCst) != 0 {
        let _ = futex::wake(&BELL, futex::Flags::PRIVATE, 1);
    }
}

/// Copies by the kernel, never by `memcpy`: a guard page ends the copy instead of killing the process.
fn copy(slot: &Slot, index: usize, range: usize, address: u64, room: usize) {
    let (Some(start), Some(length), Some(into)) =
        (slot.starts.get(range), slot.lengths.get(range), copy_address(index))
    else {
        return;
    };
    start.store(address, Ordering::Relaxed);
    length.store(0, Ordering::Relaxed);
    if room == 0 {
        return;
    }
    let into = into.wrapping_add(if range == 0 { 0 } else { COPY_BYTES / RANGES });
    let local = libc::iovec { iov_base: into.cast(), iov_len: room };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: room };
    let own = rustix::process::getpid().as_raw_nonzero().get();
    // SAFETY: `local` lies within the copy of the slot whose `Slot::word` this handler moved to RUNNING in
    // `Slot::begin`, so that nobody else reaches it; the kernel checks `remote`.
    let copied = unsafe { libc::process_vm_readv(own, &raw const local, 1, &raw const remote, 1, 0) };
    let copied = match usize::try_from(copied) {
        Ok(copied) => copied,
        // SAFETY: as for `local`, which `into` and `room` are.
        Err(_) if memory::is_refusal(errno::errno().0) => unsafe { held_file::copy(address, into, room) },
        Err(_) => 0,
    };
    length.store(copied, Ordering::Relaxed);
}
