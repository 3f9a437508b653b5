//! Reasons and notes: why something is not known, and what limits what is. They are values, so that JSON has them
//! exact; their words are in [`words`](crate::words).

mod chain;
mod memory;
mod notes;
mod stack;

use serde::{Deserialize, Serialize};

use super::Unknown;

pub use chain::{CanaryFault, CurrentTaskFault, DebugInformationFault, LayoutFault, NoChain};
pub use memory::{MemoryLimit, MemoryShortage};
pub use notes::{TasksNote, ThreadsNote};
pub use stack::{IncompleteStack, NoStack, Operation, SymbolLimit};

/// Why something is not known, or what limits what is.
///
/// ```
/// use gmr_report::{NoStack, Reason};
///
/// let reason = Reason::NoStack(NoStack::Stopped);
/// assert_eq!(reason.to_string(), "no stack: it is stopped, by a signal or a debugger");
/// assert_eq!(serde_json::to_string(&reason)?, r#"{"type":"no_stack","value":{"type":"stopped"}}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// A thread has no stack.
    NoStack(NoStack),
    /// A stack does not reach the thread's start.
    StackIncomplete(IncompleteStack),
    /// Frames of a stack rest on frame pointers alone.
    StackUnverified,
    /// A task has no chain of awaits.
    NoChain(NoChain),
    /// A chain is of a task that is being polled: it is what the task awaited when the poll began.
    BeingPolled,
    /// Something limited the look at the threads as a whole.
    Threads(ThreadsNote),
    /// Something limited the look at the tasks as a whole, or may have.
    Tasks(TasksNote),
    /// What a plugin or an application says.
    Text(String),
    /// Of a kind that this version does not know.
    #[serde(untagged)]
    Unknown(Unknown),
}

/// What the operating system or the standard library said of a failed call.
///
/// ```
/// use gmr_report::SystemError;
///
/// assert_eq!(SystemError::Errno(1).to_string(), "Operation not permitted (os error 1)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SystemError {
    /// The error's number on Linux.
    Errno(i32),
    /// What was said instead of a number, as `not an object file`.
    Message(String),
}

impl From<&str> for Reason {
    fn from(text: &str) -> Reason {
        Reason::Text(text.to_owned())
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Reason {
        Reason::Text(text)
    }
}
