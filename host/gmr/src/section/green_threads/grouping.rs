//! Grouping of tasks: together stand those that wait in the same place in the same state.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use gmr_inspect::tasks::{Await, Chain, SourceLine, Task, TaskState};

/// Tasks that stand in the same place in the same state.
pub(super) struct Group<'s> {
    /// At least one.
    pub(super) tasks: Vec<&'s Task>,
}

impl Group<'_> {
    /// The longest wait, where waits are known.
    pub(super) fn longest(&self) -> Option<Duration> {
        self.tasks.iter().filter_map(|task| task.idle).max()
    }
}

/// What makes two tasks stand in the same place. What is each task's own (when a timer fires) does not.
#[derive(PartialEq, Eq, Hash)]
struct Place<'s, C> {
    state: TaskState,
    runtime: Option<usize>,
    spawned_at: Option<&'s SourceLine>,
    future: &'s str,
    chain: Option<C>,
}

/// Running ones first, then the longest waits, then the largest groups.
pub(super) fn groups(tasks: &[Task]) -> Vec<Group<'_>> {
    let mut at: HashMap<Place<'_, &[Await]>, usize> = HashMap::new();
    // Most tasks share their chain with another one, so that these need not be compared.
    let mut shared: HashMap<Place<'_, *const Await>, usize> = HashMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for task in tasks {
        let chain = known(task);
        let compare = || {
            *at.entry(place(task, chain)).or_insert_with(|| {
                groups.push(Group { tasks: Vec::new() });
                groups.len() - 1
            })
        };
        let group = *shared.entry(place(task, chain.map(<[Await]>::as_ptr))).or_insert_with(compare);
        groups[group].tasks.push(task);
    }
    groups.sort_by_key(|group| {
        let running = group.tasks[0].state == TaskState::Running;
        (!running, Reverse(group.longest()), Reverse(group.tasks.len()))
    });
    groups
}

fn place<C>(task: &Task, chain: Option<C>) -> Place<'_, C> {
    Place {
        state: task.state,
        runtime: task.runtime,
        spawned_at: task.spawned_at.as_ref(),
        future: &task.future,
        chain,
    }
}

/// The chain of a task, if it is known.
pub(crate) fn known(task: &Task) -> Option<&[Await]> {
    match &task.chain {
        Chain::Known(chain) | Chain::Passed(chain) => Some(chain),
        _ => None,
    }
}
