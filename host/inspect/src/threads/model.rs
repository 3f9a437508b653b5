//! What a capture returns: owned values only, so that whoever reads them may take their time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a capture may do, and for how long.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long the capture may take in all, symbols excluded. Threads that are not reached by then are
    /// listed with [`Missing::OutOfTime`]. Default 1 s.
    pub deadline: Duration,
    /// How long after the begin of the capture names may still be looked up. Frames that are not reached by
    /// then have module and offset alone, and [`Capture::notes`] says so. Looked at between steps that cannot
    /// be interrupted, of which the longest is to read one module's debug information: a third of a second
    /// for 250 MB. Default 10 s.
    pub symbol_deadline: Duration,
    /// The signal that asks a running thread for its stack; `None` leaves running threads without one.
    /// Default `SIGURG`, which is ignored by default and which debuggers pass on silently.
    pub signal: Option<i32>,
    /// Whether to look up functions, files and lines. Default true.
    pub symbols: bool,
    /// Debug information larger than this many bytes a module is not read: the symbol table alone
    /// names the functions then, and [`Capture::notes`] says so. Default 512 MiB.
    pub symbol_budget_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            deadline: Duration::from_secs(1),
            symbol_deadline: Duration::from_secs(10),
            signal: Some(libc::SIGURG),
            symbols: true,
            symbol_budget_bytes: 512 << 20,
        }
    }
}

/// All threads of the process at about one moment.
#[derive(Clone, Debug, Default)]
pub struct Capture {
    /// Every thread, by kernel id.
    pub threads: Vec<Thread>,
    /// What limited the capture as a whole, each a sentence (no access to `/proc`, a module without
    /// debug information, ...).
    pub notes: Vec<String>,
    /// From the first look to the last stack, symbols excluded.
    pub took: Duration,
}

/// One thread.
#[derive(Clone, Debug)]
pub struct Thread {
    /// The kernel's thread id.
    pub id: u32,
    /// The kernel's name of it, at most 15 bytes; undecodable bytes are replaced.
    pub name: String,
    /// What the scheduler said of it.
    pub state: State,
    /// Whether it was on a processor when looked at, where that can be told.
    pub on_cpu: Option<bool>,
    /// CPU time spent in user mode, in the kernel's clock ticks (10 ms).
    pub cpu_user: Duration,
    /// CPU time spent in the kernel, in the kernel's clock ticks (10 ms).
    pub cpu_system: Duration,
    /// How long ago the thread was started, to the kernel's clock tick (10 ms).
    pub age: Option<Duration>,
    /// The system call it is in, if it is in one and that can be read.
    pub wait: Option<Wait>,
    /// Its stack, or why there is none.
    pub stack: Stack,
}

/// A thread's state in the kernel's scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// On a processor or waiting for one (`R`).
    Running,
    /// Asleep until something happens or a signal comes (`S`).
    Sleeping,
    /// Asleep in the kernel and not interruptible, usually on input or output (`D`).
    Uninterruptible,
    /// Stopped by a signal or a debugger (`T`, `t`).
    Stopped,
    /// Ended, not yet collected (`Z`, `X`).
    Dead,
    /// Anything else, with the kernel's letter.
    Other(char),
    /// The kernel did not tell.
    Unknown,
}

/// The system call that a thread is in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wait {
    /// Its number on this architecture.
    pub number: u64,
    /// Its name, or `system call N` where this crate does not know it.
    pub name: String,
    /// On what, where the arguments tell.
    pub resource: Option<Resource>,
}

/// What a system call waits on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// The address of the futex word: waiters on one lock or condition share it.
    Futex(u64),
    /// A file descriptor, and what the kernel says it is (`socket:[123]`, a path, ...).
    Descriptor {
        /// The descriptor's number.
        number: i32,
        /// The target of its link in `/proc/self/fd`.
        target: Option<String>,
    },
    /// A time to pass, as the call asked for it.
    Time(Duration),
}

/// A thread's stack, or the reason why there is none.
#[derive(Clone, Debug)]
pub enum Stack {
    /// Read and unwound.
    Captured {
        /// The frames, innermost first. Threads of one capture that stand in the same frames share them.
        frames: Arc<[Frame]>,
        /// How it was come by.
        method: Method,
        /// How far it can be trusted.
        quality: Quality,
    },
    /// Not read.
    Missing(Missing),
}

/// How a stack was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// The capturing thread's own.
    Own,
    /// Read from outside while the thread slept in a system call: it noticed nothing.
    Sleeping,
    /// The thread copied its own stack in a signal handler: it paused for microseconds.
    Signal,
}

/// How far a stack can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Quality {
    /// Every step came from unwind tables or a decoded prologue, down to the thread's start.
    Verified,
    /// It reached the thread's start, but some frames rest on frame pointers alone: those have
    /// [`Frame::verified`] unset.
    Unverified,
    /// It did not reach the thread's start; the reason.
    Incomplete(String),
}

/// Why a thread has no stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Missing {
    /// It ended during the capture.
    Ended,
    /// It was running and no signal may be used ([`Options::signal`]).
    NoSignal,
    /// It was running and its mask blocks the signal.
    SignalBlocked,
    /// Someone else's handler has taken the signal's place since.
    SignalTaken,
    /// It is in uninterruptible sleep; where in the kernel, if known.
    Uninterruptible(Option<String>),
    /// It is stopped.
    Stopped,
    /// It did not answer, or was not reached, before the deadline.
    OutOfTime,
    /// A kernel-side thread without a user stack (io_uring).
    NoUserStack,
    /// The kernel refused; what it said.
    Refused(String),
    /// This platform gives no way.
    Unsupported,
}

/// One frame of a stack: one address, and the functions that the compiler folded into it.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The instruction pointer (innermost frame, and [`Frame::interrupted`] ones) or the return address.
    pub address: u64,
    /// The loaded file that it lies in; shared, since many frames name the same one.
    pub module: Option<Arc<ModuleName>>,
    /// The address as the module's own file counts it, to look up later on another machine.
    pub offset: Option<u64>,
    /// The functions at it, innermost inlined one first; the last one is the real frame. Empty where no
    /// symbol is known.
    pub symbols: Arc<[Symbol]>,
    /// False where the frame rests on a frame pointer instead of unwind tables.
    pub verified: bool,
    /// A signal interrupted the function here: the address is the instruction itself, as in the innermost
    /// frame.
    pub interrupted: bool,
}

/// A loaded file, as a report needs to name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModuleName {
    /// Where it was loaded from.
    pub path: PathBuf,
    /// Its build id in hexadecimal, if it has one.
    pub build_id: Option<String>,
}

/// A function at an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Symbol {
    /// Its demangled name.
    pub function: String,
    /// The source file, as the debug information names it.
    pub file: Option<PathBuf>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// The column in the line, from 1.
    pub column: Option<u32>,
}
