//! What threads wait for, and which threads have it.
//!
//! A thread that waits for another one is asleep in a futex; its frames tell in what kind of lock ([`ways`]), the lock's
//! memory where it lies, whether somebody has it, and of some kinds who ([`places`]). std's and parking_lot's locks do not
//! say who has them. Then the stacks are searched for their addresses ([`stack_words`]), and of the frames that have one it
//! is asked whether they would drop a guard if their calls unwound ([`pads`]): what would be dropped is alive.
//!
//! What is said of a holder is
//! - *certain*, if the lock has its thread's id;
//! - *probable*, if its stack has the lock's address, and a frame from there outwards would drop a guard of that kind; of an
//!   initialiser, if it is in one besides; of a scope or a pool, if it works at what lies in the stack of the one who waits.
//!
//! A leaked guard, one on the heap, and one of a static lock leave nothing in a stack, so that nobody is found. Frames that
//! have given up this lock's guard and hold another one of its type are probable without being right.
//!
//! If nobody waits nothing more is done than to look at frames' names.

mod guards;
mod pads;
mod places;
mod plain_name;
mod stack_words;
mod ways;

pub(crate) use pads::KnownPads;

use super::{Certainty, Hold, Kind, Library, Object, Party, Role, Sightings, Wait, Want, Word};
use crate::arch::registers::ARGUMENTS;
use crate::modules;
use crate::tasks::Polling;
use crate::threads::evidence::Evidence;
use crate::threads::{Capture, Frame, Resource, Stack, Thread};
use crate::unwind::CodeMap;
use pads::Alive;
use places::Located;
use rustc_hash::FxBuildHasher;
use stack_words::{LiveStack, Wanted};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;
use ways::{Place, Waiting, Way};

/// So many things that are waited for are looked for in stacks, those with the most waiters first.
const MOST_OBJECTS: usize = 100;

/// For so many threads that may hold one of them it is looked whether they do.
const MOST_CANDIDATES: usize = 256;

/// What a look at threads needs to know beside their stacks.
pub(crate) struct Surroundings<'s> {
    /// Where parking_lot's key lies, from the word that a thread waits on, if debug information has it.
    pub parking_lot_key: Option<i64>,
    /// What tasks wait for, too.
    pub wanted: &'s [Object],
    /// Which threads run which tasks.
    pub polling: &'s [Polling],
    pub pads: &'s KnownPads,
    pub deadline: Instant,
}

/// What the threads of a capture wait for, and who has it.
pub(crate) fn sightings(capture: &Capture, surroundings: &Surroundings<'_>) -> Sightings {
    let mut look = Look { capture, surroundings, waiters: Vec::new(), sightings: Sightings::default() };
    look.waits();
    look.stored_owners();
    look.held();
    look.worked_at();
    look.blocking_tasks();
    look.sightings
}

/// Whether a thread waits for a lock or for room in a channel, which a task may have as well as a thread.
pub(crate) fn somebody_waits(capture: &Capture) -> bool {
    // Threads that stand in the same frames share them.
    let mut ways: HashMap<*const Frame, bool, FxBuildHasher> = HashMap::default();
    let frames = capture.threads.iter().filter_map(asleep_in_futex).map(|(_, frames)| frames);
    let mut waits = frames.map(|frames| {
        *ways.entry(frames.as_ptr()).or_insert_with(|| {
            ways::waiting(frames).is_some_and(|waiting| {
                let Way { kind, want, .. } = waiting.way;
                kind.has_holder() && !matches!(want, Want::Receive | Want::End)
            })
        })
    });
    waits.any(|waits| waits)
}

struct Look<'c> {
    capture: &'c Capture,
    surroundings: &'c Surroundings<'c>,
    waiters: Vec<Waiter<'c>>,
    sightings: Sightings,
}

/// A thread that waits for something.
struct Waiter<'c> {
    thread: &'c Thread,
    waiting: Waiting,
    located: Located,
}

/// A thread that may hold something.
struct Candidate<'c> {
    object: Object,
    thread: &'c Thread,
    /// The innermost frame that has its address, and the word there.
    frame: usize,
    word: Word,
}

impl<'c> Look<'c> {
    fn waits(&mut self) {
        let capture = self.capture;
        let key = self.surroundings.parking_lot_key.unwrap_or(places::PARKING_LOT_KEY);
        let is_thread = |id| capture.threads.binary_search_by_key(&id, |thread| thread.id).is_ok();
        // Threads that stand in the same frames share them, and many wait at one address.
        let mut ways: HashMap<*const Frame, Option<Waiting>, FxBuildHasher> = HashMap::default();
        for thread in &capture.threads {
            let Some((futex, frames)) = asleep_in_futex(thread) else { continue };
            let Some(waiting) = *ways.entry(frames.as_ptr()).or_insert_with(|| ways::waiting(frames)) else {
                continue;
            };
            let Some(located) = places::locate(waiting.way, futex, key, is_thread) else { continue };
            self.waiters.push(Waiter { thread, waiting, located });
        }
        let waits = self.waiters.iter().map(|waiter| {
            let Located { object, words, .. } = waiter.located;
            Wait {
                timed: capture.evidence.of(waiter.thread.id).is_some_and(gives_up),
                at: Some(waiter.waiting.frame),
                words: words.into_iter().take(1).flatten().collect(),
                ..Wait::new(Party::Thread(waiter.thread.id), object, waiter.waiting.way.want)
            }
        });
        self.sightings.waits = waits.collect();
    }

    /// Those that the locks name themselves.
    fn stored_owners(&mut self) {
        let mut owners: BTreeMap<Object, (u32, [Option<Word>; 2])> = BTreeMap::new();
        for Located { object, owner, words } in self.waiters.iter().map(|waiter| waiter.located) {
            if let Some(owner) = owner {
                owners.insert(object, (owner, words));
            }
        }
        let holds = owners.into_iter().map(|(object, (owner, words))| {
            let role = if object.kind == Kind::ThreadEnd { Role::Runs } else { Role::Exclusive };
            let words = words.into_iter().flatten().collect();
            Hold { words, ..Hold::new(Party::Thread(owner), object, role) }
        });
        self.sightings.holds.extend(holds);
    }

    /// Those whose stacks have the address of what is waited for.
    fn held(&mut self) {
        let objects = self.objects();
        let mut wanted = Wanted::default();
        for (number, object) in objects.iter().enumerate() {
            wanted.insert(object.start, number);
        }
        let hits = stack_words::hits(self.stacks(), &wanted);
        let mut candidates: Vec<Candidate<'c>> = hits
            .iter()
            .filter_map(|hit| {
                let (object, thread) = (*objects.get(hit.number)?, self.thread(hit.thread)?);
                let frame = frame_of(self.capture.evidence.of(hit.thread)?, hit.at)?;
                let waits = |waiter: &Waiter<'_>| {
                    waiter.thread.id == hit.thread && waiter.located.object.start == object.start
                };
                let word = Word { address: hit.at, mask: u64::MAX, value: object.start };
                (!self.waiters.iter().any(waits)).then_some(Candidate { object, thread, frame, word })
            })
            .collect();
        self.sightings.not_reached += candidates.len().saturating_sub(MOST_CANDIDATES);
        candidates.truncate(MOST_CANDIDATES);
        if candidates.is_empty() {
            return;
        }
        let guards = self.guards(&candidates);
        self.sightings.holds.extend(candidates.iter().filter_map(|candidate| candidate.hold(&guards)));
    }

    /// What is waited for whose owner is not stored, with the most waiters first, and what tasks wait for.
    fn objects(&mut self) -> Vec<Object> {
        let mut waiters: BTreeMap<Object, usize> = BTreeMap::new();
        for waiter in &self.waiters {
            let Located { object, owner, .. } = waiter.located;
            let is_searched = owner.is_none() && object.start != 0 && object.kind.has_holder();
            if is_searched && waiter.waiting.way.place != Place::Stacks {
                *waiters.entry(object).or_default() += 1;
            }
        }
        let mut objects: Vec<(Object, usize)> = waiters.into_iter().collect();
        objects.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let left_out = objects.iter().skip(MOST_OBJECTS).map(|(_, count)| count);
        self.sightings.not_reached += left_out.sum::<usize>();
        objects.truncate(MOST_OBJECTS);
        let numbered = |object: &&Object| matches!(object.kind, Kind::TaskEnd | Kind::ThreadEnd);
        let of_tasks =
            self.surroundings.wanted.iter().filter(|object| object.start != 0 && !numbered(object));
        objects.into_iter().map(|(object, _)| object).chain(of_tasks.copied()).collect()
    }

    /// The guards that the frames would drop in which candidates may have theirs.
    fn guards(&self, candidates: &[Candidate<'_>]) -> HashMap<u64, Arc<[Alive]>, FxBuildHasher> {
        let locks = candidates.iter().filter(|candidate| candidate.object.kind != Kind::Once);
        let frames = locks.flat_map(|candidate| candidate.frames()).map(|(_, frame)| frame.address.lookup());
        let mut frames: Vec<u64> = frames.collect();
        frames.sort_unstable();
        frames.dedup();
        if frames.is_empty() {
            return HashMap::default();
        }
        let map = CodeMap::new(modules::snapshot());
        self.surroundings.pads.guards(&map, frames.into_iter(), self.surroundings.deadline)
    }

    /// Those that work for one who waits for the end of a scope or of work that a pool was given.
    fn worked_at(&mut self) {
        let waiters = self.waiters.iter().filter(|waiter| waiter.waiting.way.place == Place::Stacks);
        let mut snapshot = None;
        for waiter in waiters.take(MOST_OBJECTS) {
            let object = waiter.located.object;
            let Some(waiting) = self.stack(waiter.thread) else { continue };
            let works = |stack: &LiveStack<'_>| {
                object.library != Library::Rayon || self.thread(stack.thread).is_some_and(runs_a_job)
            };
            let mut workers = stack_words::pointing_into(self.stacks().filter(works), &waiting);
            if workers.is_empty() {
                let snapshot = snapshot.get_or_insert_with(modules::snapshot);
                let is_shared = |word: u64| {
                    let in_stack = |stack: LiveStack<'_>| stack.range().contains(&word);
                    word >= PAGE
                        && word.is_multiple_of(8)
                        && word < USER_END
                        && snapshot.find(word).is_none()
                        && !self.stacks().any(in_stack)
                };
                workers.extend(stack_words::sharing_with(self.stacks().filter(works), &waiting, is_shared));
            }
            let hold = |worker: &u32| Hold {
                certainty: Certainty::Probable,
                ..Hold::new(Party::Thread(*worker), object, Role::Runs)
            };
            self.sightings.holds.extend(workers.iter().map(hold));
        }
    }

    /// Threads that run what `spawn_blocking` was given: for them a task may wait.
    fn blocking_tasks(&mut self) {
        let running = self
            .surroundings
            .polling
            .iter()
            .filter(|polling| self.thread(polling.thread).is_some_and(is_of_blocking_pool));
        let hold = |polling: &Polling| {
            let task = Object::new(Library::Tokio, Kind::TaskEnd, polling.task, 1);
            Hold::new(Party::Thread(polling.thread), task, Role::Runs)
        };
        let holds: Vec<Hold> = running.map(hold).collect();
        self.sightings.holds.extend(holds);
    }

    fn thread(&self, id: u32) -> Option<&'c Thread> {
        let at = self.capture.threads.binary_search_by_key(&id, |thread| thread.id).ok()?;
        self.capture.threads.get(at)
    }

    fn stack(&self, thread: &Thread) -> Option<LiveStack<'c>> {
        let (start, words) = self.capture.evidence.of(thread.id)?.stack();
        Some(LiveStack { thread: thread.id, start, words })
    }

    fn stacks(&self) -> impl Iterator<Item = LiveStack<'c>> {
        self.capture.threads.iter().filter_map(|thread| self.stack(thread))
    }
}

/// Nothing is mapped below the first page.
const PAGE: u64 = 4096;
/// Where a program's addresses end on either architecture, unless it asks for more.
const USER_END: u64 = 1 << 48;

impl<'c> Candidate<'c> {
    /// The frames that may have the guard, each with its number: the one with the lock's address, and those outwards.
    fn frames(&self) -> impl Iterator<Item = (usize, &'c Frame)> {
        let frames = frames(self.thread).iter().enumerate();
        frames.skip(self.frame).take(MOST_FRAMES)
    }

    fn hold(&self, guards: &HashMap<u64, Arc<[Alive]>, FxBuildHasher>) -> Option<Hold> {
        let (frame, role, function) = if self.object.kind == Kind::Once {
            let (frame, function) = initialises(self.thread)?;
            (frame, Role::Runs, Some(Arc::from(function)))
        } else {
            self.frames().find_map(|(number, frame)| {
                let guards = guards.get(&frame.address.lookup())?;
                let alive = guards.iter().find(|alive| alive.guard.may_be_of(&self.object))?;
                Some((number, alive.guard.role, alive.function().cloned()))
            })?
        };
        Some(Hold {
            certainty: Certainty::Probable,
            at: Some(frame),
            function,
            words: Arc::new([self.word]),
            ..Hold::new(Party::Thread(self.thread.id), self.object, role)
        })
    }
}

/// As many frames of a thread as evidence is kept of.
const MOST_FRAMES: usize = 64;

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

/// The innermost frame in which an address of the stack lies.
fn frame_of(evidence: Evidence<'_>, address: u64) -> Option<usize> {
    evidence.frames().iter().position(|frame| frame.cfa.is_some_and(|end| address < end))
}

/// The frame of a thread in which something is initialised once, and the function that does it.
fn initialises(thread: &Thread) -> Option<(usize, &str)> {
    let frames = frames(thread);
    let at = frames.iter().position(ways::is_in_once)?;
    let within = frames.get(..=at)?.iter().rev();
    let function = within.flat_map(|frame| frame.symbols.iter().rev()).find(|symbol| ways::is_own(symbol))?;
    Some((at, &function.function))
}

fn runs_a_job(thread: &Thread) -> bool {
    frames(thread).iter().any(|frame| ways::is_in(frame, "rayon_core::job::"))
}

/// Whether a thread of tokio's blocking pool is at something that blocks, and is none of the workers that it lends.
fn is_of_blocking_pool(thread: &Thread) -> bool {
    let frames = frames(thread);
    let is_in = |path| frames.iter().any(|frame| ways::is_in(frame, path));
    is_in("tokio::runtime::blocking::pool::Inner::run")
        && !is_in("tokio::runtime::scheduler::multi_thread::worker::")
}
