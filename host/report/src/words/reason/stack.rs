//! Reasons about stacks and names of functions, in words.

use std::fmt;

use crate::model::{IncompleteStack, NoStack, Operation, SymbolLimit};

impl fmt::Display for NoStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoStack::Ended => "the thread ended while the report was made",
            NoStack::NoSignal => {
                "it was not seen asleep, and no signal may be used to ask it (thread_signal = none)"
            }
            NoStack::NotAsked => {
                "it was not seen asleep, and an emergency report asks no thread for its stack"
            }
            NoStack::SignalBlocked => {
                "it was not seen asleep, and its mask blocks the signal that would ask it"
            }
            NoStack::SignalTaken => {
                "it was not seen asleep, and the program has given the signal another handler"
            }
            NoStack::Uninterruptible { place } => {
                f.write_str("asleep in the kernel and not interruptible (state D)")?;
                return place.iter().try_for_each(|place| write!(f, ", waits in {place}"));
            }
            NoStack::Stopped => "it is stopped, by a signal or a debugger",
            NoStack::OutOfTime => "it was not reached, or did not answer, in time",
            NoStack::NoUserStack => "it runs inside the kernel only",
            NoStack::Refused { operation: Operation::OpenTaskDirectory, .. } => {
                "the kernel refused: no /proc/self/task"
            }
            NoStack::Refused { error, .. } => return write!(f, "the kernel refused: {error}"),
            NoStack::Unsupported => "this platform gives no way to read it",
            NoStack::CameLater => "it was seen at this task only after its stack was taken",
            NoStack::NoPollsSeen => "no thread was seen at a task before the stacks were taken",
            NoStack::NotListed => "the thread was not listed",
            NoStack::Text(text) => text,
            NoStack::Unknown(unknown) => return unknown.fmt(f),
        })
    }
}

impl fmt::Display for IncompleteStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IncompleteStack::UnknownCode => "the next address lies in no known code",
            IncompleteStack::NoTables => "code without unwind tables and without a frame pointer",
            IncompleteStack::UnknownRegister(number) => {
                return write!(f, "register {number} is needed and not known from outside");
            }
            IncompleteStack::Unreadable(address) => {
                return write!(f, "the stack at {address:#x} was not copied or cannot be read");
            }
            IncompleteStack::Inconsistent => "the stack contradicts the unwind tables",
            IncompleteStack::StartFromUnknownCode => {
                "code without unwind tables seems to be called by the thread's start, and calls between may be missing"
            }
            IncompleteStack::TooManyFrames(most) => return write!(f, "deeper than {most} frames"),
            IncompleteStack::DeeperThanCopied => "the stack is deeper than was copied",
            IncompleteStack::SystemUnwinder => {
                "the system's unwinder does not tell whether this is the whole stack"
            }
            IncompleteStack::Text(text) => text,
            IncompleteStack::Unknown(unknown) => return unknown.fmt(f),
        })
    }
}

impl fmt::Display for SymbolLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SymbolLimit::OutOfTime { addresses } => {
                write!(f, "there was no time to look up {addresses} addresses")
            }
            SymbolLimit::TooLarge { bytes, budget_bytes } => write!(
                f,
                "its debug information has {} MiB and is not read (the limit is {} MiB): no files and lines, no \
                 inlined calls",
                bytes >> 20,
                budget_bytes >> 20
            ),
            SymbolLimit::NoMemory(shortage) => {
                write!(
                    f,
                    "no files and lines, no inlined calls: its debug information is not read, {shortage}"
                )
            }
            SymbolLimit::Damaged(damage) => write!(f, "its debug information is damaged: {damage}"),
            SymbolLimit::Failed => f.write_str("its debug information could not be read"),
            SymbolLimit::Text(text) => f.write_str(text),
            SymbolLimit::Unknown(unknown) => unknown.fmt(f),
        }
    }
}
