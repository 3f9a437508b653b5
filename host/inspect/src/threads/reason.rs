//! Why a thread has no stack, why a stack is incomplete, and what limited a capture as a whole: as values, so
//! that each reader finds words of its own.

use crate::process::MemoryShortage;
use crate::symbols;

/// Why a thread has no stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Missing {
    /// It ended during the capture.
    Ended,
    /// It was not seen asleep, and no signal may be used ([`Options::signal`](super::Options::signal)).
    NoSignal,
    /// It was not seen asleep, and its mask blocks the signal.
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
    /// The kernel refused an operation without which this thread cannot be read.
    Refused {
        /// What was refused.
        operation: Operation,
        /// The kernel's error number.
        errno: i32,
    },
    /// This platform gives no way.
    Unsupported,
}

/// What the kernel may refuse to do for a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// To open `/proc/self/task`, the directory of all threads.
    OpenTaskDirectory,
    /// To read a file of the thread's below `/proc/self/task`: what it does, or which signals it blocks.
    ReadTaskFile,
    /// To read the process's own memory, by `process_vm_readv` and `/proc/self/mem` alike.
    ReadMemory,
    /// To install the handler of [`Options::signal`](super::Options::signal).
    InstallHandler,
    /// To send the thread a signal, by `rt_tgsigqueueinfo` and `tgkill` alike.
    SendSignal,
}

/// Why a stack does not reach the thread's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Incomplete {
    /// The next address lies in no known code.
    UnknownCode,
    /// Code without unwind tables and without a frame pointer that holds.
    NoTables,
    /// The register of this DWARF number is needed, and it cannot be known from outside of the thread.
    UnknownRegister(u16),
    /// The stack at this address was not copied, or cannot be read.
    Unreadable(u64),
    /// The stack contradicts the unwind tables.
    Inconsistent,
    /// Code without unwind tables seems to have been called by the thread's start itself, by the frame pointer that it
    /// has: one that it did not set, perhaps, so that frames between may be missing.
    StartFromUnknownCode,
    /// There are more frames than this, which is how many were followed in the time that one stack may take.
    TooManyFrames(usize),
    /// The thread's copy of its stack ends before the stack does, and what lies beyond has changed since: more than 64 KiB
    /// are not copied.
    DeeperThanCopied,
    /// The system's own unwinder made it, which does not tell whether this is the whole stack.
    SystemUnwinder,
}

/// What limited a capture as a whole.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// `/proc/self/task` cannot be read: only the calling thread is listed.
    ThreadsNotListed {
        /// The kernel's error number.
        errno: i32,
    },
    /// The process may not read its own memory: only the calling thread has a stack.
    MemoryNotReadable {
        /// The kernel's error number.
        errno: i32,
    },
    /// The kernel refuses `process_vm_readv`, as a sandbox does: memory is read through `/proc/self/mem`.
    MemoryCallRefused {
        /// The kernel's error number.
        errno: i32,
    },
    /// [`Options::signal`](super::Options::signal) cannot serve to ask running threads for their stacks: see
    /// [`may_ask_threads`](crate::signals::may_ask_threads).
    SignalUnsuitable {
        /// Its number.
        signal: i32,
    },
    /// Another handler has been installed over the one for [`Options::signal`](super::Options::signal).
    SignalTaken {
        /// Its number.
        signal: i32,
    },
    /// Other threads cannot be seen on this platform: only the calling thread is listed.
    OnlyCallingThread,
    /// There is too little memory to keep what [`Options::evidence`](super::Options::evidence) asks for.
    EvidenceNotKept(MemoryShortage),
    /// Names of a module's functions are missing, or less complete than they might be.
    Symbols(symbols::Note),
}
