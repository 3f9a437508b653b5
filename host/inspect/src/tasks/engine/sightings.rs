//! What tasks wait for and hold, gathered from many decodings: who it is, the order of queues, and what of it matters.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::holds::{
    Certainty, Hold, Kind, Library, Object, Party, Progress, Role, Sightings, Wait, Want, Word,
};
use crate::memory::{self, Range, read_word};
use crate::tasks::decode::sync::{QueueSeen, SyncOutput};
use crate::tasks::decode::{Detail, Node, Output, Spot};

/// Nodes of one semaphore's queue that are followed.
const MAX_QUEUE: usize = 10_000;
/// Holds that are kept until it is known which of them matter, some 25 MB: more than one end of a channel for each of as many
/// tasks.
const MAX_HOLDS: usize = 100_000;

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
    /// What may be a hold, if its object is waited for and nobody else has it. The object is one byte where the
    /// pointer leads.
    suspects: Vec<Hold>,
    queued: Vec<Queued>,
    branches: Branches,
    /// Parties of which not all is kept.
    not_reached: usize,
}

impl Gathering {
    /// `drop_flags` tells whether the canary has shown that they tell which locals are alive.
    pub(super) fn new(drop_flags: bool) -> Self {
        Gathering {
            drop_flags,
            waits: Vec::new(),
            holds: Vec::new(),
            suspects: Vec::new(),
            queued: Vec::new(),
            branches: Branches::default(),
            not_reached: 0,
        }
    }

    /// Adds what was decoded of a party. `words` must also be the same later for it to be true.
    pub(super) fn add(&mut self, by: Party, standing: Standing, output: &Output, words: &[Word]) {
        let Output { nodes, spots, sync, .. } = output;
        let all = |sync: &SyncOutput, own: std::ops::Range<usize>| -> Arc<[Word]> {
            sync.words[own].iter().chain(words).copied().collect()
        };
        if standing != Standing::Polled && !sync.waits.is_empty() {
            self.branches.read(nodes, spots);
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
                let (other, timer) = seen.at.map_or((false, false), |at| self.branches.beside(spots, at));
                // A future without a waker among several, of which the first that is ready is enough, is a branch that is not
                // polled. Of more than can be seen there may be such others, and a task that ends for a `JoinSet`.
                let is_doubtful = match progress {
                    Progress::NoWaker => other || sync.cut,
                    _ => sync.cut && seen.want == Want::End,
                };
                self.waits.push(Wait {
                    timed: seen.awaited && timer,
                    progress,
                    awaited: seen.awaited && !is_doubtful,
                    at: seen.at,
                    permits: seen.queue.map(|queue| queue.free),
                    words: all(sync, seen.words.clone()),
                    ..Wait::new(by, seen.object, seen.want)
                });
            }
        }
        if self.holds.len() + sync.holds.len() > MAX_HOLDS {
            self.not_reached += 1;
            return;
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
        let suspects = sync.suspects.iter().filter(|_| standing != Standing::Polled);
        self.suspects.extend(suspects.map(|seen| Hold {
            certainty: Certainty::Probable,
            variable: seen.variable.clone(),
            function: seen.function.clone(),
            at: seen.at,
            words: all(sync, seen.words.clone()),
            ..Hold::new(by, Object::new(Library::Tokio, Kind::Mutex, seen.pointer, 1), Role::Exclusive)
        }));
    }

    /// All of it, with the places in queues. Of what is held only what somebody may wait for is kept.
    pub(super) fn finish(mut self, threads_wait: bool) -> Sightings {
        self.number_queues();
        let Gathering { waits, mut holds, suspects, not_reached, .. } = self;
        let waited = Places::of(waits.iter().map(|wait| wait.object));
        holds.retain(|hold| waited.meet(&hold.object) || (threads_wait && is_for_threads(&hold.object)));
        // Who has a lock alone leaves no doubt about the others.
        let alone = |hold: &Hold| hold.role == Role::Exclusive && hold.certainty == Certainty::Certain;
        let taken = Places::of(holds.iter().filter(|hold| alone(hold)).map(|hold| hold.object));
        let is_lock = |hold: &Hold| matches!(hold.role, Role::Exclusive | Role::Shared);
        holds.retain(|hold| {
            hold.certainty == Certainty::Certain || !is_lock(hold) || !taken.meet(&hold.object)
        });
        holds.extend(hidden_holds(&waits, &holds, suspects));
        holds.shrink_to_fit();
        Sightings { waits, holds, not_reached }
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

/// Those suspects that point to a lock of tokio's which somebody else waits for, and which nobody is seen to have.
fn hidden_holds(waits: &[Wait], holds: &[Hold], suspects: Vec<Hold>) -> Vec<Hold> {
    let is_lock = |hold: &&Hold| matches!(hold.role, Role::Exclusive | Role::Shared);
    let held = Places::of(holds.iter().filter(is_lock).map(|hold| hold.object));
    let mut wanted: HashMap<u64, (Object, bool)> = HashMap::new();
    let mut waiting: HashSet<(Party, u64)> = HashSet::new();
    for wait in waits.iter().filter(|wait| matches!(wait.object.kind, Kind::Mutex | Kind::RwLock)) {
        if wait.object.library == Library::Tokio && !held.meet(&wait.object) {
            let (_, to_read) = wanted.entry(wait.object.start).or_insert((wait.object, false));
            *to_read |= wait.want == Want::Shared;
            waiting.insert((wait.by, wait.object.start));
        }
    }
    let mut found = HashSet::new();
    let of_suspect = |suspect: Hold| {
        let at = suspect.object.start;
        let (object, to_read) = *wanted.get(&at)?;
        // What it has of it itself, as a word that was left over or as a reference, is for the wait.
        if waiting.contains(&(suspect.by, at)) || !found.insert((suspect.by, at)) {
            return None;
        }
        // Readers wait for a writer alone.
        let is_read = object.kind == Kind::RwLock && !to_read;
        Some(Hold { object, role: if is_read { Role::Shared } else { Role::Exclusive }, ..suspect })
    };
    suspects.into_iter().filter_map(of_suspect).collect()
}

/// Whether threads may wait for it: what only tasks wait for is of no interest then.
fn is_for_threads(object: &Object) -> bool {
    object.library != Library::Tokio || matches!(object.kind, Kind::Channel | Kind::Oneshot)
}

/// The first nodes of queues, and the two pointers of their nodes, read at once as far as the nodes are known.
struct Links {
    /// By where the pointer to it lies.
    first: HashMap<u64, u64>,
    nodes: HashMap<u64, (u64, u64)>,
}

impl Links {
    fn read(queued: &[Queued]) -> Links {
        let pointer = |address: u64| Range { address, length: 8 };
        let firsts: HashSet<u64> = queued.iter().map(|Queued { queue, .. }| queue.first).collect();
        let firsts: Vec<u64> = firsts.into_iter().collect();
        let nodes = queued.iter().flat_map(|Queued { queue, .. }| {
            [pointer(queue.node.wrapping_add(queue.previous)), pointer(queue.node.wrapping_add(queue.next))]
        });
        let ranges: Vec<Range> = firsts.iter().map(|first| pointer(*first)).chain(nodes).collect();
        let (mut bytes, mut readable) = (Vec::new(), Vec::new());
        memory::read_many(&ranges, &mut bytes, &mut readable);
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_ne_bytes);
        let (first, bytes) = bytes.split_at(firsts.len() * 8);
        let first = firsts.iter().copied().zip(first.chunks_exact(8).map(number)).collect();
        let pairs = bytes.chunks_exact(16).zip(readable[firsts.len()..].chunks_exact(2)).zip(queued);
        let read = pairs.filter(|((_, readable), _)| readable.iter().all(|one| *one));
        let links = read.map(|((pair, _), Queued { queue, .. })| {
            let (previous, next) = pair.split_at(8);
            (queue.node, (number(previous), number(next)))
        });
        Links { first, nodes: links.collect() }
    }

    fn of(&self, node: u64, queue: &QueueSeen) -> Option<(u64, u64)> {
        let known = self.nodes.get(&node).copied();
        known.or_else(|| {
            Some((read_word(node.wrapping_add(queue.previous))?, read_word(node.wrapping_add(queue.next))?))
        })
    }

    /// Calls `each` with every node and its place, from the one that has waited longest. A queue that does not fit
    /// together was being changed, and ends there.
    fn follow(&self, queue: &QueueSeen, mut each: impl FnMut(u64, u64)) {
        let mut node = self.first.get(&queue.first).copied().unwrap_or(0);
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

/// The tree of a chain's awaits: which of them are waited for beside others, where the first that is ready is enough.
#[derive(Default)]
struct Branches {
    /// Of each await the one above it; the number of awaits for those that have none.
    parents: Vec<usize>,
    /// Of each await and at last of the whole: how many there are directly below it of which one is enough, and how many of
    /// these come to a timer.
    below: Vec<(usize, usize)>,
    has_timer: Vec<bool>,
}

impl Branches {
    fn read(&mut self, nodes: &[Node], spots: &[Spot]) {
        let Branches { parents, below, has_timer } = self;
        parents.clear();
        has_timer.clear();
        below.clear();
        below.resize(nodes.len() + 1, (0, 0));
        for (at, node) in nodes.iter().enumerate() {
            // The await before it, or one that that is a part of.
            let mut above = at.checked_sub(1);
            while let Some(other) = above.filter(|other| nodes[*other].depth >= node.depth) {
                above = Some(parents[other]).filter(|parent| *parent < nodes.len());
            }
            parents.push(above.unwrap_or(nodes.len()));
            has_timer.push(matches!(node.detail, Detail::Deadline { .. }));
        }
        for at in (0..nodes.len()).rev() {
            let parent = parents[at];
            if has_timer[at] && parent < nodes.len() {
                has_timer[parent] = true;
            }
            if !spots[at].joined {
                below[parent].0 += 1;
                below[parent].1 += usize::from(has_timer[at]);
            }
        }
    }

    /// Whether something else may end the wait of that await, and whether a timer may.
    fn beside(&self, spots: &[Spot], at: usize) -> (bool, bool) {
        let (mut other, mut timer) = (false, false);
        let mut at = at;
        while let Some(parent) = self.parents.get(at) {
            if !spots[at].joined {
                let (all, timers) = self.below[*parent];
                other |= all > 1;
                timer |= timers > usize::from(self.has_timer[at]);
            }
            at = *parent;
        }
        (other, timer)
    }
}
