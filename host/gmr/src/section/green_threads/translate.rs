//! From a task to the report's values: frames, details, members, reasons, notes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use gmr_inspect::tasks::{self as seen, Await, Chain, Fact, Rung, Snapshot, Task};
use gmr_report::{
    Call, CanaryFault, CurrentTaskFault, DebugInformationFault, Detail, Field, Frame, LayoutFault, Member,
    NoChain, Reason, SystemError, TasksNote, Value,
};

use super::super::diagnosis::is_library;
use super::super::memory::memory_shortage;
use super::grouping::{Group, known};
use super::summary::state;

/// The frames of the chain that a group's tasks have, and why there are none, or what they are.
pub(super) fn chain(group: &Group<'_>) -> (Vec<Frame>, Option<Reason>) {
    match &group.tasks[0].chain {
        Chain::Known(chain) => (frames(group, chain), None),
        Chain::Passed(chain) => (frames(group, chain), Some(Reason::BeingPolled)),
        Chain::Unknown(reason) => (Vec::new(), Some(Reason::NoChain(no_chain(reason)))),
        _ => (Vec::new(), Some(Reason::NoChain(NoChain::Changing))),
    }
}

/// What is the same for all tasks of a group stands with its await, and which semaphores they wait for, since that tells a
/// ring of locks from a queue at one. What else differs from task to task stands only where there is one task.
fn frames(group: &Group<'_>, chain: &[Await]) -> Vec<Frame> {
    let particulars = |task: &Task, at| -> Vec<Fact> {
        task.particulars.iter().filter(|own| own.step == at).map(|own| own.fact.clone()).collect()
    };
    let frame = |(at, step): (usize, &Await)| {
        let own = particulars(group.tasks[0], at);
        let mut frame = frame(step);
        frame.folded = own.is_empty() && is_machinery(chain, at);
        let is_common = |fact: &&Fact| {
            group.tasks[1..]
                .iter()
                .all(|task| task.particulars.iter().any(|other| other.step == at && other.fact == **fact))
        };
        frame.details.extend(own.iter().filter(is_common).map(detail));
        let semaphores = group.tasks.iter().flat_map(|task| &task.particulars).filter(|own| own.step == at);
        let semaphores = semaphores.filter_map(|own| match own.fact {
            Fact::Semaphore(address) => Some(address),
            _ => None,
        });
        let semaphores: BTreeSet<u64> = semaphores.collect();
        if semaphores.len() > 1 {
            frame
                .details
                .extend(semaphores.iter().take(SEMAPHORES).map(|address| Detail::Semaphore(*address)));
            let more = semaphores.len().saturating_sub(SEMAPHORES);
            frame.details.extend((more > 0).then(|| Detail::Text(format!("and {more} others"))));
        }
        frame
    };
    chain.iter().enumerate().map(frame).collect()
}

/// More semaphores for which the tasks of one group wait are counted: it is one of each task's own.
const SEMAPHORES: usize = 3;

/// An await, with what is the same for all that wait there.
fn frame(step: &Await) -> Frame {
    let call = Call::of(step.future.as_str());
    let mut frame = Frame::from(match &step.location {
        Some(place) => call.at(place.file.as_str(), place.line),
        None => call,
    });
    frame.depth = step.depth;
    frame.branch = step.branch.clone();
    frame.details = told(step).map(detail).collect();
    frame
}

/// Whether an await has nothing of its own to tell: no line, no name among branches, no figures, and one
/// single thing that it passes every poll on to. Middleware is twenty of these on top of each other.
fn is_machinery(chain: &[Await], at: usize) -> bool {
    let step = &chain[at];
    let below = chain[at + 1..].iter().take_while(|other| other.depth > step.depth);
    let children = below.filter(|other| other.depth == step.depth + 1).count();
    let is_plain = step.location.is_none() && step.branch.is_none();
    is_plain && told(step).next().is_none() && children == 1
}

/// The facts of an await, but for libraries' functions that it was made for.
fn told(step: &Await) -> impl Iterator<Item = &Fact> {
    step.facts.iter().filter(|fact| !matches!(fact, Fact::MadeFor(function) if is_library(function)))
}

/// A task, with all that is known of it alone: where many stand in one place, what is each one's own is kept here. The
/// keys of these fields are the future and the kind of detail: `tokio::time::Sleep fires_in`.
pub(super) fn member(task: &Task) -> Member {
    let mut fields =
        vec![Field::new("state", Cow::Borrowed(state(task.state))), Field::new("future", &*task.future)];
    let place = task.spawned_at.as_ref().map(|place| format!("{}:{}", place.file, place.line));
    let optional = [
        ("runtime", task.runtime.map(|runtime| Value::from(runtime + 1))),
        ("local_set_of_thread", task.local_set.map(Value::from)),
        ("spawned_at", place.map(Value::from)),
        ("age", task.age.map(Value::Duration)),
        ("idle", task.idle.map(Value::Duration)),
        ("polls", task.polls.map(Value::from)),
        ("poll_time", task.poll_time.map(Value::Duration)),
        ("thread", task.running_on.map(Value::from)),
    ];
    fields.extend(optional.into_iter().filter_map(|(key, value)| Some(Field::new(key, value?))));
    let chain = known(task).unwrap_or_default();
    fields.extend(task.particulars.iter().filter_map(|own| {
        let future = &chain.get(own.step)?.future;
        let Field { key, value, .. } = Field::from(&detail(&own.fact));
        Some(Field::new(format!("{future} {key}"), value))
    }));
    let mut member = Member::new(task.id);
    member.name = task.name.clone();
    member.fields = fields;
    member
}

fn detail(fact: &Fact) -> Detail {
    match fact {
        Fact::Name(name) => Detail::Name(name.to_string()),
        Fact::FiresIn(left) => Detail::FiresIn(*left),
        Fact::Overdue(since) => Detail::Overdue(*since),
        Fact::Task(id) => Detail::Task(*id),
        Fact::Descriptor(number) => Detail::Descriptor(*number),
        Fact::Peer(address) => Detail::Peer(address.to_string()),
        Fact::Semaphore(address) => Detail::Semaphore(*address),
        Fact::Permits(free) => Detail::Permits(*free),
        Fact::Futures { count, more } => Detail::Futures { count: *count, more: *more },
        Fact::Alike(count) => Detail::Alike(*count),
        Fact::Tasks(count) => Detail::Tasks(*count),
        Fact::MadeFor(function) => Detail::MadeFor(function.to_string()),
        Fact::Span(name) => Detail::Span(name.to_string()),
        Fact::NotStarted => Detail::NotStarted,
        Fact::Finished => Detail::Finished,
        Fact::NotDescribed => Detail::NotDescribed,
        Fact::TooLarge => Detail::TooLarge,
        Fact::OutOfTime => Detail::OutOfTime,
        other => Detail::Text(format!("{other:?}")),
    }
}

/// How many tasks there are and how they were found.
pub(super) fn tasks_seen(snapshot: &Snapshot) -> TasksNote {
    let only_registered = match &snapshot.rung {
        Rung::DebugInformation => None,
        Rung::Registered(reason) => Some(no_chain(reason)),
        _ => return TasksNote::NoTasks,
    };
    TasksNote::TasksSeen {
        tasks: snapshot.tasks.len() as u64,
        only_registered,
        changed: snapshot.racy as u64,
        not_reached: snapshot.not_reached as u64,
        roots: snapshot.roots.len() as u64,
    }
}

/// What limited a look. Runtimes are counted from 1 in a report.
pub(super) fn note(note: &seen::Note) -> TasksNote {
    let number = |runtime: usize| runtime as u64 + 1;
    match note {
        seen::Note::RuntimeNotRead { runtime, fault } => {
            TasksNote::RuntimeNotRead { runtime: number(*runtime), fault: layout(fault) }
        }
        seen::Note::ListsLookEmpty { runtime, alive } => {
            TasksNote::ListsLookEmpty { runtime: number(*runtime), alive: *alive as u64 }
        }
        seen::Note::ListsUnfinished { runtime, unfinished, lists } => TasksNote::ListsUnfinished {
            runtime: number(*runtime),
            unfinished: *unfinished as u64,
            lists: *lists as u64,
        },
        seen::Note::RootNotRead { thread, function } => {
            TasksNote::RootNotRead { thread: *thread, function: function.to_string() }
        }
        seen::Note::LocalSetNotRead { thread } => TasksNote::LocalSetNotRead { thread: *thread },
        seen::Note::ExecutorNotListed { executor, threads } => {
            TasksNote::ExecutorNotListed { executor: (*executor).to_owned(), threads: *threads as u64 }
        }
        other => TasksNote::Text(format!("{other:?}")),
    }
}

/// The words that reports have for a reason, for `gmr doctor`, which makes no report.
pub fn words_of_reason(reason: &seen::Reason) -> String {
    no_chain(reason).to_string()
}

/// Why something about tasks is not known.
pub(super) fn no_chain(reason: &seen::Reason) -> NoChain {
    match reason {
        seen::Reason::OnlyOnLinux => NoChain::OnlyOnLinux,
        seen::Reason::StillReading => NoChain::StillReading,
        seen::Reason::BrokenOff => NoChain::BrokenOff,
        seen::Reason::NoThread(error) => NoChain::NoThread { error: system(error) },
        seen::Reason::NoMemory(shortage) => NoChain::NoMemory(memory_shortage(shortage)),
        seen::Reason::ReadingPanicked => NoChain::ReadingPanicked,
        seen::Reason::EarlierLookPanicked => NoChain::EarlierLookPanicked,
        seen::Reason::LookUnderWay => NoChain::LookUnderWay,
        seen::Reason::DebugInformation(fault) => NoChain::DebugInformation(debug_information(fault)),
        seen::Reason::Layout(fault) => NoChain::Layout(layout(fault)),
        seen::Reason::Canary(fault) => NoChain::Canary(canary(fault)),
        seen::Reason::CurrentTask(fault) => NoChain::CurrentTask(current_task(fault)),
        seen::Reason::TaskNotDescribed => NoChain::TaskNotDescribed,
        seen::Reason::FoldedByLinker => NoChain::FoldedByLinker,
        seen::Reason::LayoutDisputed => NoChain::LayoutDisputed,
        seen::Reason::FutureNotDescribed => NoChain::FutureNotDescribed,
        seen::Reason::MemoryUnreadable => NoChain::MemoryUnreadable,
        seen::Reason::OutOfTime => NoChain::OutOfTime,
        seen::Reason::NeverPolled => NoChain::NeverPolled,
        seen::Reason::NotRead => NoChain::NotRead,
        other => NoChain::Text(format!("{other:?}")),
    }
}

fn debug_information(fault: &seen::DebugInformationFault) -> DebugInformationFault {
    match fault {
        seen::DebugInformationFault::NotOpened { path, error } => {
            DebugInformationFault::NotOpened { path: path.display().to_string(), error: system(error) }
        }
        seen::DebugInformationFault::Missing => DebugInformationFault::Missing,
        seen::DebugInformationFault::TooLarge { path, limit_bytes } => {
            DebugInformationFault::TooLarge { path: path.display().to_string(), limit_bytes: *limit_bytes }
        }
        seen::DebugInformationFault::IndexTooLarge { limit_bytes } => {
            DebugInformationFault::IndexTooLarge { limit_bytes: *limit_bytes }
        }
        seen::DebugInformationFault::NoTypes => DebugInformationFault::NoTypes,
        seen::DebugInformationFault::NoTypesOfPackage(name) => {
            DebugInformationFault::NoTypesOfPackage((*name).to_owned())
        }
        seen::DebugInformationFault::LoadAddressUnknown => DebugInformationFault::LoadAddressUnknown,
        other => DebugInformationFault::Text(format!("{other:?}")),
    }
}

fn layout(fault: &seen::LayoutFault) -> LayoutFault {
    match fault {
        seen::LayoutFault::NoType(name) => LayoutFault::NoType(name.to_string()),
        seen::LayoutFault::NoMember { of, member } => {
            LayoutFault::NoMember { of: of.to_string(), member: member.to_string() }
        }
        seen::LayoutFault::NotAnEnum(name) => LayoutFault::NotAnEnum(name.to_string()),
        seen::LayoutFault::NotAPointer(name) => LayoutFault::NotAPointer(name.to_string()),
        seen::LayoutFault::NoTaskList(name) => LayoutFault::NoTaskList(name.to_string()),
        seen::LayoutFault::UnknownScheduler => LayoutFault::UnknownScheduler,
        seen::LayoutFault::ShardCount(count) => LayoutFault::ShardCount(*count),
        seen::LayoutFault::Unreadable(address) => LayoutFault::Unreadable(*address),
        seen::LayoutFault::NoScheduler(faults) => {
            LayoutFault::NoScheduler(faults.iter().map(layout).collect())
        }
        other => LayoutFault::Text(format!("{other:?}")),
    }
}

fn canary(fault: &seen::CanaryFault) -> CanaryFault {
    match fault {
        seen::CanaryFault::NoRuntime(error) => CanaryFault::NoRuntime { error: system(error) },
        seen::CanaryFault::Limited(note) => CanaryFault::Limited(Box::new(self::note(note))),
        seen::CanaryFault::Changing => CanaryFault::Changing,
        seen::CanaryFault::Polled => CanaryFault::Polled,
        seen::CanaryFault::Unknown(reason) => CanaryFault::NotRead(Box::new(no_chain(reason))),
        seen::CanaryFault::Misread { chain, particulars, state } => {
            let mut chain: Vec<Frame> = chain.iter().map(bare).collect();
            for own in particulars.iter() {
                if let Some(frame) = chain.get_mut(own.step) {
                    frame.details.push(detail(&own.fact));
                }
            }
            CanaryFault::Misread { chain, state: format!("{state:?}") }
        }
        seen::CanaryFault::OtherTasks { spawned, found } => {
            CanaryFault::OtherTasks { spawned: spawned.to_vec(), found: found.to_vec() }
        }
        other => CanaryFault::Text(format!("{other:?}")),
    }
}

/// An await with its place alone.
fn bare(step: &Await) -> Frame {
    let mut frame = frame(step);
    frame.details.clear();
    frame
}

fn current_task(fault: &seen::CurrentTaskFault) -> CurrentTaskFault {
    match fault {
        seen::CurrentTaskFault::NoRobustList => CurrentTaskFault::NoRobustList,
        seen::CurrentTaskFault::RobustListRefused(error) => {
            CurrentTaskFault::RobustListRefused { error: system(error) }
        }
        seen::CurrentTaskFault::NoRuntime(error) => CurrentTaskFault::NoRuntime { error: system(error) },
        seen::CurrentTaskFault::ExperimentFailed { task, panicked } => {
            CurrentTaskFault::ExperimentFailed { task: *task, panicked: *panicked }
        }
        seen::CurrentTaskFault::KeptElsewhere => CurrentTaskFault::KeptElsewhere,
        seen::CurrentTaskFault::Ambiguous => CurrentTaskFault::Ambiguous,
        seen::CurrentTaskFault::NoThreadLocals => CurrentTaskFault::NoThreadLocals,
        seen::CurrentTaskFault::ThreadLocalsTooLarge => CurrentTaskFault::ThreadLocalsTooLarge,
        seen::CurrentTaskFault::UnknownArchitecture => CurrentTaskFault::UnknownArchitecture,
        other => CurrentTaskFault::Text(format!("{other:?}")),
    }
}

/// An error without a number has the standard library's words.
fn system(error: &seen::SystemError) -> SystemError {
    match error.errno {
        Some(number) => SystemError::Errno(number),
        None => SystemError::Message(std::io::Error::from(error).to_string()),
    }
}
