//! What tasks wait for and hold, gathered from many decodings: who it is, the order of queues, and what of it matters.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::holds::{Certainty, Hold, Kind, Library, Object, Party, Progress, Role, Sightings, Wait, Word};
use crate::memory::{self, Range, read_word};
use crate::tasks::decode::sync::{QueueSeen, SyncOutput};
use crate::tasks::decode::{Detail, Node, Output, Spot};

/// Nodes of one semaphore's queue that are followed.
const MAX_QUEUE: usize = 10_000;

/// How far what was decoded of a party can be believed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody polls it, and nobody is about to.
    Idle,
    /// Nobody polls it yet: it was woken.
    Scheduled,
    /// It is being polled: what it held before that poll it may have given up, and it waits for nothing.
    Polled,
}

/// A wait whose place in a queue is still to be found.
struct Queued {
    /// In [`Gathering::waits`].
    wait: usize,
    queue: QueueSeen,
}

/// What has been found so far.
pub(super) struct Gathering {
    /// Drop flags tell which locals are alive.
    drop_flags: bool,
    waits: Vec<Wait>,
    holds: Vec<Hold>,
    queued: Vec<Queued>,
}

impl Gathering {
    /// `drop_flags` tells whether the canary has shown that they tell which locals are alive.
    pub(super) fn new(drop_flags: bool) -> Self {
        Gathering { drop_flags, waits: Vec::new(), holds: Vec::new(), queued: Vec::new() }
    }

    /// Adds what was decoded of a party. `words` must also be the same later for it to be true.
    pub(super) fn add(&mut self, by: Party, standing: Standing, output: &Output, words: &[Word]) {
        let Output { nodes, spots, sync, .. } = output;
        let all = |sync: &SyncOutput, own: std::ops::Range<usize>| -> Arc<[Word]> {
            sync.words[own].iter().chain(words).copied().collect()
        };
        if standing != Standing::Polled {
            // A future that is not awaited may have been dropped.
            for seen in sync.waits.iter().filter(|seen| seen.awaited || self.drop_flags) {
                let progress = match seen.progress {
                    // Who was woken leaves its waker when it is polled.
                    Progress::NoWaker if standing == Standing::Scheduled => Progress::Queued(None),
                    progress => progress,
                };
                if let Some(queue) = seen.queue.filter(|_| progress == Progress::Queued(None)) {
                    self.queued.push(Queued { wait: self.waits.len(), queue });
                }
                self.waits.push(Wait {
                    timed: seen.awaited && seen.at.is_some_and(|at| is_timed(nodes, spots, at)),
                    progress,
                    awaited: seen.awaited,
                    at: seen.at,
                    permits: seen.queue.map(|queue| queue.free),
                    words: all(sync, seen.words.clone()),
                    ..Wait::new(by, seen.object, seen.want)
                });
            }
        }
        self.holds.extend(sync.holds.iter().map(|seen| {
            let is_sure = seen.alive && self.drop_flags && standing != Standing::Polled;
            Hold {
                certainty: if is_sure { Certainty::Certain } else { Certainty::Probable },
                variable: seen.variable.clone(),
                function: seen.function.clone(),
                at: seen.at,
                words: all(sync, seen.words.clone()),
                ..Hold::new(by, seen.object, seen.role)
            }
        }));
    }

    /// All of it, with the places in queues. Of what is held only what somebody may wait for is kept.
    pub(super) fn finish(mut self, threads_wait: bool) -> Sightings {
        self.number_queues();
        let Gathering { waits, mut holds, .. } = self;
        let waited = Places::of(waits.iter().map(|wait| wait.object));
        holds.retain(|hold| waited.meet(&hold.object) || (threads_wait && is_for_threads(&hold.object)));
        // Who has a lock alone leaves no doubt about the others.
        let alone = |hold: &Hold| hold.role == Role::Exclusive && hold.certainty == Certainty::Certain;
        let taken = Places::of(holds.iter().filter(|hold| alone(hold)).map(|hold| hold.object));
        let is_lock = |hold: &Hold| matches!(hold.role, Role::Exclusive | Role::Shared);
        holds.retain(|hold| {
            hold.certainty == Certainty::Certain || !is_lock(hold) || !taken.meet(&hold.object)
        });
        Sightings { waits, holds, not_reached: 0 }
    }

    /// Gives waits for semaphores their places.
    fn number_queues(&mut self) {
        let links = Links::read(&self.queued);
        let mut places: HashMap<(u64, u64), u64> = HashMap::new();
        let mut followed = HashSet::new();
        for Queued { queue, .. } in &self.queued {
            if followed.insert(queue.semaphore) {
                links.follow(queue, |node, place| {
                    places.insert((queue.semaphore, node), place);
                });
            }
        }
        for Queued { wait, queue } in &self.queued {
            self.waits[*wait].progress =
                Progress::Queued(places.get(&(queue.semaphore, queue.node)).copied());
        }
    }
}

/// Whether threads may wait for it: what only tasks wait for is of no interest then.
fn is_for_threads(object: &Object) -> bool {
    object.library != Library::Tokio || matches!(object.kind, Kind::Channel | Kind::Oneshot)
}

/// The two pointers of the nodes of queues, read at once as far as the nodes are known.
struct Links(HashMap<u64, (u64, u64)>);

impl Links {
    fn read(queued: &[Queued]) -> Links {
        let pointer = |address: u64| Range { address, length: 8 };
        let ranges: Vec<Range> = queued
            .iter()
            .flat_map(|Queued { queue, .. }| {
                [
                    pointer(queue.node.wrapping_add(queue.previous)),
                    pointer(queue.node.wrapping_add(queue.next)),
                ]
            })
            .collect();
        let (mut bytes, mut readable) = (Vec::new(), Vec::new());
        memory::read_many(&ranges, &mut bytes, &mut readable);
        let pairs = bytes.chunks_exact(16).zip(readable.chunks_exact(2)).zip(queued);
        let read = pairs.filter(|((_, readable), _)| readable.iter().all(|one| *one));
        let links = read.map(|((pair, _), Queued { queue, .. })| {
            let (previous, next) = pair.split_at(8);
            let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_ne_bytes);
            (queue.node, (number(previous), number(next)))
        });
        Links(links.collect())
    }

    fn of(&self, node: u64, queue: &QueueSeen) -> Option<(u64, u64)> {
        let known = self.0.get(&node).copied();
        known.or_else(|| {
            Some((read_word(node.wrapping_add(queue.previous))?, read_word(node.wrapping_add(queue.next))?))
        })
    }

    /// Calls `each` with every node and its place, from the one that has waited longest. A queue that does not fit
    /// together was being changed, and ends there.
    fn follow(&self, queue: &QueueSeen, mut each: impl FnMut(u64, u64)) {
        let mut node = read_word(queue.first).unwrap_or(0);
        // The oldest node has none after it.
        let mut expected = 0;
        for place in 0..MAX_QUEUE {
            if node == 0 {
                return;
            }
            let Some((previous, next)) = self.of(node, queue) else { return };
            if next != expected {
                return;
            }
            each(node, place as u64);
            expected = node;
            node = previous;
        }
    }
}

/// Where things lie, to be asked whether another one meets any of them.
struct Places(HashMap<Library, Vec<(u64, u64)>>);

impl Places {
    fn of(objects: impl Iterator<Item = Object>) -> Places {
        let mut places: HashMap<Library, Vec<(u64, u64)>> = HashMap::new();
        for object in objects.filter(|object| !matches!(object.kind, Kind::TaskEnd | Kind::ThreadEnd)) {
            places.entry(object.library).or_default().push((object.start, object.end));
        }
        for ranges in places.values_mut() {
            ranges.sort_unstable();
            ranges.dedup();
            // Each with the furthest end so far.
            let mut furthest = 0;
            for (_, end) in ranges {
                furthest = furthest.max(*end);
                *end = furthest;
            }
        }
        Places(places)
    }

    fn meet(&self, object: &Object) -> bool {
        let Some(ranges) = self.0.get(&object.library) else { return false };
        let before = ranges.partition_point(|(start, _)| *start < object.end);
        before > 0 && ranges[before - 1].1 > object.start
    }
}

/// Whether a timer ends the wait of that await: one that some await above it waits for beside it, where the first that is
/// ready is enough.
fn is_timed(nodes: &[Node], spots: &[Spot], at: usize) -> bool {
    let timers = nodes.iter().enumerate().filter(|(_, node)| matches!(node.detail, Detail::Deadline { .. }));
    let mut timers = timers.map(|(timer, _)| timer).filter(|timer| *timer != at);
    timers.any(|timer| match fork(nodes, at, timer) {
        Some((own, other)) => !spots[own].joined && !spots[other].joined,
        None => false,
    })
}

/// Where the ways to two awaits part: the first await on the way to each that is not on the way to the other.
fn fork(nodes: &[Node], one: usize, other: usize) -> Option<(usize, usize)> {
    let parent = |of: usize| (0..of).rev().find(|above| nodes[*above].depth < nodes[of].depth);
    let (mut one, mut other) = (one, other);
    loop {
        let (deep, shallow) =
            if nodes[one].depth >= nodes[other].depth { (one, other) } else { (other, one) };
        if one == other {
            return None;
        }
        let (above_one, above_other) = (parent(one), parent(other));
        if above_one == above_other {
            return Some((one, other));
        }
        // One step up from the deeper one.
        let up = parent(deep)?;
        if up == shallow {
            return None;
        }
        if deep == one { one = up } else { other = up }
    }
}
