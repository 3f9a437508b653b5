//! Tasks as they were found in memory, before they are joined with the registered futures.

use std::collections::HashMap;
use std::sync::Arc;

use super::model::{Await, Note, Particular, Reason, TaskState};
use crate::holds::Sightings;

/// What one look at all runtimes found.
#[derive(Debug, Default)]
pub(crate) struct FoundAll {
    pub(crate) tasks: Vec<Found>,
    pub(crate) roots: Vec<FoundRoot>,
    /// Registered futures that were not met in any of these, by the address of their slot.
    pub(crate) unlisted: HashMap<u64, Unlisted>,
    /// The runtimes, as far as they could be read.
    pub(crate) runtimes: Vec<Option<FoundRuntime>>,
    /// Why it is not known which threads poll which tasks, if it is not.
    pub(crate) polling_unknown: Option<Reason>,
    pub(crate) racy: usize,
    pub(crate) not_reached: usize,
    pub(crate) notes: Vec<Note>,
    /// What they wait for and hold.
    pub(crate) sightings: Sightings,
}

/// A task that a runtime or a `LocalSet` owns.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) id: u64,
    pub(crate) runtime: Option<usize>,
    /// The thread of the `LocalSet` that owns it, if one does.
    pub(crate) local_set: Option<u32>,
    pub(crate) future: Arc<str>,
    pub(crate) state: TaskState,
    /// The thread that polled it both before and after the look.
    pub(crate) running_on: Option<u32>,
    pub(crate) chain: FoundChain,
    /// Where its memory begins and ends.
    pub(crate) memory: std::ops::Range<u64>,
    /// Its future as a whole is a registered one.
    pub(crate) registered: bool,
    /// Addresses of the slots of registered futures in its chain, with the number of awaits above each.
    pub(crate) tracked: Vec<(u64, usize)>,
}

/// As [`Chain`](super::Chain), with what is the task's own.
#[derive(Debug)]
pub(crate) enum FoundChain {
    Known(Made),
    Passed(Made),
    Racy,
    Unknown(Arc<Reason>),
}

/// A task's chain.
#[derive(Debug)]
pub(crate) struct Made {
    /// Shared by all tasks that wait in the same place.
    pub(crate) awaits: Arc<[Await]>,
    /// What is this task's own.
    pub(crate) particulars: Vec<Particular>,
}

/// What a registered future awaits that no runtime lists.
#[derive(Debug)]
pub(crate) struct Unlisted {
    pub(crate) chain: FoundChain,
    /// As [`Found::tracked`].
    pub(crate) tracked: Vec<(u64, usize)>,
}

/// What is known of a runtime by its memory alone.
#[derive(Debug)]
pub(crate) struct FoundRuntime {
    /// Its own id of itself.
    pub(crate) id: u64,
    /// The thread of each worker, where that is known.
    pub(crate) threads: Vec<Option<u32>>,
    /// What else there is to know of one that nobody passed in.
    pub(crate) unlisted: Option<UnlistedRuntime>,
}

/// A runtime that nobody passed in.
#[derive(Debug)]
pub(crate) struct UnlistedRuntime {
    pub(crate) flavor: &'static str,
    /// A thread that has entered it.
    pub(crate) found_by: u32,
}

/// The future that a thread runs by `block_on`.
#[derive(Debug)]
pub(crate) struct FoundRoot {
    pub(crate) thread: u32,
    /// Which frame of its stack, from 0, is the `block_on`.
    pub(crate) frame: usize,
    pub(crate) runtime: Option<usize>,
    pub(crate) future: Arc<str>,
    pub(crate) state: TaskState,
    pub(crate) chain: FoundChain,
    /// As [`Found::registered`].
    pub(crate) registered: bool,
    /// As [`Found::tracked`].
    pub(crate) tracked: Vec<(u64, usize)>,
}
