//! The preparation of this process's one engine: built once, ahead of the first look or at it, by a thread that ends
//! then.
//!
//! The executable does not change, so neither does what is known of it: all inspectors share the engine. No look waits
//! for it beyond its deadline; while it is being built or in use, a look gets the reason instead.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::engine::Engine;
use super::model::Reason;
use crate::signals::block_all_in_this_thread;

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
    Building,
    Ready(Box<Engine>),
    InUse,
    /// There will be none, for this reason.
    Off(Reason),
}

static STATE: Mutex<State> = Mutex::new(State::Unbuilt);
static CHANGED: Condvar = Condvar::new();

/// The thread that builds, until [`stop`] waits for its end.
static BUILDER: Mutex<Option<JoinHandle<()>>> = Mutex::new(None);
/// Whether what it builds is no longer wanted.
static UNWANTED: AtomicBool = AtomicBool::new(false);

fn lock() -> MutexGuard<'static, State> {
    // Each change is one assignment: no half of one can be left by a panic.
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn set(state: State) {
    *lock() = state;
    CHANGED.notify_all();
}

/// Starts building the engine, unless that was started already.
pub(super) fn start(haste: Haste) {
    let mut state = lock();
    if !matches!(*state, State::Unbuilt) {
        return;
    }
    *state = State::Building;
    drop(state);
    let started = thread::Builder::new().name("gmr-index".to_owned()).spawn(move || build(haste));
    match started {
        Ok(builder) => *BUILDER.lock().unwrap_or_else(PoisonError::into_inner) = Some(builder),
        Err(error) => set(State::Off(Reason::NoThread(error.into()))),
    }
}

/// Breaks off the building if it is under way, and returns when its thread has ended. It can be started again.
pub(super) fn stop() {
    let mut builder = BUILDER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(builder) = builder.take() {
        UNWANTED.store(true, Ordering::Release);
        // A panic in it has been turned into a state.
        let _ = builder.join();
        UNWANTED.store(false, Ordering::Release);
    }
}

/// A tenth of a processor where others want all of it: at the lowest priority, a busy program's first reports would
/// come before the index is there.
const NICENESS: i32 = 10;

fn build(haste: Haste) {
    block_all_in_this_thread();
    if haste == Haste::Whenever {
        // On Linux a thread's own niceness. If it is refused, the work is done all the same.
        let _ = rustix::process::setpriority_process(None, NICENESS);
    }
    let unwanted = || UNWANTED.load(Ordering::Acquire);
    let built = catch_unwind(|| Engine::new(unwanted));
    set(match built {
        Ok(Ok(engine)) => State::Ready(Box::new(engine)),
        Ok(Err(_)) if unwanted() => State::Unbuilt,
        Ok(Err(reason)) => State::Off(reason),
        Err(_) => State::Off(Reason::ReadingPanicked),
    });
}

/// Lets `work` have the engine, if it can be had by `deadline`; else says why not.
pub(super) fn with_engine<T>(deadline: Instant, work: impl FnOnce(&mut Engine) -> T) -> Result<T, Reason> {
    start(Haste::Now);
    let mut engine = take(deadline)?;
    // A fault in here must cost this section only, and later looks.
    let done = catch_unwind(AssertUnwindSafe(|| work(&mut engine)));
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

fn take(deadline: Instant) -> Result<Box<Engine>, Reason> {
    let mut state = lock();
    loop {
        match &*state {
            State::Ready(_) => {
                if let State::Ready(engine) = std::mem::replace(&mut *state, State::InUse) {
                    return Ok(engine);
                }
            }
            State::Off(reason) => return Err(reason.clone()),
            State::Unbuilt | State::Building | State::InUse => {}
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(match &*state {
                State::InUse => Reason::LookUnderWay,
                _ => Reason::StillReading,
            });
        }
        state = CHANGED.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Waits until the engine is there or cannot be had, or `deadline`; the reason if it is not there.
pub(super) fn wait(deadline: Instant) -> Result<(), Reason> {
    take(deadline).map(|engine| set(State::Ready(engine)))
}
