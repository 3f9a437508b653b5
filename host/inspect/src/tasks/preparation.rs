//! The preparation of this process's one engine: built once, ahead of the first look or at it, by a thread that ends
//! then.
//!
//! The executable does not change, so neither does what is known of it: all inspectors share the engine. No look waits
//! for it beyond its deadline; while it is being built or in use, a look gets the reason instead. A thread that has given
//! up its priority cannot have it back without privileges, so what it has begun goes on elsewhere as soon as a look waits.
//! What failed only since the process was short of something is tried again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::engine::{EXECUTABLE, Engine};
use super::model::{Polling, Reason};
use super::tokio::CurrentTask;
use super::types::{Index, Next, Source};
use crate::detached::{self, Detached, Outcome};
use crate::proc_self;
use crate::process::{MemoryClaim, MemoryDemand};
use crate::threads::Listing;

/// How fast the engine is to be built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// A look is waiting for it.
    Now,
    /// Only with processor time that nothing else wants.
    Whenever,
}

enum State {
    Unbuilt,
    Building(Arc<Build>),
    Ready(Box<Engine>),
    /// A look has it. Which task a thread polls can be found out meanwhile.
    InUse(Option<CurrentTask>),
    /// There is none, for this reason.
    Off(Reason),
}

struct Preparation {
    state: State,
    /// Looks that wait for a change.
    waiting: usize,
}

static PREPARATION: Mutex<Preparation> = Mutex::new(Preparation { state: State::Unbuilt, waiting: 0 });
static CHANGED: Condvar = Condvar::new();

/// An engine that is being built, perhaps for nobody any more.
#[derive(Default)]
struct Build {
    unwanted: AtomicBool,
    /// A look waits for it.
    is_urgent: AtomicBool,
    /// Until somebody waits for its end, or builds in its place.
    thread: Mutex<Option<BuildingThread>>,
}

type BuildingThread = Detached<Box<dyn FnOnce() + Send>, ()>;

impl Build {
    fn is_unwanted(&self) -> bool {
        self.unwanted.load(Ordering::Acquire)
    }

    fn hasten(&self) {
        self.is_urgent.store(true, Ordering::Release);
    }

    /// What to do after a unit that was scanned at low priority.
    fn next(&self) -> Next {
        if self.is_unwanted() {
            Next::BreakOff
        } else if self.is_urgent.load(Ordering::Acquire) {
            Next::HandOver
        } else {
            Next::Unit
        }
    }

    fn thread(&self) -> MutexGuard<'_, Option<BuildingThread>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread that the system refused, for one caller alone.
    fn take_refused(&self) -> Option<BuildingThread> {
        let mut thread = self.thread();
        thread.as_ref()?.refused()?;
        thread.take()
    }
}

fn lock() -> MutexGuard<'static, Preparation> {
    // Each change is one assignment: no half of one can be left by a panic.
    PREPARATION.lock().unwrap_or_else(PoisonError::into_inner)
}

fn set(state: State) {
    lock().state = state;
    CHANGED.notify_all();
}

/// Starts building the engine, unless that was started already.
pub(super) fn start(haste: Haste) {
    let mut preparation = lock();
    if matches!(preparation.state, State::Unbuilt) {
        begin(&mut preparation, haste);
    }
}

fn begin(preparation: &mut Preparation, haste: Haste) {
    let build = Arc::new(Build::default());
    let ours = Arc::clone(&build);
    let work = move || {
        let begun = if haste == Haste::Whenever { at_leisure(&ours) } else { Index::default() };
        finish(&ours, begun, || ours.is_unwanted());
    };
    *build.thread() = Some(detached::start(c"gmr-index", Box::new(work)));
    preparation.state = State::Building(build);
}

/// The index as far as it came at low priority, on a thread of its own: until it was whole or a look waits for it.
fn at_leisure(build: &Arc<Build>) -> Index {
    // Where the second thread's stack could be the last that there is, one thread has to do.
    let Ok(_claim) = MemoryClaim::of(MemoryDemand::new(0, THREAD_BYTES)) else { return Index::default() };
    let ours = Arc::clone(build);
    let work = move || {
        crate::process::lower_priority(NICENESS);
        Index::default().go_on(&Source::new(EXECUTABLE), || ours.next())
    };
    // It is waited for as long as it takes: nobody waits for the thread that does so.
    match detached::start(c"gmr-units", work).outcome(Instant::now() + detached::BEGIN, None).0 {
        Outcome::Ended(Ok(index)) => index,
        // What went wrong will go wrong again, and be said then; without a second thread there is no hurry to leave.
        Outcome::Ended(Err(_)) | Outcome::Panicked | Outcome::NotBegun(_) | Outcome::Late => Index::default(),
    }
}

/// Address space that a thread takes: its stack, and as much again for what the allocator keeps for it.
const THREAD_BYTES: u64 = 4 << 20;

/// A tenth of a processor where others want all of it: at the lowest priority, a busy program's first reports would
/// come before the index is there.
const NICENESS: i32 = 10;

/// Builds the engine, and makes it known if that is still wanted.
fn finish(build: &Arc<Build>, begun: Index, unwanted: impl Fn() -> bool) {
    let built = catch_unwind(AssertUnwindSafe(|| Engine::new(begun, &unwanted)));
    proc_self::refill();
    let state = match built {
        Ok(Ok(engine)) => State::Ready(Box::new(engine)),
        Ok(Err(_)) if unwanted() => State::Unbuilt,
        Ok(Err(reason)) => State::Off(reason),
        Err(_) => State::Off(Reason::ReadingPanicked),
    };
    let mut preparation = lock();
    if matches!(&preparation.state, State::Building(current) if Arc::ptr_eq(current, build)) {
        preparation.state = state;
        CHANGED.notify_all();
    }
}

/// How long to wait for the end of what is broken off: it looks at that after each unit of the debug information.
const FAREWELL: Duration = Duration::from_secs(1);

/// Breaks off the building if it is under way and no look waits for it, and returns when its thread has ended, or after
/// a second. It can be started again.
pub(super) fn stop() {
    let mut preparation = lock();
    let State::Building(build) = &preparation.state else { return };
    if preparation.waiting > 0 {
        return;
    }
    let build = Arc::clone(build);
    build.unwanted.store(true, Ordering::Release);
    preparation.state = State::Unbuilt;
    drop(preparation);
    let thread = build.thread().take();
    if let Some(thread) = thread {
        let now = Instant::now();
        thread.outcome(now, Some(now + FAREWELL));
    }
}

/// Lets `work` have the engine, if it can be had by `deadline`; else says why not.
pub(super) fn with_engine<T>(deadline: Instant, work: impl FnOnce(&mut Engine) -> T) -> Result<T, Reason> {
    let mut engine = take(deadline)?;
    // A fault in here must cost this section only, and later looks.
    let done = catch_unwind(AssertUnwindSafe(|| work(&mut engine)));
    proc_self::refill();
    match done {
        Ok(done) => {
            set(State::Ready(engine));
            Ok(done)
        }
        Err(_) => {
            set(State::Off(Reason::EarlierLookPanicked));
            Err(Reason::EarlierLookPanicked)
        }
    }
}

/// Which of these threads poll which tasks, also while a look of another inspector is under way. Empty where that is not
/// known, or not yet; it is found out then if that is `wanted`.
pub(super) fn polling(wanted: bool, listing: &Listing) -> Vec<Polling> {
    let mut preparation = lock();
    let current_task = match &preparation.state {
        State::Ready(engine) => engine.current_task(),
        State::InUse(current_task) => *current_task,
        State::Unbuilt if wanted => {
            begin(&mut preparation, Haste::Now);
            None
        }
        State::Unbuilt | State::Building(_) | State::Off(_) => None,
    };
    drop(preparation);
    current_task.map(|current_task| current_task.now(listing)).unwrap_or_default()
}

fn take(deadline: Instant) -> Result<Box<Engine>, Reason> {
    let mut preparation = lock();
    let has_time = || Instant::now() < deadline;
    if matches!(&preparation.state, State::Off(reason) if reason.is_passing()) && has_time() {
        begin(&mut preparation, Haste::Now);
    }
    loop {
        match &preparation.state {
            State::Ready(_) => {
                if let State::Ready(engine) = std::mem::replace(&mut preparation.state, State::InUse(None)) {
                    preparation.state = State::InUse(engine.current_task());
                    return Ok(engine);
                }
            }
            State::Off(reason) => return Err(reason.clone()),
            // Nobody has built it yet, or what was being built for another inspector has been broken off.
            State::Unbuilt => begin(&mut preparation, Haste::Now),
            State::Building(build) => {
                if has_time() {
                    build.hasten();
                }
                if let Some(thread) = has_time().then(|| build.take_refused()).flatten() {
                    let build = Arc::clone(build);
                    drop(preparation);
                    build_here(&build, &thread, deadline);
                    preparation = lock();
                    continue;
                }
            }
            State::InUse(_) => {}
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(match &preparation.state {
                State::InUse(_) => Reason::LookUnderWay,
                _ => Reason::StillReading,
            });
        }
        preparation.waiting += 1;
        preparation = CHANGED.wait_timeout(preparation, left).unwrap_or_else(PoisonError::into_inner).0;
        preparation.waiting -= 1;
    }
}

/// Builds the engine on this thread, since the system refuses another one.
fn build_here(build: &Arc<Build>, thread: &BuildingThread, deadline: Instant) {
    // The canary's runtime cannot run inside of another one.
    if Handle::try_current().is_ok() {
        let refused = thread.refused().map(|error| Reason::NoThread(error.into()));
        return set(State::Off(refused.unwrap_or(Reason::StillReading)));
    }
    finish(build, Index::default(), || build.is_unwanted() || Instant::now() >= deadline);
}

/// Waits until the engine is there or cannot be had, or `deadline`; the reason if it is not there.
pub(super) fn wait(deadline: Instant) -> Result<(), Reason> {
    take(deadline).map(|engine| set(State::Ready(engine)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::tokio::task_id;
    use crate::threads::list;

    #[test]
    fn who_polls_is_known_while_a_look_is_under_way() {
        let patience = Duration::from_secs(60);
        wait(Instant::now() + patience).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let look = async move { with_engine(Instant::now() + patience, |_| polling(true, &list())).unwrap() };
        let task = runtime.spawn(look);
        let id = task_id::of(&task);
        let seen = runtime.block_on(task).unwrap();
        assert!(seen.iter().any(|polling| polling.task == id), "{seen:?} has not task {id}");
        assert!(polling(true, &list()).iter().all(|polling| polling.task != id));
    }
}
