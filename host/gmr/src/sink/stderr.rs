//! Standard error as a sink. Its reader is not trusted: where it is slow or gone, the rest of the report is
//! lost, and nothing else is.
//!
//! The descriptor belongs to the application. Its flags are never changed, and Rust's lock around it is
//! never taken: the thread that holds it may be the one that is stuck. A pipe or terminal is opened a
//! second time, so that only this second description is non-blocking. The worker blocks all signals but the one that asks
//! for reports, `SIGPIPE` among them: a closed pipe is an error and no more.
//!
//! The program may have written half a line, as `eprintln!` does in two calls, so each report begins with a line feed of its
//! own, in one piece with what follows.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::LazyLock;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;

use super::bounded_write::Writer;

/// One report's way to standard error.
pub(crate) struct Stderr {
    way: Way,
    deadline: Instant,
    lost: usize,
    /// Whether half a line of the program's may stand before what is written next.
    mid_line: bool,
}

/// How to write without ever blocking.
enum Way {
    /// A second description of the same pipe or terminal, non-blocking.
    Reopened(File),
    /// A socket is told not to block with each call.
    Socket,
    /// A regular file, which is always ready, but whose disk may hang.
    File,
    /// The same, where no thread may be started for it.
    Blocking,
    /// A pipe or terminal that could not be opened again.
    Direct,
    /// A pipe without a reader.
    Closed,
}

/// A pipe that is ready takes so many bytes without blocking, and in one piece (`PIPE_BUF` in pipe(7)).
const READY: usize = 4096;

/// The process has one standard error: while a write to its file hangs, no report starts another.
static FILE: LazyLock<Writer> = LazyLock::new(Writer::default);

impl Stderr {
    /// Begins a report; what is not taken by the deadline is lost.
    pub(crate) fn begin(deadline: Instant) -> Stderr {
        let stat = rustix::fs::fstat(io::stderr()).ok();
        let kind = stat.as_ref().map(|stat| FileType::from_raw_mode(stat.st_mode));
        let is_empty = kind == Some(FileType::RegularFile) && stat.is_some_and(|stat| stat.st_size == 0);
        Stderr { way: Way::find(kind), deadline, lost: 0, mid_line: !is_empty }
    }

    /// As [`Stderr::begin`], for a thread that may neither allocate nor start another one: a file whose disk hangs holds
    /// it up.
    pub(crate) fn begin_without_allocation(deadline: Instant) -> Stderr {
        let mut stderr = Stderr::begin(deadline);
        if let Way::File = stderr.way {
            stderr.way = Way::Blocking;
        }
        stderr
    }

    /// Writes what the reader takes in time.
    pub(crate) fn write(&mut self, text: &str) {
        if !std::mem::take(&mut self.mid_line) {
            return self.put(text.as_bytes());
        }
        let (head, rest) = text.as_bytes().split_at(text.len().min(READY - 1));
        let mut first = [b'\n'; READY];
        first[1..=head.len()].copy_from_slice(head);
        self.put(&first[..=head.len()]);
        self.put(rest);
    }

    fn put(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() && self.lost == 0 {
            let piece = if matches!(self.way, Way::File) { rest } else { &rest[..rest.len().min(READY)] };
            match self.way.write(piece, self.deadline) {
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
    /// By what standard error is; `None` if there is none.
    fn find(kind: Option<FileType>) -> Way {
        match kind {
            None => Way::Closed,
            Some(FileType::Socket) => Way::Socket,
            Some(FileType::Fifo | FileType::CharacterDevice) => {
                let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                match rustix::fs::open("/proc/self/fd/2", flags, Mode::empty()) {
                    Ok(file) => Way::Reopened(file.into()),
                    // A pipe without a reader.
                    Err(Errno::NXIO) => Way::Closed,
                    // Another user's terminal after a change of user, no descriptor, or no /proc.
                    Err(_) => Way::Direct,
                }
            }
            Some(_) => Way::File,
        }
    }

    fn write(&mut self, bytes: &[u8], deadline: Instant) -> Result<usize, Errno> {
        let stderr = io::stderr();
        match self {
            Way::Reopened(file) => file.write(bytes).map_err(errno),
            Way::Socket => rustix::net::send(&stderr, bytes, SendFlags::DONTWAIT | WITHOUT_SIGNAL),
            Way::File => write_within(deadline, bytes),
            Way::Blocking => rustix::io::write(&stderr, bytes),
            Way::Direct => match is_ready(stderr.as_fd()) {
                Ok(false) => Err(Errno::AGAIN),
                Ok(true) => rustix::io::write(&stderr, bytes),
                Err(Errno::INTR) => Err(Errno::INTR),
                // Not even one descriptor may be waited for, as in a sandbox that allows the program to open none.
                Err(_) => write_within(deadline, bytes),
            },
            Way::Closed => Err(Errno::PIPE),
        }
    }
}

fn is_ready(stderr: BorrowedFd<'_>) -> Result<bool, Errno> {
    let mut ready = [PollFd::new(&stderr, PollFlags::OUT)];
    poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).map(|count| count > 0)
}

/// Writes on a thread that can be left behind.
fn write_within(deadline: Instant, bytes: &[u8]) -> Result<usize, Errno> {
    let bytes = bytes.to_owned();
    FILE.run(deadline, move || Ok(rustix::io::write(io::stderr(), &bytes)?)).map_err(errno)
}

fn errno(error: io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
}
