//! Reasons about tasks and their chains, in words.

use std::fmt;

use crate::model::{CanaryFault, CurrentTaskFault, DebugInformationFault, Frame, LayoutFault, NoChain};

impl fmt::Display for NoChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoChain::Changing => "it changed each time it was read",
            NoChain::OnlyOnLinux => "chains are read on Linux only",
            NoChain::StillReading => "the debug information is still being read; the next report may have it",
            NoChain::BrokenOff => "the reading of the debug information was broken off",
            NoChain::NoThread { error } => {
                return write!(f, "no thread to read the debug information: {error}");
            }
            NoChain::NoMemory(shortage) => {
                return write!(f, "the debug information is not read: {shortage}");
            }
            NoChain::ReadingPanicked => "reading the debug information failed",
            NoChain::EarlierLookPanicked => "an earlier look at the tasks failed",
            NoChain::LookUnderWay => "another look at the tasks is under way",
            NoChain::DebugInformation(fault) => return fault.fmt(f),
            NoChain::Layout(fault) => return fault.fmt(f),
            NoChain::Canary(fault) => return fault.fmt(f),
            NoChain::CurrentTask(fault) => return fault.fmt(f),
            NoChain::TaskNotDescribed => "the debug information does not describe its type",
            NoChain::FoldedByLinker => "the linker folded several types of task into one",
            NoChain::LayoutDisputed => "its vtable and the debug information disagree about its layout",
            NoChain::FutureNotDescribed => "its type is not in the debug information",
            NoChain::MemoryUnreadable => "some of its memory cannot be read",
            NoChain::OutOfTime => "it was not read in time",
            NoChain::NeverPolled => "it was never polled",
            NoChain::NotRead => "it was not read",
            NoChain::Text(text) => text,
            NoChain::Unknown(unknown) => return unknown.fmt(f),
        })
    }
}

impl fmt::Display for DebugInformationFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DebugInformationFault::NotOpened { path, error } => write!(f, "{path}: {error}"),
            DebugInformationFault::Missing => {
                f.write_str("the executable has no debug information and none was found beside it")
            }
            DebugInformationFault::TooLarge { path, limit_bytes } => {
                write!(f, "{path}: more than {} MB of debug information", limit_bytes >> 20)
            }
            DebugInformationFault::IndexTooLarge { limit_bytes } => {
                write!(
                    f,
                    "an index of its types and functions would take more than {} MiB",
                    limit_bytes >> 20
                )
            }
            DebugInformationFault::NoTypes => f.write_str("the debug information has lines but no types"),
            DebugInformationFault::NoTypesOfPackage(name) => {
                write!(f, "it has no types of the package {name}")
            }
            DebugInformationFault::LoadAddressUnknown => {
                f.write_str("the executable's place in memory is not known")
            }
            DebugInformationFault::Text(text) => f.write_str(text),
            DebugInformationFault::Unknown(unknown) => unknown.fmt(f),
        }
    }
}

impl fmt::Display for LayoutFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayoutFault::NoType(name) => write!(f, "the debug information has no type {name}"),
            LayoutFault::NoMember { of, member } => write!(f, "{of} has no member {member}"),
            LayoutFault::NotAnEnum(name) => write!(f, "{name} is no enum"),
            LayoutFault::NotAPointer(name) => write!(f, "{name} is no pointer"),
            LayoutFault::NoTaskList(name) => write!(f, "{name} has no list"),
            LayoutFault::UnknownScheduler => f.write_str("the handle is of an unknown kind"),
            LayoutFault::ShardCount(count) => write!(f, "{count} shards of tasks"),
            LayoutFault::Unreadable(address) => {
                write!(f, "the runtime's memory at {address:#x} cannot be read")
            }
            LayoutFault::NoScheduler(faults) => {
                let faults: Vec<String> = faults.iter().map(LayoutFault::to_string).collect();
                f.write_str(&faults.join("; "))
            }
            LayoutFault::Text(text) => f.write_str(text),
            LayoutFault::Unknown(unknown) => unknown.fmt(f),
        }
    }
}

impl fmt::Display for CanaryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CanaryFault::NoRuntime { error } => error.fmt(f),
            CanaryFault::Limited(note) => write!(f, "the canary's {note}"),
            CanaryFault::Changing => f.write_str("the canary's chain could not be read: Racy"),
            CanaryFault::Polled => f.write_str("the canary's chain could not be read: Passed"),
            CanaryFault::NotRead(reason) => {
                write!(f, "the canary's chain could not be read: Unknown({:?})", reason.to_string())
            }
            CanaryFault::Misread { chain, state } => {
                let seen = chain.iter().flat_map(|frame| &frame.calls);
                let seen: Vec<String> =
                    seen.map(|call| format!("{} {:?}", call.function, call.line)).collect();
                let told: Vec<(usize, String)> = chain.iter().enumerate().flat_map(details).collect();
                write!(f, "the canary's chain reads {} {told:?} ({state})", seen.join(", "))
            }
            CanaryFault::OtherTasks { spawned, found } => {
                write!(f, "the canary's tasks {spawned:?} were found as {found:?}")
            }
            CanaryFault::Text(text) => f.write_str(text),
            CanaryFault::Unknown(unknown) => unknown.fmt(f),
        }
    }
}

fn details((step, frame): (usize, &Frame)) -> Vec<(usize, String)> {
    frame.details.iter().map(|detail| (step, detail.to_string())).collect()
}

impl fmt::Display for CurrentTaskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CurrentTaskFault::NoRobustList => "the C library keeps no list of robust locks",
            CurrentTaskFault::RobustListRefused { error } => {
                return write!(f, "the kernel does not tell it: {error}");
            }
            CurrentTaskFault::NoRuntime { error } => return error.fmt(f),
            CurrentTaskFault::ExperimentFailed { task, panicked: true } => {
                return write!(f, "task {task} panicked");
            }
            CurrentTaskFault::ExperimentFailed { task, panicked: false } => {
                return write!(f, "task {task} was cancelled");
            }
            CurrentTaskFault::KeptElsewhere => "this tokio keeps the task's id elsewhere",
            CurrentTaskFault::Ambiguous => "several variables look like the task's id",
            CurrentTaskFault::NoThreadLocals => "the executable has no thread-local variables",
            CurrentTaskFault::ThreadLocalsTooLarge => "the executable's thread-local variables are too large",
            CurrentTaskFault::UnknownArchitecture => "their place is not known on this architecture",
            CurrentTaskFault::Text(text) => text,
            CurrentTaskFault::Unknown(unknown) => return unknown.fmt(f),
        })
    }
}
