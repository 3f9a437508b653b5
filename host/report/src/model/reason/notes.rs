//! Notes: what limited a look at the threads or at the tasks as a whole.

use serde::{Deserialize, Serialize};

use super::{LayoutFault, MemoryShortage, NoChain, SymbolLimit, SystemError};
use crate::model::Unknown;

/// What limited the look at the threads as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ThreadsNote {
    /// The threads could not be listed: only the calling one stands there.
    ThreadsNotListed {
        /// What the system said.
        error: SystemError,
    },
    /// The process may not read its own memory: only the calling thread has a stack.
    MemoryNotReadable {
        /// What the system said.
        error: SystemError,
    },
    /// The kernel refuses the call that reads memory (`process_vm_readv`), as a sandbox does: it is read through a file.
    MemoryCallRefused {
        /// What the system said.
        error: SystemError,
    },
    /// This signal cannot serve to ask running threads for their stacks.
    SignalUnsuitable {
        /// Its number.
        signal: i32,
    },
    /// Another handler has been installed for the signal that asks running threads for their stacks.
    SignalTaken {
        /// The signal's number.
        signal: i32,
    },
    /// The platform shows no thread but the calling one.
    OnlyCallingThread,
    /// There is too little memory to keep the stacks that locks' holders and `block_on`'s futures are found by.
    EvidenceNotKept(MemoryShortage),
    /// Names of a module's functions are missing, or less complete than they might be.
    Symbols {
        /// Where the module was loaded from.
        module: String,
        /// What is missing, and why.
        limit: SymbolLimit,
    },
    /// What has no kind of its own.
    Text(String),
    /// Of a kind that this version does not know.
    #[serde(untagged)]
    Unknown(Unknown),
}

/// What limited the look at the tasks as a whole, or may have.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TasksNote {
    /// How many tasks were seen, and what of them was not.
    TasksSeen {
        /// How many there are.
        tasks: u64,
        /// Why these are only the tasks that registered themselves; `None` if chains were read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only_registered: Option<NoChain>,
        /// How many changed each time they were read, so that they have no chain.
        changed: u64,
        /// How many were not reached in time, as far as they could be counted.
        not_reached: u64,
    },
    /// No runtime was given and no task has registered itself.
    NoTasks,
    /// The tasks of a runtime cannot be read.
    RuntimeNotRead {
        /// Which runtime, counted from 1.
        runtime: u64,
        /// Why.
        fault: LayoutFault,
    },
    /// A runtime's lists of tasks look empty although it counts tasks.
    ListsLookEmpty {
        /// Which runtime, counted from 1.
        runtime: u64,
        /// How many tasks it counts.
        alive: u64,
    },
    /// Some of a runtime's lists of tasks were not followed to their end.
    ListsUnfinished {
        /// Which runtime, counted from 1.
        runtime: u64,
        /// How many lists.
        unfinished: u64,
        /// Of how many.
        lists: u64,
    },
    /// Tasks are running, and it is not known on which threads.
    ThreadsOfTasksUnknown {
        /// How many tasks.
        tasks: u64,
        /// Why it is known of none; `None` if their polls were shorter than the look.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<NoChain>,
    },
    /// What has no kind of its own.
    Text(String),
    /// Of a kind that this version does not know.
    #[serde(untagged)]
    Unknown(Unknown),
}
