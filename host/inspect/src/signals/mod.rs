//! Signals: which may not be used, how threads of a library block them, and a notice in forked children.

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
/// by `sigwait` must not be robbed. Faults of the thread itself ([`FAULTS`]) are let in, also where the thread
/// has inherited a mask that blocks them.
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
    block_all_but(&[]);
}

/// As [`block_all_in_this_thread`], but lets these signals in: so that they reach their handler also where every
/// thread of the application blocks them, as after `exec` from a program that did, or beside a thread that waits
/// for others by `sigwait`. One that has been pending since is delivered at once, so its handler must be installed.
///
/// Handlers that the application has for them may then run on the calling thread. If the application waits for one
/// of them by `sigwait` or a `signalfd`, the kernel gives each signal either to that wait or to the handler.
///
/// A number that is no signal is ignored. Does nothing elsewhere than on Unix.
///
/// ```
/// std::thread::spawn(|| {
///     // 12 is SIGUSR2 on Linux, for which a handler must be installed.
///     gmr_inspect::signals::block_all_but(&[12]);
/// })
/// .join()
/// .unwrap();
/// ```
pub fn block_all_but(signals: &[i32]) {
    #[cfg(unix)]
    {
        let mut set = all_but_faults();
        for signal in signals {
            // SAFETY: `set` is an initialised set; a number that is no signal is refused.
            unsafe { libc::sigdelset(&raw mut set, *signal) };
        }
        // SAFETY: `set` is an initialised signal set, and the call concerns the calling thread's mask alone.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut()) };
    }
    #[cfg(not(unix))]
    let _ = signals;
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

    /// What a thread blocks after it has run this.
    fn blocked_after(block: fn()) -> impl Fn(i32) -> bool {
        let status = std::thread::spawn(move || {
            block();
            std::fs::read_to_string("/proc/thread-self/status").unwrap()
        })
        .join()
        .unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
        move |signal| mask >> (signal - 1) & 1 == 1
    }

    #[test]
    fn a_thread_that_blocks_all_lets_only_faults_through() {
        let blocks = blocked_after(block_all_in_this_thread);
        assert!(blocks(libc::SIGUSR2) && blocks(libc::SIGTERM) && blocks(libc::SIGURG));
        assert!(FAULTS.iter().all(|fault| !blocks(*fault)));
    }

    #[test]
    fn a_mask_that_was_inherited_blocks_neither_faults_nor_what_is_let_in() {
        let blocks = blocked_after(|| {
            let mut inherited = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
            // SAFETY: initialises the set.
            unsafe { libc::sigfillset(inherited.as_mut_ptr()) };
            // SAFETY: the set was initialised; the call concerns this thread's mask alone.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, inherited.as_ptr(), std::ptr::null_mut()) };
            block_all_but(&[libc::SIGUSR2, 0, 99]);
        });
        assert!(!blocks(libc::SIGUSR2));
        assert!(blocks(libc::SIGUSR1) && blocks(libc::SIGTERM) && blocks(libc::SIGURG));
        assert!(FAULTS.iter().all(|fault| !blocks(*fault)));
    }
}
