//! Reasons about stacks: why a thread has no stack, why a stack is incomplete, and why functions have no names.

use serde::{Deserialize, Serialize};

use super::{MemoryShortage, SystemError};
use crate::model::unknown::words;
use crate::model::{Unknown, encoding};

/// Why a thread has no stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoStack {
    /// It ended while the report was made.
    Ended,
    /// It was not seen asleep, and no signal may be used to ask it.
    NoSignal,
    /// It was not seen asleep, and an emergency report asks no thread.
    NotAsked,
    /// It was not seen asleep, and its mask blocks the signal.
    SignalBlocked,
    /// It was not seen asleep, and the program has given the signal another handler.
    SignalTaken,
    /// It is asleep in the kernel and not interruptible.
    Uninterruptible {
        /// Where in the kernel, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<String>,
    },
    /// It is stopped, by a signal or a debugger.
    Stopped,
    /// It did not answer, or was not reached, in time.
    OutOfTime,
    /// It runs inside the kernel only.
    NoUserStack,
    /// The kernel refused something without which it cannot be read.
    Refused {
        /// What was refused.
        operation: Operation,
        /// What the system said.
        error: SystemError,
    },
    /// The platform gives no way to read it.
    Unsupported,
    /// It was seen at the task that it polls only after its stack was taken.
    CameLater,
    /// No thread was seen at any task before the stacks were taken, perhaps because that could not be told yet.
    NoPollsSeen,
    /// It is not among the threads that were listed.
    NotListed,
    /// What has no kind of its own.
    Text(String),
    /// Of a kind that this version does not know.
    #[serde(untagged)]
    Unknown(Unknown),
}

words! {
    /// What the kernel may refuse when stacks are taken.
    Operation {
        /// To open the directory of all threads.
        OpenTaskDirectory = "open_task_directory",
        /// To read a file about the thread.
        ReadTaskFile = "read_task_file",
        /// To read the process's own memory.
        ReadMemory = "read_memory",
        /// To install the signal's handler.
        InstallHandler = "install_handler",
        /// To send the thread a signal.
        SendSignal = "send_signal",
    }
}

/// Why a stack does not reach the thread's start.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum IncompleteStack {
    /// The next address lies in no known code.
    UnknownCode,
    /// The code has no unwind tables and no frame pointer.
    NoTables,
    /// The register of this DWARF number is needed, and it is not known from outside of the thread.
    UnknownRegister(u16),
    /// The stack at this address was not copied, or cannot be read.
    Unreadable(#[serde(with = "encoding::hexadecimal")] u64),
    /// The stack contradicts the unwind tables.
    Inconsistent,
    /// Code without unwind tables seems to have been called by the thread's start itself: frames between may be missing.
    StartFromUnknownCode,
    /// There are more frames than this, which is how many were followed.
    TooManyFrames(u64),
    /// The thread's copy of its stack ends before the stack does, and what lies beyond had changed.
    DeeperThanCopied,
    /// The system's own unwinder made it, which does not tell whether this is the whole stack.
    SystemUnwinder,
    /// What has no kind of its own.
    Text(String),
    /// Of a kind that this version does not know.
    #[serde(untagged)]
    Unknown(Unknown),
}

/// Why names of a module's functions are missing, or less complete than they might be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SymbolLimit {
    /// There was no time to look them all up.
    OutOfTime {
        /// How many addresses have no name therefore.
        addresses: u64,
    },
    /// The debug information is larger than what is read: there are no files, lines and inlined calls.
    TooLarge {
        /// How large it is, in bytes.
        bytes: u64,
        /// What is read at the most, in bytes.
        budget_bytes: u64,
    },
    /// There is too little memory to read the debug information: there are no files, lines and inlined calls.
    NoMemory(MemoryShortage),
    /// The debug information is damaged, in this way.
    Damaged(String),
    /// Reading the debug information failed.
    Failed,
    /// What has no kind of its own.
    Text(String),
    /// Of a kind that this version does not know.
    #[serde(untagged)]
    Unknown(Unknown),
}
