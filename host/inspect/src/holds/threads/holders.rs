//! The search for threads that hold what is waited for and does not say itself who has it.

use super::guards::Guard;
use super::pads::Alive;
use super::stack_words::{self, LiveStack, Wanted};
use super::ways::{self, Place};
use super::{Look, Means, Waiter, frames};
use crate::holds::{Certainty, Hold, Kind, Library, Object, Party, Role, Word};
use crate::modules::{self, Snapshot};
use crate::tasks::engine::{ReadFrame, Value};
use crate::threads::evidence::FrameEvidence;
use crate::threads::{Frame, Thread};
use crate::unwind::CodeMap;
use rustc_hash::FxBuildHasher;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

/// So many things that are waited for are looked for in stacks, those with the most waiters first.
pub(super) const MOST_OBJECTS: usize = 100;

/// For so many threads that may hold one of them it is looked whether they do.
const MOST_CANDIDATES: usize = 256;

/// As many frames of a thread as evidence is kept of.
const MOST_FRAMES: usize = 64;

/// Nothing is mapped below the first page.
const PAGE: u64 = 4096;
/// Where a program's addresses end on either architecture, unless it asks for more.
const USER_END: u64 = 1 << 48;

/// What a search has found.
pub(super) struct Found {
    pub holds: Vec<Hold>,
    /// Candidates and waiters that were left out.
    pub not_reached: usize,
}

pub(super) fn search(look: &Look<'_>, means: &Means<'_>, values: Option<&mut ReadFrame<'_>>) -> Found {
    let mut search = Search { look, means, holds: Vec::new(), not_reached: 0 };
    let objects = search.objects();
    let candidates = search.candidates(&objects);
    search.judge(candidates, values);
    search.worked_at();
    Found { holds: search.holds, not_reached: search.not_reached }
}

struct Search<'l, 'c> {
    look: &'l Look<'c>,
    means: &'l Means<'l>,
    holds: Vec<Hold>,
    not_reached: usize,
}

/// A thread that may hold something.
struct Candidate<'c> {
    object: Object,
    thread: &'c Thread,
    /// The innermost frame that may have it.
    frame: usize,
    /// The word of its stack that is the address; without one only a variable counts.
    word: Option<Word>,
}

impl<'c> Candidate<'c> {
    /// The frames that may have the guard, each with its number.
    fn frames(&self) -> impl Iterator<Item = (usize, &'c Frame)> {
        frames(self.thread).iter().enumerate().take(MOST_FRAMES).skip(self.frame)
    }
}

/// A hold in question.
struct Question {
    hold: Hold,
    /// A variable is a guard of it for certain.
    proved: bool,
}

/// The guards that frames would drop, by the frames' addresses.
type Guards = HashMap<u64, Arc<[Alive]>, FxBuildHasher>;

impl<'c> Search<'_, 'c> {
    /// What is waited for whose owner is not stored, with the most waiters first, and what tasks wait for.
    fn objects(&mut self) -> Vec<Object> {
        let mut waiters: BTreeMap<Object, usize> = BTreeMap::new();
        for object in self.look.waiters.iter().filter_map(Waiter::searched) {
            *waiters.entry(object).or_default() += 1;
        }
        let mut objects: Vec<(Object, usize)> = waiters.into_iter().collect();
        objects.sort_by_key(|(_, count)| Reverse(*count));
        let left_out = objects.iter().skip(MOST_OBJECTS).map(|(_, count)| count);
        self.not_reached += left_out.sum::<usize>();
        objects.truncate(MOST_OBJECTS);
        let numbered = |object: &Object| matches!(object.kind, Kind::TaskEnd | Kind::ThreadEnd);
        let of_tasks = self.means.wanted.iter().filter(|object| object.start != 0 && !numbered(object));
        objects.into_iter().map(|(object, _)| object).chain(of_tasks.copied()).collect()
    }

    /// Those whose stacks have the address of one of these, and those that wait for what they may have themselves.
    fn candidates(&mut self, objects: &[Object]) -> Vec<Candidate<'c>> {
        let mut wanted = Wanted::default();
        for (number, object) in objects.iter().enumerate() {
            wanted.insert(object.start, number);
        }
        let waiter = |thread: u32, object: &Object| {
            let mut waiters = self.look.waiters.iter();
            waiters.find(|waiter| waiter.thread.id == thread && waiter.located.object.start == object.start)
        };
        let hits = stack_words::hits(self.stacks(), &wanted);
        let candidates = hits.iter().filter_map(|hit| {
            let (object, thread) = (*objects.get(hit.number)?, self.thread(hit.thread)?);
            if let Some(waiter) = waiter(hit.thread, &object) {
                // The lock's own functions have its address in any case, and who waits at a channel has an end of it.
                if !drops_guards(&object) {
                    return None;
                }
                let frame = waiter.waiting.frame + 1;
                return Some(Candidate { object, thread, frame, word: None });
            }
            let frames = self.look.capture.evidence.of(hit.thread)?.frames();
            let frame = frames.iter().position(|frame| frame.cfa.is_some_and(|end| hit.at < end))?;
            let word = Some(Word { address: hit.at, mask: u64::MAX, value: object.start });
            Some(Candidate { object, thread, frame, word })
        });
        let mut candidates: Vec<Candidate<'c>> = candidates.collect();
        self.not_reached += candidates.len().saturating_sub(MOST_CANDIDATES);
        candidates.truncate(MOST_CANDIDATES);
        candidates
    }

    /// Decides which candidates hold, and how sure that is.
    fn judge(&mut self, candidates: Vec<Candidate<'c>>, mut values: Option<&mut ReadFrame<'_>>) {
        if candidates.is_empty() {
            return;
        }
        let guards = self.guards(&candidates);
        let mut questions: BTreeMap<Object, Vec<Question>> = BTreeMap::new();
        for candidate in &candidates {
            if Instant::now() > self.means.deadline {
                self.not_reached += 1;
                continue;
            }
            let questions = questions.entry(candidate.object).or_default();
            let before = questions.len();
            if let Some(values) = values.as_deref_mut() {
                questions.extend(self.by_variable(candidate, &guards, values));
            }
            if questions.len() == before {
                let hold = by_address(candidate, &guards);
                questions.extend(hold.map(|hold| Question { hold, proved: false }));
            }
        }
        self.holds.extend(questions.into_values().flat_map(verdict));
    }

    /// The guards that the frames would drop in which candidates may have theirs.
    fn guards(&self, candidates: &[Candidate<'_>]) -> Guards {
        let locks = candidates.iter().filter(|candidate| drops_guards(&candidate.object));
        let frames = locks.flat_map(Candidate::frames).map(|(_, frame)| frame.address.lookup());
        let mut frames: Vec<u64> = frames.collect();
        frames.sort_unstable();
        frames.dedup();
        if frames.is_empty() {
            return Guards::default();
        }
        let map = CodeMap::new(modules::snapshot());
        // The rest is for variables: they tell who probably has it where no landing pad was looked up in time.
        let now = Instant::now();
        let share = self.means.deadline.saturating_duration_since(now) * 2 / 3;
        self.means.pads.guards(&map, frames.into_iter(), now + share)
    }

    /// The candidate by variables that have it: the innermost one in each role.
    fn by_variable(
        &self,
        candidate: &Candidate<'_>,
        guards: &Guards,
        values: &mut ReadFrame<'_>,
    ) -> Vec<Question> {
        let mut questions: Vec<Question> = Vec::new();
        let Some(evidence) = self.look.capture.evidence.of(candidate.thread.id) else { return questions };
        let known: Vec<FrameEvidence> = evidence.frames();
        for (number, frame) in candidate.frames() {
            let Some(known) = known.get(number).filter(|known| known.address == frame.address) else { break };
            let held = values(&evidence, known).held;
            let guards = guards.get(&frame.address.lookup()).map_or(&[][..], |guards| guards);
            for value in held.iter().filter(|value| value.object.meets(&candidate.object)) {
                if questions.iter().any(|question| question.hold.role == value.role) {
                    continue;
                }
                let hold = Hold {
                    variable: Some(Arc::clone(&value.variable)),
                    function: Some(Arc::clone(&value.function)),
                    at: Some(number),
                    words: value.words.clone().into(),
                    ..Hold::new(Party::Thread(candidate.thread.id), candidate.object, value.role)
                };
                questions.push(Question { hold, proved: is_proved(value, &held, guards) });
            }
        }
        questions
    }

    /// Those that work for one who waits for the end of a scope or of work that a pool was given.
    fn worked_at(&mut self) {
        let waiters = self.look.waiters.iter().filter(|waiter| waiter.waiting.way.place == Place::Stacks);
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
                let is_shared = |word: u64| self.may_be_shared(snapshot, word);
                workers.extend(stack_words::sharing_with(self.stacks().filter(works), &waiting, is_shared));
            }
            let hold = |worker: &u32| Hold {
                certainty: Certainty::Probable,
                ..Hold::new(Party::Thread(*worker), object, Role::Runs)
            };
            self.holds.extend(workers.iter().map(hold));
        }
    }

    /// Whether a word may be the address of something that two threads work at: none of a module or of a stack.
    fn may_be_shared(&self, snapshot: &Snapshot, word: u64) -> bool {
        (PAGE..USER_END).contains(&word)
            && word.is_multiple_of(8)
            && snapshot.find(word).is_none()
            && !self.stacks().any(|stack| stack.range().contains(&word))
    }

    fn thread(&self, id: u32) -> Option<&'c Thread> {
        let threads = &self.look.capture.threads;
        let at = threads.binary_search_by_key(&id, |thread| thread.id).ok()?;
        threads.get(at)
    }

    fn stack(&self, thread: &Thread) -> Option<LiveStack<'c>> {
        let (start, words) = self.look.capture.evidence.of(thread.id)?.stack();
        Some(LiveStack { thread: thread.id, start, words })
    }

    fn stacks(&self) -> impl Iterator<Item = LiveStack<'c>> {
        self.look.capture.threads.iter().filter_map(|thread| self.stack(thread))
    }
}

/// Whether who has it has a guard that is dropped.
fn drops_guards(object: &Object) -> bool {
    matches!(object.kind, Kind::Mutex | Kind::RwLock | Kind::Semaphore)
}

/// A frame that would drop a guard of this kind, and has but one variable that is such a guard: that one is alive. A
/// variable alone may be one whose value was moved away.
fn is_proved(value: &Value, held: &[Value], guards: &[Alive]) -> bool {
    let is_alike = |other: &&Value| {
        other.object.library == value.object.library && other.object.kind == value.object.kind
    };
    let alone = held.iter().filter(is_alike).all(|other| other.object.start == value.object.start);
    alone && guards.iter().any(|alive| alive.guard.may_be_of(&value.object))
}

/// The candidate by its stack alone: a frame from there outwards would drop a guard of that kind, or initialises.
fn by_address(candidate: &Candidate<'_>, guards: &Guards) -> Option<Hold> {
    let word = candidate.word?;
    let (frame, role, function) = if candidate.object.kind == Kind::Once {
        let (frame, function) = initialises(candidate.thread)?;
        (frame, Role::Runs, Some(Arc::from(function)))
    } else {
        candidate.frames().find_map(|(number, frame)| {
            let guards = guards.get(&frame.address.lookup())?;
            let alive = guards.iter().find(|alive| alive.guard.may_be_of(&candidate.object))?;
            let Guard { role, .. } = alive.guard;
            Some((number, role, alive.function().cloned()))
        })?
    };
    Some(Hold {
        certainty: Certainty::Probable,
        at: Some(frame),
        function,
        words: Arc::new([word]),
        ..Hold::new(Party::Thread(candidate.thread.id), candidate.object, role)
    })
}

/// Who holds one thing: those that are proved, as sure as nobody else is in question; if none is, all in question.
fn verdict(questions: Vec<Question>) -> Vec<Hold> {
    let proved = questions.iter().filter(|question| question.proved);
    let shared = proved.clone().all(|question| question.hold.role == Role::Shared);
    let (count, all) = (proved.count(), questions.len());
    // Readers have it together.
    let certain = count == all && (count == 1 || shared);
    let certainty = if certain { Certainty::Certain } else { Certainty::Probable };
    let kept = questions.into_iter().filter(|question| question.proved || count == 0);
    kept.map(|question| Hold { certainty, ..question.hold }).collect()
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

#[cfg(test)]
mod tests {
    use super::super::guards::{Dropped, dropped};
    use super::*;

    /// Who is kept of threads 1, 2, ..., each proved or not, and as how sure.
    #[track_caller]
    fn check(role: Role, proved: &[bool], expected: &[(u32, Certainty)]) {
        let lock = Object::new(Library::Std, Kind::RwLock, 64, 8);
        let questions = proved.iter().zip(1..).map(|(proved, thread)| Question {
            hold: Hold::new(Party::Thread(thread), lock, role),
            proved: *proved,
        });
        let kept = verdict(questions.collect()).into_iter().map(|hold| match hold.by {
            Party::Thread(thread) => (thread, hold.certainty),
            _ => (0, hold.certainty),
        });
        assert_eq!(kept.collect::<Vec<_>>(), expected, "{role:?} {proved:?}");
    }

    #[test]
    fn who_is_proved_leaves_the_others_out_and_is_certain_alone() {
        use Certainty::{Certain, Probable};
        check(Role::Exclusive, &[], &[]);
        check(Role::Exclusive, &[true], &[(1, Certain)]);
        check(Role::Exclusive, &[false, true, false], &[(2, Probable)]);
        check(Role::Exclusive, &[false], &[(1, Probable)]);
        check(Role::Exclusive, &[false, false], &[(1, Probable), (2, Probable)]);
        // Two cannot have it alone.
        check(Role::Exclusive, &[true, true], &[(1, Probable), (2, Probable)]);
        check(Role::Shared, &[true, true], &[(1, Certain), (2, Certain)]);
        check(Role::Shared, &[true, false], &[(1, Probable)]);
    }

    #[test]
    fn a_variable_is_proof_if_it_is_the_only_one_of_its_kind() {
        let value = |kind, start| Value {
            object: Object::new(Library::Std, kind, start, 8),
            role: Role::Exclusive,
            variable: Arc::from("guard"),
            function: Arc::from("app::work"),
            words: Vec::new(),
        };
        let lock = value(Kind::Mutex, 64);
        let other = value(Kind::Mutex, 128);
        let of_another_kind = value(Kind::RwLock, 128);
        let again = value(Kind::Mutex, 64);
        let glue = "core::ptr::drop_in_place::<std::sync::poison::mutex::MutexGuard<u64>>";
        let Some(Dropped::Guard(guard)) = dropped(glue) else { panic!("no guard") };
        let alive = [Alive::of(guard)];
        assert!(is_proved(&lock, std::slice::from_ref(&lock), &alive));
        assert!(is_proved(&lock, &[lock.clone(), of_another_kind.clone(), again], &alive));
        assert!(!is_proved(&lock, &[lock.clone(), other], &alive));
        // Nothing of its kind would be dropped: it has been moved away.
        assert!(!is_proved(&lock, std::slice::from_ref(&lock), &[]));
        assert!(!is_proved(&of_another_kind, std::slice::from_ref(&of_another_kind), &alive));
    }
}
