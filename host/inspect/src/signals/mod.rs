//! Signals: which may not be used, how threads of a library block them all, and a notice in forked children.

#[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
mod bell;
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
mod errno;
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
mod forked;
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
mod listener;
#[cfg(unix)]
mod table;

#[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
pub use bell::Bell;
#[cfg(stacks)]
pub(crate) use errno::ErrnoGuard;
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
pub use forked::{ForkedNotice, tell_if_forked};
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
pub use listener::{Arrived, Listener, Sender, listen};
#[cfg(unix)]
pub use table::{FAULTS, UNCATCHABLE, may_ask_threads, real_time};

/// Blocks every signal in the calling thread, so that the application's signals are always delivered to
/// threads of the application: a handler of its own may rely on the thread it runs on, and one that waits
/// by `sigwait` must not be robbed. Faults of the thread itself (`SIGSEGV` and the like) stay as they are.
///
/// Call it first of all in every thread that a library starts. Does nothing elsewhere than on Unix.
///
/// ```
/// std::thread::spawn(|| {
///     gmr_inspect::signals::block_all_in_this_thread();
/// })
/// .join()
/// .unwrap();
/// ```
pub fn block_all_in_this_thread() {
    #[cfg(unix)]
    {
        let set = all_but_faults();
        // SAFETY: `set` is an initialised signal set, and the call concerns the calling thread's mask alone.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
    }
}

/// Every signal that may be held back.
#[cfg(unix)]
pub(crate) fn all_but_faults() -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the pointer is to memory of the right size, which the call initialises.
    unsafe { libc::sigfillset(set.as_mut_ptr()) };
    // SAFETY: `sigfillset` fails only for a null pointer, so the set is initialised.
    let mut set = unsafe { set.assume_init() };
    for signal in FAULTS {
        // SAFETY: `set` is an initialised set and the number is a valid signal.
        unsafe { libc::sigdelset(&raw mut set, signal) };
    }
    set
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_blocks_all_lets_only_faults_through() {
        let status = std::thread::spawn(|| {
            block_all_in_this_thread();
            std::fs::read_to_string("/proc/thread-self/status").unwrap()
        })
        .join()
        .unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
        let blocks = |signal: i32| mask >> (signal - 1) & 1 == 1;
        assert!(blocks(libc::SIGUSR2) && blocks(libc::SIGTERM) && blocks(libc::SIGURG));
        assert!(FAULTS.iter().all(|fault| !blocks(*fault)));
    }
}
