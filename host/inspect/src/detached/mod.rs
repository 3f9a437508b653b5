//! Detached threads: work on a thread of its own, which nobody waits for without a limit.
//!
//! A thread that a look starts may be slow to begin, or may never come back from a file system. Work that no thread has
//! begun is taken back; work that does not end is left behind, and so owns all that it uses.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
mod native;
#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
use portable as native;

/// A new thread begins within a fraction of a millisecond, and on a machine with ten times more to do than it can within
/// some.
pub(crate) const BEGIN: Duration = Duration::from_millis(100);

/// A thread that has done its work is gone some microseconds later, unless others have the processor.
const FAREWELL: Duration = Duration::from_millis(100);

/// How far the work is.
enum State<W, T> {
    Waiting(W),
    Running,
    Ended(T),
    Panicked,
    /// What there was has been taken.
    Taken,
}

struct Shared<W, T> {
    state: Mutex<State<W, T>>,
    changed: Condvar,
}

impl<W, T> Shared<W, T> {
    fn lock(&self) -> MutexGuard<'_, State<W, T>> {
        // Each change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State<W, T>) -> State<W, T> {
        let before = std::mem::replace(&mut *self.lock(), state);
        self.changed.notify_all();
        before
    }
}

/// What a thread is to run.
trait Run: Send + Sync {
    fn run(&self);
}

impl<W: FnOnce() -> T + Send, T: Send> Run for Shared<W, T> {
    fn run(&self) {
        let mut state = self.lock();
        let State::Waiting(work) = std::mem::replace(&mut *state, State::Running) else {
            *state = State::Taken;
            return;
        };
        drop(state);
        // Other limits hold from here on.
        self.changed.notify_all();
        crate::signals::block_all_in_this_thread();
        self.set(match catch_unwind(AssertUnwindSafe(work)) {
            Ok(result) => State::Ended(result),
            Err(_) => State::Panicked,
        });
    }
}

/// What came of work.
#[derive(Debug)]
pub(crate) enum Outcome<W, T> {
    Ended(T),
    Panicked,
    /// No thread has begun it, and none will.
    NotBegun(W),
    /// It goes on, for nobody.
    Late,
}

/// A thread that may have begun its work.
pub(crate) struct Detached<W, T> {
    shared: Arc<Shared<W, T>>,
    thread: io::Result<native::Thread>,
}

/// A thread that was left behind, if one was.
#[derive(Default)]
pub(crate) struct LeftBehind {
    thread: Option<Weak<dyn Run>>,
    has_begun: bool,
}

impl LeftBehind {
    /// Whether it still works.
    pub(crate) fn is_under_way(&self) -> bool {
        self.has_begun && self.is_there()
    }

    /// Whether it has not begun yet, and will do nothing: another one would not begin either.
    pub(crate) fn is_to_begin(&self) -> bool {
        !self.has_begun && self.is_there()
    }

    fn is_there(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.strong_count() > 0)
    }
}

/// Begins the work on a thread of this name, of at most 15 bytes, with all signals blocked. Where no thread can be
/// started, [`Detached::outcome`] gives the work back.
pub(crate) fn start<W, T>(name: &'static std::ffi::CStr, work: W) -> Detached<W, T>
where
    W: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let shared = Arc::new(Shared { state: Mutex::new(State::Waiting(work)), changed: Condvar::new() });
    let thread = native::start(name, shared.clone());
    Detached { shared, thread }
}

impl<W, T> Detached<W, T>
where
    W: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    /// Why the system refused a thread, if it did.
    pub(crate) fn refused(&self) -> Option<&io::Error> {
        self.thread.as_ref().err()
    }

    /// What has come of the work by `until`; what has not begun by `begin` is given back.
    pub(crate) fn outcome(self, begin: Instant, until: Option<Instant>) -> (Outcome<W, T>, LeftBehind) {
        let Detached { shared, thread } = self;
        let Ok(thread) = thread else { return (taken(&mut shared.lock()), LeftBehind::default()) };
        let mut state = shared.lock();
        loop {
            let limit = match &*state {
                State::Waiting(_) => Some(begin),
                State::Running => until,
                State::Ended(_) | State::Panicked | State::Taken => break,
            };
            let left = limit.map(|limit| limit.saturating_duration_since(Instant::now()));
            state = match left {
                Some(Duration::ZERO) => break,
                Some(left) => {
                    shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        let outcome = taken(&mut state);
        drop(state);
        if matches!(outcome, Outcome::Ended(_) | Outcome::Panicked) {
            // Not only done but gone: the next capture would list it.
            thread.join(FAREWELL);
            return (outcome, LeftBehind::default());
        }
        let shared: Arc<dyn Run> = shared;
        let has_begun = matches!(outcome, Outcome::Late);
        (outcome, LeftBehind { thread: Some(Arc::downgrade(&shared)), has_begun })
    }
}

fn taken<W, T>(state: &mut State<W, T>) -> Outcome<W, T> {
    match std::mem::replace(state, State::Taken) {
        State::Waiting(work) => Outcome::NotBegun(work),
        State::Ended(result) => Outcome::Ended(result),
        State::Panicked => Outcome::Panicked,
        State::Running | State::Taken => {
            *state = State::Running;
            Outcome::Late
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn what_ends_and_what_panics_is_told_and_the_thread_is_gone() {
        let id = || {
            #[cfg(target_os = "linux")]
            return rustix::thread::gettid().as_raw_nonzero().get();
            #[cfg(not(target_os = "linux"))]
            0
        };
        let (outcome, left) = start(c"test-ends", id).outcome(soon(), Some(soon()));
        let Outcome::Ended(id) = outcome else { panic!("{:?}", std::mem::discriminant(&outcome)) };
        assert!(!left.is_under_way());
        #[cfg(target_os = "linux")]
        assert!(!std::path::Path::new(&format!("/proc/self/task/{id}")).exists());
        let _ = id;
        let panics = || -> u8 { std::panic::resume_unwind(Box::new(())) };
        let (outcome, _) = start(c"test-panics", panics).outcome(soon(), Some(soon()));
        assert!(matches!(outcome, Outcome::Panicked));
    }

    #[test]
    fn what_does_not_come_back_is_left_behind() {
        let (sender, never) = channel::<Sender<()>>();
        let detached = start(c"test-late", move || drop(never.recv()));
        let (outcome, left) = detached.outcome(soon(), Some(Instant::now()));
        // It may not have begun when its time was over.
        let begun = matches!(outcome, Outcome::Late);
        assert!(begun || matches!(outcome, Outcome::NotBegun(_)));
        assert!(!begun || left.is_under_way());
        drop((sender, outcome));
        let end = soon();
        while left.is_under_way() && Instant::now() < end {
            std::thread::yield_now();
        }
        assert!(!left.is_under_way(), "it has come back");
    }

    #[test]
    fn what_no_thread_has_begun_is_given_back_and_never_run() {
        let work = || 7;
        let shared = Arc::new(Shared { state: Mutex::new(State::Waiting(work)), changed: Condvar::new() });
        let refused = Err(io::Error::from(io::ErrorKind::WouldBlock));
        let (outcome, _) = Detached { shared: shared.clone(), thread: refused }.outcome(soon(), None);
        let Outcome::NotBegun(work) = outcome else { panic!() };
        assert_eq!(work(), 7);
        shared.run();
        assert!(matches!(*shared.lock(), State::Taken), "the thread that came too late has done nothing");
    }
}
