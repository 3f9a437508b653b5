//! What threads wait for, and which threads have it.
//!
//! A thread that waits for another one is asleep in a futex; its frames tell in what kind of lock ([`ways`]), the lock's
//! memory where it lies, whether somebody has it, and of some kinds who ([`places`]). std's and parking_lot's locks do not
//! say who has them. Then the stacks are searched for their addresses ([`stack_words`]), and of the frames that have one it
//! is asked which variables are guards of it, and whether they would drop a guard if their calls unwound ([`pads`]): what
//! would be dropped is alive ([`holders`]).
//!
//! What is said of a holder is
//! - *certain*, if the lock has its thread's id, or if a frame has one variable that is a guard of its kind, which is one
//!   of this lock, and would drop such a guard, and nobody else is in question;
//! - *probable*, if there is such a frame and others are in question; if a variable is a guard that may have been moved
//!   away; if a stack has the lock's address, and a frame from there outwards would drop a guard of that kind; of an
//!   initialiser, if a thread is in one and has its address; of a channel, if a variable is its other end; of a scope or a
//!   pool, if a thread works at what lies in the stack of the one who waits.
//!
//! A leaked guard, one in a map, and one of a static lock leave little in a stack, so that nobody is found. Frames that
//! have given up this lock's guard and hold another one of its type are probable without being right.
//!
//! If nobody waits nothing more is done than to look at frames' names.

mod guards;
mod holders;
mod pads;
mod places;
mod plain_name;
mod stack_words;
mod ways;

pub(crate) use pads::KnownPads;

use super::{Hold, Kind, Library, Object, Party, Role, Sightings, Wait, Want, Word};
use crate::arch::registers::ARGUMENTS;
use crate::tasks::Polling;
use crate::tasks::engine::ReadFrame;
use crate::threads::evidence::Evidence;
use crate::threads::{Capture, Frame, OfFrames, Resource, Stack, Thread};
use places::Located;
use rustc_hash::FxBuildHasher;
use std::collections::{BTreeMap, HashSet};
use std::time::Instant;
use ways::{Place, Waiting, Way};

/// A look at the threads of a capture.
pub(crate) struct Look<'c> {
    capture: &'c Capture,
    waiters: Vec<Waiter<'c>>,
    holds: Vec<Hold>,
    not_reached: usize,
}

/// A thread that waits for something.
struct Waiter<'c> {
    thread: &'c Thread,
    waiting: Waiting,
    located: Located,
}

impl Waiter<'_> {
    /// What is waited for, if who has it is to be searched for by its address.
    fn searched(&self) -> Option<Object> {
        let Located { object, owner, .. } = self.located;
        let is_searched = owner.is_none() && object.start != 0 && object.kind.has_holder();
        (is_searched && self.waiting.way.place != Place::Stacks).then_some(object)
    }
}

/// By what holders are searched for.
pub(crate) struct Means<'s> {
    /// What tasks wait for, too.
    pub wanted: &'s [Object],
    pub pads: &'s KnownPads,
    pub deadline: Instant,
}

impl<'c> Look<'c> {
    /// Finds who waits, and those that locks name themselves. `parking_lot_key` is where parking_lot's key lies from the
    /// word that a thread waits on, if debug information has that.
    pub fn new(capture: &'c Capture, parking_lot_key: Option<i64>) -> Look<'c> {
        let key = parking_lot_key.unwrap_or(places::PARKING_LOT_KEY);
        let is_thread = |id| capture.threads.binary_search_by_key(&id, |thread| thread.id).is_ok();
        let mut ways = OfFrames::new(ways::waiting);
        let mut waiters = Vec::new();
        for thread in &capture.threads {
            let Some((futex, frames)) = asleep_in_futex(thread) else { continue };
            let Some(waiting) = ways.of(frames) else { continue };
            let Some(located) = places::locate(waiting.way, futex, key, is_thread) else { continue };
            waiters.push(Waiter { thread, waiting, located });
        }
        let holds = stored_owners(&waiters);
        Look { capture, waiters, holds, not_reached: 0 }
    }

    /// Whether there is something whose holder has to be searched for.
    pub fn is_open(&self, wanted: &[Object]) -> bool {
        let is_open = |waiter: &Waiter<'_>| {
            waiter.searched().is_some() || matches!(waiter.waiting.way.place, Place::Stacks | Place::Channel)
        };
        !wanted.is_empty() || self.waiters.iter().any(is_open)
    }

    /// Searches for those that are not stored. `values` reads the variables of frames, where there are types.
    pub fn search(&mut self, means: &Means<'_>, mut values: Option<&mut ReadFrame<'_>>) {
        if let Some(values) = values.as_deref_mut() {
            self.find_channels(values);
        }
        let found = holders::search(self, means, values);
        self.not_reached = found.not_reached;
        self.holds.extend(found.holds);
    }

    /// The channels that threads wait at: their own functions have their address.
    fn find_channels(&mut self, values: &mut ReadFrame<'_>) {
        /// The variable is where the function is itself, at the most some functions further out than what tells the wait.
        const FURTHER: usize = 3;
        let channels = self.waiters.iter_mut().filter(|waiter| waiter.waiting.way.place == Place::Channel);
        for waiter in channels.take(holders::MOST_OBJECTS) {
            let Some(evidence) = self.capture.evidence.of(waiter.thread.id) else { continue };
            let frames = evidence.frames();
            let mut frames = frames.iter().take(waiter.waiting.frame + FURTHER);
            let library = waiter.located.object.library;
            let channel = frames.find_map(|frame| values(&evidence, frame).channel);
            if let Some(channel) = channel.filter(|channel| channel.library == library) {
                waiter.located.object = channel;
            }
        }
    }

    /// All that was found. `polling` tells which threads run which tasks; it is asked only where a thread of a blocking
    /// pool runs something.
    pub fn finish(mut self, polling: impl FnOnce() -> Vec<Polling>) -> Sightings {
        self.holds.extend(blocking_tasks(self.capture, polling));
        let waits = self.waiters.iter().map(|waiter| {
            let Located { object, words, .. } = waiter.located;
            Wait {
                timed: self.capture.evidence.of(waiter.thread.id).is_some_and(gives_up),
                at: Some(waiter.waiting.frame),
                words: words.into_iter().take(1).flatten().collect(),
                ..Wait::new(Party::Thread(waiter.thread.id), object, waiter.waiting.way.want)
            }
        });
        Sightings { waits: waits.collect(), holds: self.holds, not_reached: self.not_reached }
    }
}

fn stored_owners(waiters: &[Waiter<'_>]) -> Vec<Hold> {
    let mut owners: BTreeMap<Object, (u32, [Option<Word>; 2])> = BTreeMap::new();
    for Located { object, owner, words } in waiters.iter().map(|waiter| waiter.located) {
        if let Some(owner) = owner {
            owners.insert(object, (owner, words));
        }
    }
    let holds = owners.into_iter().map(|(object, (owner, words))| {
        let role = if object.kind == Kind::ThreadEnd { Role::Runs } else { Role::Exclusive };
        let words = words.into_iter().flatten().collect();
        Hold { words, ..Hold::new(Party::Thread(owner), object, role) }
    });
    holds.collect()
}

/// Threads that run what `spawn_blocking` was given: for them a task may wait.
fn blocking_tasks(capture: &Capture, polling: impl FnOnce() -> Vec<Polling>) -> Vec<Hold> {
    let mut is_of_pool = OfFrames::new(is_of_blocking_pool);
    let threads = capture.threads.iter().filter(|thread| is_of_pool.of(frames(thread)));
    let threads: HashSet<u32, FxBuildHasher> = threads.map(|thread| thread.id).collect();
    if threads.is_empty() {
        return Vec::new();
    }
    let running = polling().into_iter().filter(|polling| threads.contains(&polling.thread));
    let hold = |polling: Polling| {
        let task = Object::new(Library::Tokio, Kind::TaskEnd, polling.task, 1);
        Hold::new(Party::Thread(polling.thread), task, Role::Runs)
    };
    running.map(hold).collect()
}

fn frames(thread: &Thread) -> &[Frame] {
    match &thread.stack {
        Stack::Captured { frames, .. } => frames,
        Stack::Missing(_) => &[],
    }
}

fn asleep_in_futex(thread: &Thread) -> Option<(u64, &[Frame])> {
    match thread.wait.as_ref()?.resource {
        Some(Resource::Futex(address)) => Some((address, frames(thread))),
        _ => None,
    }
}

/// Whether a thread in a futex has given a time after which to wake it: the fourth argument of `futex(2)`.
fn gives_up(evidence: Evidence<'_>) -> bool {
    let [_, _, _, timeout, ..] = ARGUMENTS;
    let frames = evidence.frames();
    let innermost = frames.first();
    innermost.and_then(|frame| frame.registers.get(timeout)).is_some_and(|timeout| timeout != 0)
}

/// Whether a thread waits for a lock or for room in a channel, which a task may have as well as a thread.
pub(crate) fn somebody_waits(capture: &Capture) -> bool {
    let mut waits = OfFrames::new(|frames| {
        ways::waiting(frames).is_some_and(|waiting| {
            let Way { kind, want, .. } = waiting.way;
            kind.has_holder() && !matches!(want, Want::Receive | Want::End)
        })
    });
    let mut frames = capture.threads.iter().filter_map(asleep_in_futex).map(|(_, frames)| frames);
    frames.any(|frames| waits.of(frames))
}

/// Whether these are the frames of a thread of tokio's blocking pool that is at something that blocks, and is none of the
/// workers that it lends.
fn is_of_blocking_pool(frames: &[Frame]) -> bool {
    let is_in = |path| frames.iter().any(|frame| ways::is_in(frame, path));
    is_in("tokio::runtime::blocking::pool::Inner::run")
        && !is_in("tokio::runtime::scheduler::multi_thread::worker::")
}
