//! Programs that are run as a child process of which the application notices nothing: no `SIGCHLD`, no child for its
//! `waitpid(-1)`, no descriptor or variable that is passed on, nothing that goes on when the application has ended.
//!
//! The kernel makes each program that is executed a child with `SIGCHLD`, whatever it was cloned with. So between the
//! application and the program there is a supervisor: a process without an exit signal, which `waitpid` does not see
//! without `__WALL`, and which shares the application's memory, so that nothing is copied and the application's
//! fork handlers do not run. It holds the program to its time, and makes system calls alone.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

#[cfg(stacks)]
mod parent;
#[cfg(stacks)]
mod supervisor;

/// A program to be run, and what it gets: its arguments, the first of which is its name, and three descriptors. It has no
/// environment, no other descriptor, all signals at their defaults and none blocked, a session of its own, and gains no
/// privileges by what its file is.
#[derive(Debug)]
#[non_exhaustive]
pub struct Program {
    /// The executable, an ELF file. That it is trusted is the caller's business.
    pub executable: OwnedFd,
    /// Its arguments, from its name on.
    pub arguments: Vec<CString>,
    /// What it reads as its standard input.
    pub input: OwnedFd,
    /// Its standard output.
    pub output: OwnedFd,
    /// Its standard error.
    pub errors: OwnedFd,
}

impl Program {
    /// A program without arguments but its name.
    pub fn new(
        executable: OwnedFd,
        name: CString,
        input: OwnedFd,
        output: OwnedFd,
        errors: OwnedFd,
    ) -> Program {
        Program { executable, arguments: vec![name], input, output, errors }
    }
}

/// What a program may take. Where the process itself has less, that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// `RLIMIT_AS`, in bytes.
    pub address_space_bytes: u64,
    /// `RLIMIT_CPU`, in whole seconds, from 1. `SIGXCPU` ends the program that exceeds it.
    pub processor_time: Duration,
    /// `RLIMIT_FSIZE`: how large a file it may write, in bytes.
    pub file_bytes: u64,
    /// Time on the wall, after which it is killed.
    pub time: Duration,
    /// For so long it has the priority of its parent, and then [`Limits::niceness`].
    pub normal_priority: Duration,
    /// From 1 to 19; 0 leaves the priority as it is. So it stays under a filter of system calls too, as with
    /// [`lower_priority`](crate::process::lower_priority).
    pub niceness: i32,
}

impl Limits {
    /// Limits of memory and processor time; a time on the wall of ten times that, files of 1 GiB, and a priority that stays
    /// as it is.
    pub fn new(address_space_bytes: u64, processor_time: Duration) -> Limits {
        Limits {
            address_space_bytes,
            processor_time,
            file_bytes: 1 << 30,
            time: processor_time.saturating_mul(10),
            normal_priority: Duration::ZERO,
            niceness: 0,
        }
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Signal(i32),
    /// Its time on the wall was over.
    TimedOut,
    /// It was to be stopped.
    Stopped,
}

/// Runs a program and waits for its end, for which `is_stopped` is asked ten times a second. Blocks the calling thread, and
/// if that ends, so does the program. Needs Linux 5.9 on x86-64 or AArch64.
///
/// While it runs, the process has one descriptor more and is listed twice, with the program as the second one's child. Whoever
/// waits for children with `__WALL` or `__WCLONE` sees the supervisor.
///
/// # Errors
///
/// Why the program could not be started: the system lacks what it takes, or refuses a process or the executable.
///
/// ```
/// use std::fs::File;
/// use std::time::Duration;
/// use gmr_inspect::child_program::{Ended, Limits, Program, run};
///
/// let null = || File::options().read(true).write(true).open("/dev/null").map(Into::into);
/// let program = Program::new(File::open("/bin/true")?.into(), c"true".into(), null()?, null()?, null()?);
/// # #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
/// assert_eq!(run(program, Limits::new(1 << 30, Duration::from_secs(10)), || false)?, Ended::Exited(0));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn run(program: Program, limits: Limits, is_stopped: impl Fn() -> bool) -> io::Result<Ended> {
    #[cfg(stacks)]
    return parent::run(program, limits, is_stopped);
    #[cfg(not(stacks))]
    {
        let _ = (program, limits, is_stopped);
        Err(io::ErrorKind::Unsupported.into())
    }
}
