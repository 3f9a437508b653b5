//! Standard error as a sink. Its reader is not trusted: where it is slow or gone, the rest of the report is
//! lost, and nothing else is.
//!
//! The descriptor belongs to the application. Its flags are never changed, and Rust's lock around it is
//! never taken: the thread that holds it may be the one that is stuck. A pipe or terminal is opened a
//! second time, so that only this second description is non-blocking. The worker blocks all signals but the one that asks
//! for reports, `SIGPIPE` among them: a closed pipe is an error and no more.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;

/// One report's way to standard error.
pub(crate) struct Stderr {
    way: Way,
    deadline: Instant,
    lost: usize,
}

/// How to write without ever blocking.
enum Way {
    /// A second description of the same pipe or terminal, non-blocking.
    Reopened(File),
    /// A socket is told not to block with each call.
    Socket,
    /// A regular file, which is always ready; or a pipe that could not be opened again.
    Direct,
    /// A pipe without a reader.
    Closed,
}

/// A pipe that is ready takes so many bytes without blocking (`PIPE_BUF` in pipe(7)).
const READY: usize = 4096;

impl Stderr {
    /// Begins a report; what is not taken by the deadline is lost.
    pub(crate) fn begin(deadline: Instant) -> Stderr {
        Stderr { way: Way::find(io::stderr().as_fd()), deadline, lost: 0 }
    }

    /// Writes what the reader takes in time.
    pub(crate) fn write(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while !rest.is_empty() && self.lost == 0 {
            match self.way.write(&rest[..rest.len().min(READY)]) {
                Ok(taken @ 1..) => rest = &rest[taken..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.wait() => {}
                Ok(0) | Err(_) => break,
            }
        }
        self.lost += rest.len();
    }

    /// How many bytes were not taken.
    pub(crate) fn lost(&self) -> usize {
        self.lost
    }

    /// Whether the reader became ready before the deadline.
    fn wait(&self) -> bool {
        let remaining = self.deadline.saturating_duration_since(Instant::now());
        let Ok(timeout) = Timespec::try_from(remaining) else { return false };
        let stderr = io::stderr();
        let mut ready = [PollFd::new(&stderr, PollFlags::OUT)];
        // The signal that asks for reports may come on this thread: then it is simply tried once more.
        let is_ready = |polled| matches!(polled, Ok(1..) | Err(Errno::INTR));
        !remaining.is_zero() && is_ready(poll(&mut ready, Some(&timeout)))
    }
}

/// A reader that is gone is an error; where the system cannot be asked for that, a `SIGPIPE` as for any
/// write.
#[cfg(not(target_vendor = "apple"))]
const WITHOUT_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const WITHOUT_SIGNAL: SendFlags = SendFlags::empty();

impl Way {
    fn find(stderr: BorrowedFd<'_>) -> Way {
        let Ok(stat) = rustix::fs::fstat(stderr) else { return Way::Closed };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Socket => Way::Socket,
            FileType::Fifo | FileType::CharacterDevice => {
                let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                match rustix::fs::open("/proc/self/fd/2", flags, Mode::empty()) {
                    Ok(file) => Way::Reopened(file.into()),
                    // A pipe without a reader.
                    Err(Errno::NXIO) => Way::Closed,
                    // Another user's terminal after a change of user, or no /proc.
                    Err(_) => Way::Direct,
                }
            }
            _ => Way::Direct,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        let stderr = io::stderr();
        match self {
            Way::Reopened(file) => file
                .write(bytes)
                .map_err(|error| error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)),
            Way::Socket => rustix::net::send(&stderr, bytes, SendFlags::DONTWAIT | WITHOUT_SIGNAL),
            Way::Direct => {
                let mut ready = [PollFd::new(&stderr, PollFlags::OUT)];
                match poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? {
                    0 => Err(Errno::AGAIN),
                    _ => rustix::io::write(&stderr, bytes),
                }
            }
            Way::Closed => Err(Errno::PIPE),
        }
    }
}
