//! An alternate signal stack for the main thread that stays until the process is gone.
//!
//! std gives that thread one too, and before its issue 161018 was mended `std::process::exit` unmapped it
//! whichever thread called: the main thread may still be waiting then, and a signal for it, ours too, would
//! end the process by SIGSEGV instead of with its own status. Other threads' stacks are taken back by those
//! threads themselves.

use super::super::current_thread;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

/// The largest page of either architecture, since only whole pages are protected.
const GUARD: usize = 64 << 10;

static DONE: AtomicBool = AtomicBool::new(false);

/// Exchanges the main thread's alternate stack for one of the same size that is never given back. A thread
/// can set its own alone, so on another thread this does nothing; nor if there is none, or a handler stands
/// on it now.
pub(super) fn keep() {
    if current_thread::id() != std::process::id() || DONE.swap(true, Ordering::Relaxed) {
        return;
    }
    let mut current = libc::stack_t { ss_sp: null_mut(), ss_flags: 0, ss_size: 0 };
    // SAFETY: sets nothing; `current` has room for one answer.
    unsafe { libc::sigaltstack(std::ptr::null(), &raw mut current) };
    if current.ss_size == 0 || current.ss_flags & (libc::SS_DISABLE | libc::SS_ONSTACK) != 0 {
        return;
    }
    let Some(length) = current.ss_size.checked_add(GUARD) else { return };
    let (readable, private) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::STACK);
    // SAFETY: new memory at a place that the kernel chooses, so that nothing else is mapped there.
    let Ok(memory) = (unsafe { rustix::mm::mmap_anonymous(null_mut(), length, readable, private) }) else {
        return;
    };
    // A handler that needs more must not write into whatever lies below.
    // SAFETY: the beginning of `memory`, which nobody else knows yet.
    let _ = unsafe { rustix::mm::mprotect(memory, GUARD, MprotectFlags::empty()) };
    let stack = libc::stack_t { ss_sp: memory.wrapping_byte_add(GUARD), ..current };
    // SAFETY: `memory` has `ss_size` bytes from there on, is this thread's alone, and is never unmapped.
    unsafe { libc::sigaltstack(&raw const stack, null_mut()) };
}
