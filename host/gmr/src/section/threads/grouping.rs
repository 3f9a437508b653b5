//! Grouping of threads: together stand those with the same frames in the same state.

use std::cmp::Reverse;
use std::collections::HashMap;

use gmr_inspect::threads::{Frame, Method, Missing, Stack, State, Thread};

use super::idle;

/// Threads that stand in the same place in the same state.
pub(super) struct Group<'c> {
    /// At least one.
    pub(super) threads: Vec<&'c Thread>,
}

impl Group<'_> {
    /// Whether it is the reporter's own thread, which is only there because of the report.
    pub(super) fn is_own(&self) -> bool {
        self.threads.iter().any(|thread| matches!(thread.stack, Stack::Captured { method: Method::Own, .. }))
    }

    /// The same frames, so that one thread tells it of all.
    pub(super) fn frames(&self) -> &[Frame] {
        frames_of(self.threads[0])
    }
}

pub(super) fn frames_of(thread: &Thread) -> &[Frame] {
    match &thread.stack {
        Stack::Captured { frames, .. } => frames,
        Stack::Missing(_) => &[],
    }
}

/// In which order groups stand.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Without a stack, or asleep in the midst of a task's poll.
    InTrouble,
    Other,
    /// Idle machinery.
    Idle,
    /// The reporter's own thread, which is there because of the report.
    Own,
}

fn rank(group: &Group<'_>) -> Rank {
    let thread = group.threads[0];
    if group.is_own() {
        Rank::Own
    } else if idle::kind(group).is_some() {
        Rank::Idle
    } else if has_no_stack(thread) || idle::sleeps_in_poll(thread) {
        Rank::InTrouble
    } else {
        Rank::Other
    }
}

/// Whether a stack is missing that there should be.
fn has_no_stack(thread: &Thread) -> bool {
    !matches!(thread.stack, Stack::Captured { .. } | Stack::Missing(Missing::Ended | Missing::NoUserStack))
}

/// What makes two stacks the same: the addresses, and how many frames were left out.
fn places(frames: &[Frame]) -> Vec<u64> {
    let omitted = |frame: &Frame| Some(frame.omitted).filter(|omitted| *omitted > 0);
    frames.iter().flat_map(|frame| std::iter::once(frame.address.value()).chain(omitted(frame))).collect()
}

/// Those in trouble first, then the others, the largest groups before smaller ones, and idle machinery last.
pub(super) fn groups(threads: &[Thread]) -> Vec<Group<'_>> {
    let mut at: HashMap<(State, Vec<u64>), usize> = HashMap::new();
    // Most threads share their frames with another one, so that these need not be compared.
    let mut shared: HashMap<(State, *const Frame), usize> = HashMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for thread in threads {
        let mut add = || {
            groups.push(Group { threads: Vec::new() });
            groups.len() - 1
        };
        let group = match &thread.stack {
            Stack::Captured { frames, .. } => {
                let compare = || *at.entry((thread.state, places(frames))).or_insert_with(&mut add);
                *shared.entry((thread.state, frames.as_ptr())).or_insert_with(compare)
            }
            // Each for itself: their lines tell one thread's state.
            Stack::Missing(_) => add(),
        };
        groups[group].threads.push(thread);
    }
    groups.sort_by_cached_key(|group| (rank(group), Reverse(group.threads.len())));
    groups
}
