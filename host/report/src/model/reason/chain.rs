//! Reasons about tasks: why chains of awaits, a chain, or the thread of a running task are not known.

use serde::{Deserialize, Serialize};

use super::{MemoryShortage, SystemError, TasksNote};
use crate::model::{Frame, Unknown, encoding};

/// Why chains of awaits, a chain, or the thread of a running task are not known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoChain {
    /// It changed each time it was read.
    Changing,
    /// Chains are read on Linux only.
    OnlyOnLinux,
    /// The executable's debug information is still being read; the next report may have it.
    StillReading,
    /// The reading of the debug information was broken off.
    BrokenOff,
    /// No thread could be started to read the debug information.
    NoThread {
        /// What the system said.
        error: SystemError,
    },
    /// There is too little memory to read the debug information.
    NoMemory(MemoryShortage),
    /// Reading the debug information panicked.
    ReadingPanicked,
    /// An earlier look at the tasks panicked, and none is tried any more.
    EarlierLookPanicked,
    /// Another look at the tasks is under way.
    LookUnderWay,
    /// The executable's debug information cannot be used.
    DebugInformation(DebugInformationFault),
    /// The runtime's own data structures are not as expected.
    Layout(LayoutFault),
    /// Tasks with known chains, which are read before anything is believed, did not read as they are.
    Canary(CanaryFault),
    /// It could not be found out where a thread has the id of the task that it polls.
    CurrentTask(CurrentTaskFault),
    /// The debug information does not describe the type of this task, or of its future.
    TaskNotDescribed,
    /// The linker folded several types of task into one, so that this one cannot be distinguished from the others.
    FoldedByLinker,
    /// The task's vtable and the debug information disagree about its layout.
    LayoutDisputed,
    /// The debug information does not describe the type of this registered future.
    FutureNotDescribed,
    /// Some of the task's memory cannot be read.
    MemoryUnreadable,
    /// The time was over before anything of it was read.
    OutOfTime,
    /// The registered future was never polled, so that it awaits nothing yet.
    NeverPolled,
    /// The registered future was not read: the time was over, or it came during the look.
    NotRead,
    /// What has no kind of its own.
    Text(String),
    /// Of a kind that this version does not know.
    #[serde(untagged)]
    Unknown(Unknown),
}

/// Why an executable's debug information cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum DebugInformationFault {
    /// A file cannot be opened or mapped, or is no object file.
    NotOpened {
        /// The file.
        path: String,
        /// What the system said.
        error: SystemError,
    },
    /// The executable has none, and none was found beside it.
    Missing,
    /// A file has more of it than is read.
    TooLarge {
        /// The file.
        path: String,
        /// How much is read at the most, in bytes.
        limit_bytes: u64,
    },
    /// An index of its types and functions would be larger than is kept in memory.
    IndexTooLarge {
        /// The most that it may take, in bytes.
        limit_bytes: u64,
    },
    /// It has no types; it may have line tables.
    NoTypes,
    /// It has no types of this package, which the tasks with known chains are made of.
    NoTypesOfPackage(String),
    /// It is not known where the executable was loaded, so that addresses in it mean nothing.
    LoadAddressUnknown,
    /// What has no kind of its own.
    Text(String),
    /// Of a kind that this version does not know.
    #[serde(untagged)]
    Unknown(Unknown),
}

/// In which way a runtime's data structures differ from those that are known. Types and members are named as the debug
/// information has them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LayoutFault {
    /// The debug information has no type of this name.
    NoType(String),
    /// A type has no member of this name.
    NoMember {
        /// The type.
        of: String,
        /// The member, or the path to it, with a full stop between each two names.
        member: String,
    },
    /// The type of this name is no enum.
    NotAnEnum(String),
    /// The type of this name is no pointer.
    NotAPointer(String),
    /// The type of this name has no list of tasks.
    NoTaskList(String),
    /// The handle is of a kind of scheduler that the debug information does not have.
    UnknownScheduler,
    /// The list of tasks has this many shards, which is too many or no power of two.
    ShardCount(u64),
    /// The runtime's memory at this address cannot be read.
    Unreadable(#[serde(with = "encoding::hexadecimal")] u64),
    /// None of the kinds of scheduler is as known: what is wrong with each.
    NoScheduler(Vec<LayoutFault>),
    /// What has no kind of its own.
    Text(String),
    /// Of a kind that this version does not know.
    #[serde(untagged)]
    Unknown(Unknown),
}

/// In which way the tasks with known chains were misread.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CanaryFault {
    /// A runtime for them could not be built.
    NoRuntime {
        /// What the system said.
        error: SystemError,
    },
    /// Something limited the look at them.
    Limited(Box<TasksNote>),
    /// The chain of one of them was seen to change, although nothing runs them.
    Changing,
    /// One of them was seen to be polled, although nothing runs them.
    Polled,
    /// The chain of one of them could not be read.
    NotRead(Box<NoChain>),
    /// One of them reads otherwise than it is.
    Misread {
        /// Its chain as it was read, with what was read of its single awaits.
        chain: Vec<Frame>,
        /// What it seemed to be doing.
        state: String,
    },
    /// Other tasks than these were found.
    OtherTasks {
        /// The ids of the tasks that there are.
        spawned: Vec<u64>,
        /// The ids of the tasks that were found.
        found: Vec<u64>,
    },
    /// What has no kind of its own.
    Text(String),
    /// Of a kind that this version does not know.
    #[serde(untagged)]
    Unknown(Unknown),
}

/// Why it could not be found out where a thread has the id of the task that it polls.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CurrentTaskFault {
    /// The C library keeps no list of robust locks, which is where the search begins in each thread.
    NoRobustList,
    /// The kernel does not tell where that list is.
    RobustListRefused {
        /// What the system said.
        error: SystemError,
    },
    /// A runtime for the experiment could not be built.
    NoRuntime {
        /// What the system said.
        error: SystemError,
    },
    /// A task of the experiment did not run to its end.
    ExperimentFailed {
        /// Its id.
        task: u64,
        /// Whether it panicked; otherwise it was cancelled.
        panicked: bool,
    },
    /// This version of the runtime keeps the id elsewhere than in the executable's thread-local variables.
    KeptElsewhere,
    /// Several thread-local variables look as if they had the id.
    Ambiguous,
    /// The executable has no thread-local variables.
    NoThreadLocals,
    /// The executable's thread-local variables are too large to be searched.
    ThreadLocalsTooLarge,
    /// The place of thread-local variables is not known on this architecture.
    UnknownArchitecture,
    /// What has no kind of its own.
    Text(String),
    /// Of a kind that this version does not know.
    #[serde(untagged)]
    Unknown(Unknown),
}
