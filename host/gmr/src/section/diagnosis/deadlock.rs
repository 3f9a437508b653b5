//! Rule: deadlocks. Threads and tasks that wait for each other in a ring, or for what they hold themselves.
//!
//! It fires for each ring of the wait-for graph whose edges are certain or probable. It does not where one of the edges is one of
//! several candidates, nor for channels of which another sender may exist.

use gmr_report::graph::{Certainty, Cycle, Graph};
use gmr_report::words;

use super::{Entry, Rank};

pub(super) fn find(graph: &Graph) -> Vec<Entry> {
    let entry = |cycle: &Cycle| {
        let rank = match cycle.certainty {
            Certainty::Certain => Rank::Deadlock,
            Certainty::Probable => Rank::ProbableDeadlock,
            _ => return None,
        };
        Some(Entry { rank, weight: cycle.members.len(), lines: words::deadlock(graph, cycle) })
    };
    graph.cycles.iter().filter_map(entry).collect()
}
