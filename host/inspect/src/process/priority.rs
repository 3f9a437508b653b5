//! The priority of threads that work in the background.

#[cfg(target_os = "linux")]
use super::file;
#[cfg(target_os = "linux")]
use crate::proc::keys;

/// Makes the calling thread give way to others by so many steps of niceness, from 1 to 19. Does nothing elsewhere than on
/// Linux, where niceness is a thread's own.
///
/// Does nothing under a seccomp filter either: one such as systemd's `SystemCallFilter=~@resources` ends the whole process
/// for the call, and nobody can be asked before. Where the system refuses it, as for want of privileges, the thread keeps
/// its priority too.
///
/// ```
/// std::thread::spawn(|| gmr_inspect::process::lower_priority(10)).join().unwrap();
/// ```
pub fn lower_priority(niceness: i32) {
    #[cfg(target_os = "linux")]
    if !system_calls_are_filtered() {
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), niceness);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = niceness;
}

/// Whether a filter may answer the process's system calls, or end it for one: seccomp's. `true` also where that cannot be
/// told, and elsewhere than on Linux.
pub fn system_calls_are_filtered() -> bool {
    #[cfg(target_os = "linux")]
    return file::read("/proc/self/status").is_none_or(|status| is_filtered(&status));
    #[cfg(not(target_os = "linux"))]
    true
}

/// Whether system calls of the process may be answered by a filter: `Seccomp` is 2 then, and 1 where hardly any are allowed.
/// Kernels without such filters have no line of it.
#[cfg(target_os = "linux")]
fn is_filtered(status: &[u8]) -> bool {
    keys::after(status, "Seccomp").is_some_and(|mode| mode != b"0")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_told_by_its_mode() {
        let check = |status: &[u8], expected| assert_eq!(is_filtered(status), expected);
        check(b"NoNewPrivs:\t1\nSeccomp:\t0\nSeccomp_filters:\t0\n", false);
        check(b"NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n", true);
        check(b"Seccomp:\t1\n", true);
        check(b"NoNewPrivs:\t0\n", false);
    }

    #[test]
    fn a_thread_gives_way_and_no_other_does() {
        let niceness = || rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap();
        let before = niceness();
        let lowered = std::thread::spawn(move || {
            lower_priority(19);
            niceness()
        });
        let is_filtered = is_filtered(&std::fs::read("/proc/self/status").unwrap());
        assert_eq!(lowered.join().unwrap(), if is_filtered { before } else { 19 });
        assert_eq!(niceness(), before);
    }
}
