//! Runs the application's own closures without trusting them: one may panic, and one may wait for a lock
//! that the stuck program holds.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Instant;

/// A closure of the application's that is asked once a report.
pub(crate) struct Errand<T> {
    ask: Arc<dyn Fn() -> T + Send + Sync>,
    /// Whether an earlier call has not come back yet.
    away: Arc<AtomicBool>,
}

impl<T: Send + 'static> Errand<T> {
    pub(crate) fn new(ask: impl Fn() -> T + Send + Sync + 'static) -> Errand<T> {
        Errand { ask: Arc::new(ask), away: Arc::new(AtomicBool::new(false)) }
    }

    /// Asks on a thread that lives as long as the call. One that stalls beyond the deadline is left
    /// behind, and no second one is started while it is stuck.
    ///
    /// # Errors
    ///
    /// Why there is no answer, as a clause that follows "the closure".
    pub(crate) fn ask(&self, deadline: Instant) -> Result<T, String> {
        if self.away.swap(true, Ordering::AcqRel) {
            return Err("is still stuck in an earlier call".to_owned());
        }
        let (ask, away) = (self.ask.clone(), self.away.clone());
        let (answer, answered) = mpsc::sync_channel(1);
        let run = move || {
            gmr_inspect::signals::block_all_in_this_thread();
            let result = catch_unwind(AssertUnwindSafe(|| ask()));
            away.store(false, Ordering::Release);
            // Nobody listens any more if the deadline has passed.
            let _ = answer.send(result);
        };
        if let Err(error) = std::thread::Builder::new().name("gmr-ask".to_owned()).spawn(run) {
            self.away.store(false, Ordering::Release);
            return Err(format!("could not be asked, no thread could be started: {error}"));
        }
        match answered.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(panic)) => Err(format!("panicked: {}", words_of_panic(&*panic))),
            Err(_) => {
                Err("did not answer in time; it may wait for something that the program holds".to_owned())
            }
        }
    }
}

/// What a panic said.
pub(crate) fn words_of_panic(panic: &(dyn Any + Send)) -> &str {
    let words = panic.downcast_ref::<&str>().copied();
    words.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it left no message")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn an_answer_comes_back() {
        let errand = Errand::new(|| 7);
        assert_eq!(errand.ask(soon()), Ok(7));
        assert_eq!(errand.ask(soon()), Ok(7));
    }

    #[test]
    fn a_panic_is_an_error_with_its_words_and_no_lasting_harm() {
        let calls = Arc::new(AtomicBool::new(false));
        let seen = calls.clone();
        let errand = Errand::new(move || {
            if !seen.swap(true, Ordering::SeqCst) {
                panic!("no pool");
            }
        });
        assert_eq!(errand.ask(soon()), Err("panicked: no pool".to_owned()));
        assert_eq!(errand.ask(soon()), Ok(()));
    }

    #[test]
    fn a_stuck_closure_is_left_behind_and_not_asked_again() {
        let (free, wait) = mpsc::channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        let errand = Errand::new(move || {
            let _ = wait.lock().map(|wait| wait.recv());
        });
        let stuck = errand.ask(Instant::now()).unwrap_err();
        assert!(stuck.starts_with("did not answer in time"), "{stuck}");
        assert_eq!(errand.ask(soon()), Err("is still stuck in an earlier call".to_owned()));
        drop(free);
    }
}
