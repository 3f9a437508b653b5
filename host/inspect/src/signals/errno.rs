//! `errno` of the calling thread, kept over what a signal handler does.

use errno::Errno;

/// Restores the calling thread's `errno` when it is dropped: a handler may come between a failed call of the
/// application and the application's look at its reason.
///
/// # Async-signal-safety
///
/// `errno` is a variable of the thread's own, which exists since the thread does; nothing is called but the
/// function that tells where it is.
pub(crate) struct ErrnoGuard(Errno);

impl ErrnoGuard {
    pub fn new() -> ErrnoGuard {
        ErrnoGuard(errno::errno())
    }
}

impl Drop for ErrnoGuard {
    fn drop(&mut self) {
        errno::set_errno(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_call_leaves_no_trace() {
        errno::set_errno(Errno(libc::EINTR));
        let guard = ErrnoGuard::new();
        // SAFETY: closes no descriptor, since there is none of this number.
        assert_eq!(unsafe { libc::close(-1) }, -1);
        assert_eq!(errno::errno(), Errno(libc::EBADF));
        drop(guard);
        assert_eq!(errno::errno(), Errno(libc::EINTR));
    }
}
