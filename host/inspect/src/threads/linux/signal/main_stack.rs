//! An alternate signal stack for the main thread that stays until the process is gone.
//!
//! std gives that thread one too, and before its issue 161018 was mended `std::process::exit` unmapped it whichever thread
//! called: the main thread may still be waiting then, and a signal for it, ours too, would end the process by
//! SIGSEGV instead of with its own status. Other threads' stacks are taken back by those threads themselves.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

static DONE: AtomicBool = AtomicBool::new(false);

/// Exchanges the main thread's alternate stack for one of the same size that is never given back. A thread can set its own
/// alone, so on another thread this does nothing; nor if there is none, or a handler stands on it now.
pub(super) fn keep() {
    if super::super::current_thread::id() != std::process::id() || DONE.swap(true, Ordering::Relaxed) {
        return;
    }
    let mut current = libc::stack_t { ss_sp: null_mut(), ss_flags: 0, ss_size: 0 };
    // SAFETY: only asks; there is room for the answer.
    unsafe { libc::sigaltstack(std::ptr::null(), &raw mut current) };
    if current.ss_size == 0 || current.ss_flags & (libc::SS_DISABLE | libc::SS_ONSTACK) != 0 {
        return;
    }
    // SAFETY: takes an integer.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(0);
    let (protection, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK);
    let Some(length) = current.ss_size.checked_add(page) else { return };
    // SAFETY: new memory, wherever the kernel likes.
    let memory = unsafe { libc::mmap(null_mut(), length, protection, flags, -1, 0) };
    if memory == libc::MAP_FAILED {
        return;
    }
    // A handler that needs more must not write into whatever lies below.
    // SAFETY: the first page of the new memory, which nobody uses.
    unsafe { libc::mprotect(memory, page, libc::PROT_NONE) };
    let stack = libc::stack_t { ss_sp: memory.wrapping_byte_add(page), ..current };
    // SAFETY: the memory is as large as it says, this thread's alone, and never unmapped.
    unsafe { libc::sigaltstack(&raw const stack, null_mut()) };
}
