//! A forked child says that it has no reporter, unless it has one of its own; the parent says nothing. A process of its
//! own, since it forks.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd};

#[test]
fn only_the_child_without_a_reporter_tells() {
    let _notice = gmr_inspect::signals::tell_if_forked(libc::SIGUSR2, "no reporter here\n").unwrap();
    let mut ends = [0; 2];
    // SAFETY: there is room for two descriptors.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    // SAFETY: the descriptor was just made and belongs to nobody else.
    let mut read = unsafe { File::from_raw_fd(ends[0]) };
    // SAFETY: as above.
    let write = unsafe { File::from_raw_fd(ends[1]) };
    // SAFETY: the child calls nothing but async-signal-safe functions before it ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: both descriptors are open.
        unsafe { libc::dup2(write.as_raw_fd(), libc::STDERR_FILENO) };
        // SAFETY: the signal has a handler, in this thread, the only one.
        unsafe { libc::raise(libc::SIGUSR2) };
        // SAFETY: ends the child without running anything of the test's.
        unsafe { libc::_exit(0) };
    }
    // SAFETY: as above; registering allocates, which the C library makes work in the child of a fork.
    let with_reporter = unsafe { libc::fork() };
    if with_reporter == 0 {
        // SAFETY: both descriptors are open.
        unsafe { libc::dup2(write.as_raw_fd(), libc::STDERR_FILENO) };
        let own = gmr_inspect::signals::tell_if_forked(libc::SIGUSR2, "nor here\n");
        // SAFETY: the signal has a handler.
        unsafe { libc::raise(libc::SIGUSR2) };
        // SAFETY: ends the child without running anything of the test's.
        unsafe { libc::_exit(i32::from(own.is_err())) };
    }
    drop(write);
    // SAFETY: the signal has a handler.
    assert_eq!(unsafe { libc::raise(libc::SIGUSR2) }, 0);
    let mut told = String::new();
    read.read_to_string(&mut told).unwrap();
    assert_eq!(told, "no reporter here\n");
    for child in [child, with_reporter] {
        let mut status = 0;
        // SAFETY: `status` is an integer of our own, and the child is ours.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
    }
}
