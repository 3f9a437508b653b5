//! The Green Threads section: async tasks and what they await, those that wait in the same place together.

mod grouping;
mod running;
mod runtimes;
mod summary;
#[cfg(test)]
mod tests;
pub(crate) mod translate;

use std::time::Duration;

use gmr_inspect::tasks::{Snapshot, Task, TaskState};
use gmr_report::{Block, NativeSection, Reason, Section, TasksNote, Trace};
pub(crate) use grouping::known;
use grouping::{Group, groups};
pub(crate) use running::Stacks;
pub(crate) use translate::words_of_reason;

/// The section of a look at the tasks, with the stacks that were taken before it. `stood` tells how long ago an earlier report saw
/// a task where it stands now.
pub(crate) fn section(
    snapshot: &Snapshot,
    stacks: &Stacks,
    stood: impl Fn(u64) -> Option<Duration>,
) -> Section {
    let mut section = Section::native(NativeSection::GreenThreads);
    let polling = snapshot.tasks.iter().filter_map(|task| task.running_on).collect();
    section.blocks.extend(runtimes::figures(&snapshot.runtimes, &polling));
    section.blocks.push(Block::notes(notes(snapshot)));
    let groups = groups(&snapshot.tasks);
    for group in &groups {
        section.blocks.push(Block::Trace(trace(group, &stood)));
        section.blocks.extend(stacks.of(&group.tasks).into_iter().map(Block::Trace));
    }
    section.blocks.extend(runtimes::workers(&snapshot.runtimes, &polling).into_iter().flatten());
    section
}

/// How many tasks were seen and how, and what limited the look.
fn notes(snapshot: &Snapshot) -> impl Iterator<Item = Reason> {
    let notes = std::iter::once(translate::tasks_seen(snapshot));
    let notes = notes.chain(snapshot.notes.iter().map(translate::note));
    notes.chain(without_thread(snapshot)).map(Reason::Tasks)
}

/// How many running tasks no thread is named for, and why.
fn without_thread(snapshot: &Snapshot) -> Option<TasksNote> {
    let is_one = |task: &&Task| task.state == TaskState::Running && task.running_on.is_none();
    let tasks = snapshot.tasks.iter().filter(is_one).count() as u64;
    let because = snapshot.polling_unknown.as_ref().map(translate::no_chain);
    (tasks > 0).then_some(TasksNote::ThreadsOfTasksUnknown { tasks, because })
}

fn trace(group: &Group<'_>, stood: impl Fn(u64) -> Option<Duration>) -> Trace {
    let (frames, doubt) = translate::chain(group);
    let mut trace = Trace::awaits(summary::title(group, stood));
    trace.summary = summary::lines(group);
    trace.members = group.tasks.iter().map(|task| translate::member(task)).collect();
    trace.frames = frames;
    trace.doubt = doubt;
    trace
}
