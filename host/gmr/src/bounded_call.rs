//! Bounded calls: foreign code on a thread of its own, with a deadline.
//!
//! What the application or a plugin hands over may panic, and it may wait for a lock that the stuck program holds. So
//! each call has a thread that lives as long as the call. A call that does not come back is left behind, and the same
//! code is not started again until it has: one lost thread is enough.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::channel::channel;

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// An earlier call has not come back.
    Busy,
    /// It has not come back in time; its thread goes on.
    Late,
    /// It panicked, with these words.
    Panicked(String),
    /// The system refused a thread for it, for this reason.
    NoThread(String),
}

/// A clause that follows "the closure".
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Busy => f.write_str("is still stuck in an earlier call"),
            Failure::Late => {
                f.write_str("did not answer in time; it may wait for something that the program holds")
            }
            Failure::Panicked(words) => write!(f, "panicked: {words}"),
            Failure::NoThread(reason) => {
                write!(f, "could not be asked, no thread could be started: {reason}")
            }
        }
    }
}

/// Calls one piece of foreign code, never twice at once. Clones stand for the same code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    busy: Arc<AtomicBool>,
}

impl Caller {
    /// Starts a call on a thread of this name, with all signals blocked. What came of it goes to `ended`, on that
    /// thread, when the next call may begin already.
    ///
    /// # Errors
    ///
    /// [`Failure::Busy`] or [`Failure::NoThread`]; `ended` is not called then.
    pub(crate) fn start<T>(
        &self,
        thread: &str,
        code: impl FnOnce() -> T + Send + 'static,
        ended: impl FnOnce(Result<T, Failure>) + Send + 'static,
    ) -> Result<(), Failure> {
        let busy = Busy::mark(&self.busy).ok_or(Failure::Busy)?;
        let run = move || {
            gmr_inspect::signals::block_all_in_this_thread();
            let result = catch_unwind(AssertUnwindSafe(code));
            drop(busy);
            ended(result.map_err(|panic| Failure::Panicked(words_of_panic(&*panic).to_owned())));
        };
        let spawned = std::thread::Builder::new().name(thread.to_owned()).spawn(run);
        spawned.map(drop).map_err(|error| Failure::NoThread(error.to_string()))
    }

    /// Starts a call and waits for its result until the deadline.
    ///
    /// # Errors
    ///
    /// Every [`Failure`].
    pub(crate) fn call<T: Send + 'static>(
        &self,
        thread: &str,
        deadline: Instant,
        code: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (sender, result) = channel();
        self.start(thread, code, move |ended| sender.send(ended))?;
        result.receive(deadline).unwrap_or(Err(Failure::Late))
    }
}

/// The mark that a call is under way. It goes with the call's thread, however that ends, and with a thread that could not
/// be started.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn mark(busy: &Arc<AtomicBool>) -> Option<Busy> {
        (!busy.swap(true, Ordering::AcqRel)).then(|| Busy(busy.clone()))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// A closure of the application's, which is called anew for each report.
pub(crate) struct Closure<T> {
    code: Arc<dyn Fn() -> T + Send + Sync>,
    caller: Caller,
}

impl<T: Send + 'static> Closure<T> {
    pub(crate) fn new(code: impl Fn() -> T + Send + Sync + 'static) -> Closure<T> {
        Closure { code: Arc::new(code), caller: Caller::default() }
    }

    /// See [`Caller::start`].
    ///
    /// # Errors
    ///
    /// As there.
    pub(crate) fn start(
        &self,
        thread: &str,
        ended: impl FnOnce(Result<T, Failure>) + Send + 'static,
    ) -> Result<(), Failure> {
        let code = self.code.clone();
        self.caller.start(thread, move || code(), ended)
    }

    /// See [`Caller::call`].
    ///
    /// # Errors
    ///
    /// As there.
    pub(crate) fn call(&self, thread: &str, deadline: Instant) -> Result<T, Failure> {
        let code = self.code.clone();
        self.caller.call(thread, deadline, move || code())
    }
}

/// What a panic said.
pub(crate) fn words_of_panic(panic: &(dyn Any + Send)) -> &str {
    let words = panic.downcast_ref::<&str>().copied();
    words.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it left no message")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn an_answer_comes_back() {
        let closure = Closure::new(|| 7);
        assert_eq!(closure.call("test", soon()), Ok(7));
        assert_eq!(closure.call("test", soon()), Ok(7));
    }

    #[test]
    fn a_panic_is_an_error_with_its_words_and_no_lasting_harm() {
        let calls = Arc::new(AtomicBool::new(false));
        let seen = calls.clone();
        let closure = Closure::new(move || {
            if !seen.swap(true, Ordering::SeqCst) {
                panic!("no pool");
            }
        });
        let panicked = closure.call("test", soon()).unwrap_err();
        assert_eq!(panicked.to_string(), "panicked: no pool");
        assert_eq!(closure.call("test", soon()), Ok(()));
    }

    #[test]
    fn the_next_call_may_begin_when_the_end_of_one_is_told() {
        let caller = Caller::default();
        let (sender, ended) = mpsc::channel();
        let again = caller.clone();
        let tell = move |_| drop(sender.send(again.call("test", soon(), || 8)));
        caller.start("test", || panic!("the first"), move |first: Result<(), Failure>| tell(first)).unwrap();
        assert_eq!(ended.recv(), Ok(Ok(8)));
    }

    #[test]
    fn a_stuck_closure_is_left_behind_and_not_started_again() {
        let (release, stuck) = mpsc::channel::<()>();
        let stuck = Mutex::new(stuck);
        let closure = Closure::new(move || stuck.lock().unwrap().recv());
        assert_eq!(closure.call("test", Instant::now()), Err(Failure::Late));
        assert_eq!(closure.call("test", soon()), Err(Failure::Busy));
        // One for the stuck call, one for the next.
        release.send(()).unwrap();
        release.send(()).unwrap();
        let end = soon();
        let answer = loop {
            match closure.call("test", soon()) {
                Err(Failure::Busy) if Instant::now() < end => std::thread::yield_now(),
                answer => break answer,
            }
        };
        assert_eq!(answer, Ok(Ok(())), "it is called again when it has come back");
    }
}
