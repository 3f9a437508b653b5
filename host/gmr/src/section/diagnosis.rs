//! The Diagnosis section: what is most likely wrong, by rules, each in a file that says what fires it and what does not.
//!
//! Rules look at a [`Scene`], which is made of values, and tell at most one thing in an [`Entry`]. What is certain, what is
//! probable and what is one of several is worded as such. What is normal for a program is never told: a remark that is always there
//! is not read.

mod blocking_pool;
mod deadlock;
mod graph;
mod holder;
mod limits;
mod place;
mod scene;
mod standing;
#[cfg(test)]
mod tests;
mod unseen;
mod words;
mod worker;

use std::cmp::Reverse;

use gmr_report::graph::Graph;
use gmr_report::{Block, NativeSection, Section};

pub(crate) use scene::{Index, Scene, circumstances};
pub(crate) use standing::Standing;

/// Every rule but that of deadlocks, which looks at the graph alone.
const RULES: [fn(&Scene<'_>) -> Vec<Entry>; 5] =
    [holder::find, worker::find, blocking_pool::find, limits::find, unseen::find];

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
    NearlyUsedUp,
    Queue,
    Unseen,
}

/// The section of a scene; `None` if no rule has anything to tell, and nobody holds up another one.
pub(crate) fn section(scene: &Scene<'_>) -> Option<Section> {
    let graph = graph::graph(scene);
    let mut section = Section::native(NativeSection::Diagnosis);
    section.remarks = remarks(scene, graph.as_ref());
    if section.remarks.is_empty() && graph.is_none() {
        return None;
    }
    section.blocks.extend(graph.map(Block::Graph));
    if section.blocks.is_empty() {
        section.blocks.push(Block::paragraph("Nobody was seen to hold up another one."));
    }
    Some(section)
}

/// What the rules tell, the likeliest cause first; lines of one entry are parted by line breaks.
fn remarks(scene: &Scene<'_>, graph: Option<&Graph>) -> Vec<String> {
    let mut entries: Vec<Entry> = RULES.iter().flat_map(|rule| rule(scene)).collect();
    entries.extend(graph.map(deadlock::find).unwrap_or_default());
    entries.sort_by_key(|entry| (entry.rank, Reverse(entry.weight)));
    entries.into_iter().map(|entry| entry.lines.join("\n")).collect()
}
