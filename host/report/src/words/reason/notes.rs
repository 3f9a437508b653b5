//! Notes on the threads and on the tasks, in words.

use std::fmt;

use crate::model::{TasksNote, ThreadsNote};
use crate::words::counted;

impl fmt::Display for ThreadsNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ThreadsNote::ThreadsNotListed { error } => {
                write!(f, "/proc/self/task cannot be read ({error}): only the calling thread is listed")
            }
            ThreadsNote::MemoryNotReadable { error } => write!(
                f,
                "this process may not read its own memory ({error}): no stacks but the calling thread's"
            ),
            ThreadsNote::MemoryCallRefused { error } => {
                write!(f, "process_vm_readv is refused ({error}): memory is read through /proc/self/mem")
            }
            ThreadsNote::SignalUnsuitable { signal } => {
                write!(f, "signal {signal} cannot serve to ask running threads for their stacks")
            }
            ThreadsNote::SignalTaken { signal } => {
                write!(f, "another handler for signal {signal} has been installed over this one's")
            }
            ThreadsNote::OnlyCallingThread => {
                f.write_str("other threads cannot be seen on this platform: only the calling one is listed")
            }
            ThreadsNote::EvidenceNotKept(shortage) => {
                write!(f, "who holds locks and what block_on runs is not looked for: {shortage}")
            }
            ThreadsNote::Symbols { module, limit } => write!(f, "{module}: {limit}"),
            ThreadsNote::Text(text) => f.write_str(text),
            ThreadsNote::Unknown(unknown) => unknown.fmt(f),
        }
    }
}

impl fmt::Display for TasksNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TasksNote::TasksSeen { tasks, only_registered, changed, not_reached } => {
                match only_registered {
                    None => f.write_str("chains from debug information, checked: ")?,
                    Some(reason) => write!(f, "registered tasks only ({reason}): ")?,
                }
                f.write_str(&counted(*tasks, "task"))?;
                if *changed > 0 {
                    write!(f, "; {changed} changed while read")?;
                }
                if *not_reached > 0 {
                    write!(f, "; {not_reached} not reached in time")?;
                }
                Ok(())
            }
            TasksNote::NoTasks => f.write_str("no tokio runtime was given and no task was registered"),
            TasksNote::RuntimeNotRead { runtime, fault } => {
                write!(f, "runtime {runtime} cannot be read: {fault}")
            }
            TasksNote::ListsLookEmpty { runtime, alive } => {
                write!(f, "runtime {runtime}: its lists look empty although it counts {alive} tasks")
            }
            TasksNote::ListsUnfinished { runtime, unfinished, lists } => {
                write!(f, "runtime {runtime}: {unfinished} of {lists} lists were not followed to their end")
            }
            TasksNote::ThreadsOfTasksUnknown { tasks, because } => {
                write!(f, "running on a thread that is not known: {} (", counted(*tasks, "task"))?;
                match because {
                    Some(reason) => write!(f, "{reason})"),
                    None => f.write_str("the poll was shorter than the look)"),
                }
            }
            TasksNote::Text(text) => f.write_str(text),
            TasksNote::Unknown(unknown) => unknown.fmt(f),
        }
    }
}
