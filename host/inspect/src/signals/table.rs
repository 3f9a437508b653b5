//! The table of signals that may not be used: those that mean a fault, those that cannot be caught, and those
//! that the C library keeps for itself.

/// Signals that are raised for what the thread does itself: by the processor, by a seccomp filter that traps a
/// system call (`SIGSYS`), and by `abort`. None of them may be blocked, since the kernel ends a process that
/// raises a blocked fault without asking its handlers; and none may be used for anything else.
///
/// ```
/// assert!(gmr_inspect::signals::FAULTS.contains(&libc::SIGSEGV));
/// ```
#[cfg(unix)]
pub const FAULTS: [i32; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGSYS, libc::SIGTRAP, libc::SIGABRT];

/// Signals that no handler is ever called for.
#[cfg(unix)]
pub const UNCATCHABLE: [i32; 2] = [libc::SIGKILL, libc::SIGSTOP];

/// The real-time signals that a program may use, by the C library's account: it keeps the first ones for
/// itself, two in glibc and three in musl. Empty on systems that have none.
///
/// ```
/// # #[cfg(target_os = "linux")]
/// assert!(gmr_inspect::signals::real_time().contains(&64));
/// assert!(!gmr_inspect::signals::real_time().contains(&32));
/// ```
#[cfg(unix)]
pub fn real_time() -> std::ops::RangeInclusive<i32> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return libc::SIGRTMIN()..=libc::SIGRTMAX();
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    std::ops::RangeInclusive::new(1, 0)
}

/// Whether `threads::Options::signal` may be this signal: one that exists, can be
/// caught, means no fault and is not the C library's own.
///
/// ```
/// use gmr_inspect::signals::may_ask_threads;
///
/// assert!(may_ask_threads(libc::SIGURG));
/// assert!(![libc::SIGTRAP, libc::SIGKILL, 32, 0, -1, 99].into_iter().any(may_ask_threads));
/// ```
#[cfg(unix)]
pub fn may_ask_threads(signal: i32) -> bool {
    let exists = (1..32).contains(&signal) || real_time().contains(&signal);
    exists && !FAULTS.contains(&signal) && !UNCATCHABLE.contains(&signal)
}
