//! The bell as a pair of sockets, for systems without futexes.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};

use super::super::errno::ErrnoGuard;

/// Wakes the one thread that waits for it.
#[derive(Debug)]
pub struct Bell {
    ring: UnixStream,
    rung: UnixStream,
}

impl Bell {
    /// A bell that nobody has rung.
    ///
    /// # Errors
    ///
    /// If the system refuses a pair of sockets.
    pub fn new() -> io::Result<Bell> {
        let (ring, rung) = UnixStream::pair()?;
        ring.set_nonblocking(true)?;
        rung.set_nonblocking(true)?;
        Ok(Bell { ring, rung })
    }

    /// Wakes the thread that waits, or the next one that will.
    ///
    /// # Async-signal-safety
    ///
    /// One `write` that does not block, with `errno` restored.
    pub fn ring(&self) {
        let _errno = ErrnoGuard::new();
        // A full one has woken the thread already.
        let _ = (&self.ring).write(&[1]);
    }

    /// Returns when it has been rung since the last wait; now and then without that, as when a signal comes.
    pub fn wait(&self) {
        let _ = poll(&mut [PollFd::new(&self.rung, PollFlags::IN)], None);
        let mut rings = [0; 64];
        while matches!((&self.rung).read(&mut rings), Ok(1..)) {}
    }
}
