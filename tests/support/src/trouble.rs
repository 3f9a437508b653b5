//! Parts of a process that hang when a test says so: its allocator, glibc's arena, the dynamic loader, one thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU32, Ordering};

/// The system's allocator, until [`hang`] is called.
///
/// A program that hangs has `#[global_allocator] static ALLOCATOR: Hanging = Hanging;`.
pub struct Hanging;

/// Who gets no answer from [`Hanging`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Every thread.
    All,
    /// Every thread that has not called [`spare_this_thread`].
    Others,
}

const NOBODY: u32 = 0;
const ALL: u32 = 1;
const OTHERS: u32 = 2;

static HANGS: AtomicU32 = AtomicU32::new(NOBODY);
thread_local!(static SPARED: Cell<bool> = const { Cell::new(false) });

/// From now on these threads get no answer from the allocator.
pub fn hang(who: Who) {
    HANGS.store(if who == Who::All { ALL } else { OTHERS }, Ordering::SeqCst);
}

/// The calling thread is answered always when [`Who::Others`] are not.
pub fn spare_this_thread() {
    SPARED.set(true);
}

/// Everybody gets an answer again.
pub fn release() {
    HANGS.store(NOBODY, Ordering::SeqCst);
    // SAFETY: wakes all that wait at a word which exists for ever.
    unsafe { libc::syscall(libc::SYS_futex, HANGS.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
}

/// Releases when there is a file of this name. Allocates nothing meanwhile.
pub fn release_at_file(path: &CStr) {
    // SAFETY: the path ends with a zero.
    while unsafe { libc::access(path.as_ptr(), libc::F_OK) } != 0 {
        // SAFETY: waits for no descriptor.
        unsafe { libc::poll(std::ptr::null_mut(), 0, 5) };
    }
    release();
}

/// Where a thread stands that gets no answer.
#[inline(never)]
pub fn no_answer() {
    loop {
        let hangs = HANGS.load(Ordering::SeqCst);
        if hangs == NOBODY || (hangs == OTHERS && SPARED.get()) {
            return;
        }
        let forever = std::ptr::null::<libc::timespec>();
        // SAFETY: waits at a word which exists for ever.
        unsafe { libc::syscall(libc::SYS_futex, HANGS.as_ptr(), libc::FUTEX_WAIT, hangs, forever) };
    }
}

// SAFETY: hands everything to the system's allocator, sooner or later.
unsafe impl GlobalAlloc for Hanging {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if HANGS.load(Ordering::Relaxed) != NOBODY {
            no_answer();
        }
        // SAFETY: the caller's layout, as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if HANGS.load(Ordering::Relaxed) != NOBODY {
            no_answer();
        }
        // SAFETY: the caller's memory and layout, as they came; all of it is the system's.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Prints glibc's statistics to standard error. It holds the lock of each arena while it prints that one's, so that
/// nobody gets memory from it as long as standard error takes nothing.
#[cfg(target_env = "gnu")]
pub fn print_with_arena_locked() {
    unsafe extern "C" {
        safe fn malloc_stats();
    }
    malloc_stats();
}

/// Opens a library, and returns when its constructors have.
pub fn open_library(path: &CStr) -> bool {
    // SAFETY: a path that ends with a zero; the constructors are the test's own.
    !unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) }.is_null()
}

/// A thread of a child process that a debugger has stopped; dropping this lets it go on. Both on the same thread.
pub struct StoppedThread(i32);

impl StoppedThread {
    /// Stops it.
    ///
    /// # Errors
    ///
    /// If the system allows no `ptrace`.
    pub fn stop(id: u32) -> std::io::Result<StoppedThread> {
        let id = id.cast_signed();
        let null = std::ptr::null_mut::<libc::c_void>();
        // SAFETY: attaches to a thread of a child of this process, with no options.
        if unsafe { libc::ptrace(libc::PTRACE_SEIZE, id, null, null) } != 0 {
            return Err(std::io::Error::last_os_error());
        }
        // SAFETY: stops a thread that this one has attached to.
        if unsafe { libc::ptrace(libc::PTRACE_INTERRUPT, id, null, null) } != 0 {
            return Err(std::io::Error::last_os_error());
        }
        // SAFETY: waits until it stops, and wants no status.
        if unsafe { libc::waitpid(id, std::ptr::null_mut(), libc::__WALL) } != id {
            return Err(std::io::Error::last_os_error());
        }
        Ok(StoppedThread(id))
    }
}

impl Drop for StoppedThread {
    fn drop(&mut self) {
        let null = std::ptr::null_mut::<libc::c_void>();
        // SAFETY: lets a thread go on that this one has stopped; if its process is gone, the call fails.
        unsafe { libc::ptrace(libc::PTRACE_DETACH, self.0, null, null) };
    }
}
