//! The Diagnosis section: what is most likely wrong, by rules, each in a file that says what fires it and what does
//! not.
//!
//! Rules look at a [`Scene`], which is made of values, and tell at most one thing in an [`Entry`]. What is certain,
//! what is probable and what is one of several is worded as such. What is normal for a program is never told: a
//! remark that is always there is not read.

mod blocking_pool;
mod deadlock;
mod graph;
mod holder;
mod limits;
mod lost_wakeup;
mod place;
mod requests;
mod scene;
mod standing;
#[cfg(test)]
mod tests;
mod unseen;
mod words;
mod worker;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use gmr_report::graph::Graph;
use gmr_report::{Block, NativeSection, Section};

pub(super) use place::is_library;
pub(crate) use scene::{Index, Scene, circumstances};
pub(crate) use standing::Standing;

/// Every rule but that of deadlocks, which looks at the graph alone.
const RULES: [fn(&Scene<'_>) -> Vec<Entry>; 7] = [
    holder::find,
    worker::find,
    blocking_pool::find,
    limits::find,
    lost_wakeup::find,
    requests::find,
    unseen::find,
];

/// One thing that is probably wrong.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    rank: Rank,
    /// How many suffer from it: of one rank the heaviest is told first.
    weight: usize,
    /// The first says what it is, the others more of it.
    lines: Vec<String>,
}

/// Kinds of trouble, the likeliest cause of all others first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Deadlock,
    UsedUp,
    AllWorkers,
    BlockingPool,
    ProbableDeadlock,
    Initialiser,
    Holder,
    Worker,
    LostWakeup,
    NearlyUsedUp,
    Queue,
    Requests,
    Unseen,
}

/// What the rules make of a scene.
pub(crate) struct Diagnosis {
    /// `None` if no rule has anything to tell, and nobody holds up another one.
    pub(crate) section: Option<Section>,
    /// The kernel's ids of threads that wait for others, have what others wait for, or are stuck in a poll.
    pub(crate) threads: BTreeSet<u64>,
}

pub(crate) fn diagnosis(scene: &Scene<'_>) -> Diagnosis {
    let graph = graph::graph(scene);
    let remarks = remarks(scene, graph.as_ref());
    let threads = worker::stuck_threads(scene).chain(graph.iter().flat_map(graph::threads)).collect();
    if remarks.is_empty() && graph.is_none() {
        return Diagnosis { section: None, threads };
    }
    let mut section = Section::native(NativeSection::Diagnosis);
    section.remarks = remarks;
    section.blocks.extend(graph.map(Block::Graph));
    if section.blocks.is_empty() {
        section.blocks.push(Block::paragraph("Nobody was seen to hold up another one."));
    }
    Diagnosis { section: Some(section), threads }
}

/// What the rules tell, the likeliest cause first; lines of one entry are parted by line breaks.
fn remarks(scene: &Scene<'_>, graph: Option<&Graph>) -> Vec<String> {
    let mut entries: Vec<Entry> = RULES.iter().flat_map(|rule| rule(scene)).collect();
    entries.extend(graph.map(deadlock::find).unwrap_or_default());
    entries.sort_by_key(|entry| (entry.rank, Reverse(entry.weight)));
    entries.into_iter().map(|entry| entry.lines.join("\n")).collect()
}
