//! Words for the reasons and notes of a capture of threads.

use std::borrow::Cow;
use std::io::Error;

use gmr_inspect::symbols::Limit;
use gmr_inspect::threads::{Incomplete, Note, Operation, Wait};

/// The name of the system call that a thread waits in.
pub(crate) fn call(wait: &Wait) -> Cow<'static, str> {
    match wait.name {
        Some(name) => name.into(),
        None => format!("system call {}", wait.number).into(),
    }
}

pub(crate) fn refused(operation: Operation, errno: i32) -> String {
    match operation {
        Operation::OpenTaskDirectory => "no /proc/self/task".to_owned(),
        _ => Error::from_raw_os_error(errno).to_string(),
    }
}

pub(crate) fn incomplete(reason: &Incomplete) -> String {
    match reason {
        Incomplete::UnknownCode => "the next address lies in no known code".to_owned(),
        Incomplete::NoTables => "code without unwind tables and without a frame pointer".to_owned(),
        Incomplete::UnknownRegister(number) => {
            format!("register {number} is needed and not known from outside")
        }
        Incomplete::Unreadable(address) => {
            format!("the stack at {address:#x} was not copied or cannot be read")
        }
        Incomplete::Inconsistent => "the stack contradicts the unwind tables".to_owned(),
        Incomplete::TooManyFrames(most) => format!("deeper than {most} frames"),
        Incomplete::DeeperThanCopied => "the stack is deeper than was copied".to_owned(),
        Incomplete::SystemUnwinder => {
            "the system's unwinder does not tell whether this is the whole stack".to_owned()
        }
        other => format!("{other:?}"),
    }
}

pub(crate) fn note(note: &Note) -> String {
    match note {
        Note::ThreadsNotListed { errno } => {
            let error = Error::from_raw_os_error(*errno);
            format!("/proc/self/task cannot be read ({error}): only the calling thread is listed")
        }
        Note::MemoryNotReadable { errno } => {
            let error = Error::from_raw_os_error(*errno);
            format!("this process may not read its own memory ({error}): no stacks but the calling thread's")
        }
        Note::SignalUnsuitable { signal } => {
            format!("signal {signal} cannot serve to ask running threads for their stacks")
        }
        Note::SignalTaken { signal } => {
            format!("another handler for signal {signal} has been installed over this one's")
        }
        Note::OnlyCallingThread => {
            "other threads cannot be seen on this platform: only the calling one is listed".to_owned()
        }
        Note::Symbols(note) => format!("{}: {}", note.module.path.display(), symbols(&note.limit)),
        other => format!("{other:?}"),
    }
}

fn symbols(limit: &Limit) -> String {
    match limit {
        Limit::OutOfTime { addresses } => format!("there was no time to look up {addresses} addresses"),
        Limit::TooLarge { bytes, budget_bytes } => format!(
            "its debug information has {} MiB and is not read (the limit is {} MiB): no files and lines, no inlined calls",
            bytes >> 20,
            budget_bytes >> 20
        ),
        Limit::Damaged(damage) => format!("its debug information is damaged: {damage}"),
        Limit::Failed => "its debug information could not be read".to_owned(),
        other => format!("{other:?}"),
    }
}
