//! Words for what a look at the tasks gives as values: facts, reasons, notes.

use std::io;

use gmr_inspect::tasks::{
    CanaryFault, CurrentTaskFault, DebugInformationFault, Fact, LayoutFault, Note, Reason, SystemError,
};

/// `fires in 57.3 s`, `0 permits`.
pub(crate) fn fact(fact: &Fact) -> String {
    match fact {
        Fact::Name(name) => format!("\"{name}\""),
        Fact::FiresIn(left) => format!("fires in {:.1} s", left.as_secs_f64()),
        Fact::Overdue(since) => format!("due {:.1} s ago", since.as_secs_f64()),
        Fact::Task(id) => format!("task {id}"),
        Fact::Descriptor(number) => format!("descriptor {number}"),
        Fact::Semaphore(address) => format!("semaphore {address:#x}"),
        Fact::Permits(free) => format!("{free} permits"),
        Fact::Futures { count, more: false } => format!("{count} futures"),
        Fact::Futures { count, more: true } => format!("more than {count} futures"),
        Fact::Tasks(count) => format!("{count} tasks"),
        Fact::NotStarted => "not started".to_owned(),
        Fact::Finished => "finished".to_owned(),
        Fact::NotDescribed => "its type is not in the debug information".to_owned(),
        Fact::TooLarge => "too large to be read to its end".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Why something about tasks is not known.
pub fn reason(reason: &Reason) -> String {
    let words = match reason {
        Reason::OnlyOnLinux => "chains are read on Linux only",
        Reason::StillReading => "the debug information is still being read; the next report may have it",
        Reason::BrokenOff => "the reading of the debug information was broken off",
        Reason::NoThread(error) => {
            return format!("no thread to read the debug information: {}", system(error));
        }
        Reason::ReadingPanicked => "reading the debug information failed",
        Reason::EarlierLookPanicked => "an earlier look at the tasks failed",
        Reason::LookUnderWay => "another look at the tasks is under way",
        Reason::DebugInformation(fault) => return debug_information(fault),
        Reason::Layout(fault) => return layout(fault),
        Reason::Canary(fault) => return canary(fault),
        Reason::CurrentTask(fault) => return current_task(fault),
        Reason::TaskNotDescribed => "the debug information does not describe its type",
        Reason::FoldedByLinker => "the linker folded several types of task into one",
        Reason::LayoutDisputed => "its vtable and the debug information disagree about its layout",
        Reason::FutureNotDescribed => "its type is not in the debug information",
        Reason::MemoryUnreadable => "some of its memory cannot be read",
        Reason::NeverPolled => "it was never polled",
        Reason::NotRead => "it was not read",
        other => return format!("{other:?}"),
    };
    words.to_owned()
}

fn debug_information(fault: &DebugInformationFault) -> String {
    match fault {
        DebugInformationFault::NotOpened { path, error } => format!("{}: {}", path.display(), system(error)),
        DebugInformationFault::Missing => {
            "the executable has no debug information and none was found beside it".to_owned()
        }
        DebugInformationFault::TooLarge { path, limit_bytes } => {
            format!("{}: more than {} MB of debug information", path.display(), limit_bytes >> 20)
        }
        DebugInformationFault::NoTypes => "the debug information has lines but no types".to_owned(),
        DebugInformationFault::NoTypesOfPackage(name) => format!("it has no types of the package {name}"),
        DebugInformationFault::LoadAddressUnknown => {
            "the executable's place in memory is not known".to_owned()
        }
        other => format!("{other:?}"),
    }
}

fn layout(fault: &LayoutFault) -> String {
    match fault {
        LayoutFault::NoType(name) => format!("the debug information has no type {name}"),
        LayoutFault::NoMember { of, member } => format!("{of} has no member {member}"),
        LayoutFault::NotAnEnum(name) => format!("{name} is no enum"),
        LayoutFault::NotAPointer(name) => format!("{name} is no pointer"),
        LayoutFault::NoTaskList(name) => format!("{name} has no list"),
        LayoutFault::UnknownScheduler => "the handle is of an unknown kind".to_owned(),
        LayoutFault::ShardCount(count) => format!("{count} shards of tasks"),
        LayoutFault::Unreadable(address) => {
            format!("the runtime's memory at {address:#x} cannot be read")
        }
        LayoutFault::NoScheduler(faults) => faults.iter().map(layout).collect::<Vec<_>>().join("; "),
        other => format!("{other:?}"),
    }
}

fn canary(fault: &CanaryFault) -> String {
    match fault {
        CanaryFault::NoRuntime(error) => system(error),
        CanaryFault::Limited(limit) => format!("the canary's {}", note(limit)),
        CanaryFault::Changing => "the canary's chain could not be read: Racy".to_owned(),
        CanaryFault::Polled => "the canary's chain could not be read: Passed".to_owned(),
        CanaryFault::Unknown(why) => {
            format!("the canary's chain could not be read: Unknown({:?})", reason(why))
        }
        CanaryFault::Misread { chain, particulars, state } => {
            let line = |step: &gmr_inspect::tasks::Await| step.location.as_ref().map(|place| place.line);
            let seen: Vec<String> =
                chain.iter().map(|step| format!("{} {:?}", step.future, line(step))).collect();
            let told: Vec<(usize, String)> =
                particulars.iter().map(|own| (own.step, self::fact(&own.fact))).collect();
            format!("the canary's chain reads {} {told:?} ({state:?})", seen.join(", "))
        }
        CanaryFault::OtherTasks { spawned, found } => {
            format!("the canary's tasks {spawned:?} were found as {found:?}")
        }
        other => format!("{other:?}"),
    }
}

fn current_task(fault: &CurrentTaskFault) -> String {
    let words = match fault {
        CurrentTaskFault::NoRobustList => "the C library keeps no list of robust locks",
        CurrentTaskFault::RobustListRefused(error) => {
            return format!("the kernel does not tell it: {}", system(error));
        }
        CurrentTaskFault::NoRuntime(error) => return system(error),
        CurrentTaskFault::ExperimentFailed { task, panicked: true } => {
            return format!("task {task} panicked");
        }
        CurrentTaskFault::ExperimentFailed { task, .. } => return format!("task {task} was cancelled"),
        CurrentTaskFault::KeptElsewhere => "this tokio keeps the task's id elsewhere",
        CurrentTaskFault::Ambiguous => "several variables look like the task's id",
        CurrentTaskFault::NoThreadLocals => "the executable has no thread-local variables",
        CurrentTaskFault::ThreadLocalsTooLarge => "the executable's thread-local variables are too large",
        CurrentTaskFault::UnknownArchitecture => "their place is not known on this architecture",
        other => return format!("{other:?}"),
    };
    words.to_owned()
}

/// What limited a look; runtimes are counted from 1.
pub(crate) fn note(note: &Note) -> String {
    match note {
        Note::RuntimeNotRead { runtime, fault } => {
            format!("runtime {} cannot be read: {}", runtime + 1, layout(fault))
        }
        Note::ListsLookEmpty { runtime, alive } => {
            format!("runtime {}: its lists look empty although it counts {alive} tasks", runtime + 1)
        }
        Note::ListsUnfinished { runtime, unfinished, lists } => {
            format!("runtime {}: {unfinished} of {lists} lists were not followed to their end", runtime + 1)
        }
        other => format!("{other:?}"),
    }
}

fn system(error: &SystemError) -> String {
    io::Error::from(error).to_string()
}
