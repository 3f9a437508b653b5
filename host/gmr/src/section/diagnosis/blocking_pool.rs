//! Rule: tokio's pool for what blocks is exhausted.
//!
//! It fires if none of the pool's threads is idle and either as many are busy as tokio starts by default, or
//! tokio's own figures (`--cfg tokio_unstable`) tell of a queue, or, as is only probable, several wait for the end
//! of what is no task and what no thread has begun. It does not for a pool that could still grow.

use std::collections::BTreeMap;

use gmr_inspect::holds::Kind;
use gmr_inspect::threads::Thread;
use gmr_report::words::counted;

use super::place::{self, Place};
use super::scene::{Scene, frames, runs_blocking_job, runs_scheduler, stands_in};
use super::{Entry, Rank};

/// How many threads tokio starts at the most by default: `max_blocking_threads` in `tokio::runtime::Builder`.
const MOST_THREADS: usize = 512;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Entry> {
    let pool = scene.capture.threads.iter().filter(|thread| is_of_pool(thread));
    let (busy, idle): (Vec<&Thread>, Vec<&Thread>) = pool.partition(|thread| runs_blocking_job(thread));
    let figures = scene.snapshot.runtimes.iter().filter_map(|runtime| runtime.blocking);
    let queue: usize = figures.map(|blocking| blocking.queue_depth).sum();
    if busy.is_empty() || !idle.is_empty() {
        return Vec::new();
    }
    let begun = scene.graph.nodes.iter().filter(|node| node.object.kind == Kind::TaskEnd);
    let not_begun = begun.filter(|node| node.holds.is_empty() && node.waiters().next().is_some()).count();
    let is_certain = busy.len() >= MOST_THREADS || queue > 0;
    // Tasks that were not reached are also unknown.
    let is_probable = not_begun > 1 && busy.len() > 1 && scene.snapshot.not_reached == 0;
    if !is_certain && !is_probable {
        return Vec::new();
    }
    let waiting = if queue > 0 { queue } else { not_begun };
    let probably = if is_certain { "" } else { "probably " };
    let threads = counted(busy.len() as u64, "thread");
    let mut line = format!("the blocking pool is {probably}exhausted: all of its {threads} are busy");
    if let Some((place, count)) = most(&busy) {
        let count = if count == busy.len() { "in".to_owned() } else { format!("{count} of them in") };
        line.push_str(&format!(", {count} {place}"));
    }
    if waiting > 0 {
        line.push_str(&format!("; {waiting} more of what spawn_blocking was given wait for one"));
    }
    vec![Entry { rank: Rank::BlockingPool, weight: busy.len(), lines: vec![line] }]
}

fn most<'a>(threads: &[&'a Thread]) -> Option<(Place<'a>, usize)> {
    let mut places: BTreeMap<Place<'a>, usize> = BTreeMap::new();
    for place in threads.iter().filter_map(|thread| place::of_stack(frames(thread))) {
        *places.entry(place).or_default() += 1;
    }
    places.into_iter().max_by_key(|(_, count)| *count)
}

/// Workers run on a thread of the pool too.
fn is_of_pool(thread: &Thread) -> bool {
    stands_in(thread, "blocking::pool::Inner") && !runs_scheduler(thread)
}
