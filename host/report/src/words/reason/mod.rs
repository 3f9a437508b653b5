//! Reasons, in words: sentences without a capital letter and a full stop.

mod chain;
mod error;
mod memory;
mod notes;
mod stack;

use std::fmt;

use crate::model::Reason;

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NoStack(reason) => write!(f, "no stack: {reason}"),
            Reason::StackIncomplete(reason) => {
                write!(f, "the stack does not reach the thread's start: {reason}")
            }
            Reason::StackUnverified => {
                f.write_str(
                    "the frames marked unverified rest on frame pointers: they may be wrong, or not the next ones",
                )
            }
            Reason::NoChain(reason) => write!(f, "no chain: {reason}"),
            Reason::BeingPolled => f.write_str("being polled: this is what it awaited when the poll began"),
            Reason::Threads(note) => note.fmt(f),
            Reason::Tasks(note) => note.fmt(f),
            Reason::Text(text) => f.write_str(text),
            Reason::Unknown(unknown) => unknown.fmt(f),
        }
    }
}
