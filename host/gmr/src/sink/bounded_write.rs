//! Bounded writes: to a file, with a limit of time. A disk that hangs, or a server of files that is gone, keeps whoever
//! writes to it in the kernel, where nothing can fetch it back: that is then a thread that can be spared.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::bounded_call::{Caller, Failure};
use crate::channel::channel;

/// How long a new thread may take to begin. Each one needs the dynamic loader's lock, and a thread that hangs in `dlopen`
/// holds that for ever; a loaded machine takes a few milliseconds.
const BEGIN: Duration = Duration::from_millis(100);

/// Writes one after another, each with a limit.
#[derive(Clone, Default)]
pub(super) struct Writer {
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing is under way.
    #[default]
    Idle,
    /// A thread has been started, and has not begun.
    Starting,
    /// It has not begun in time; what it was to do has been done without it.
    Overdue,
    /// It writes.
    Writing,
}

impl Writer {
    /// Runs this on a thread of its own until the deadline. Where no thread begins, as for want of one, it is run on the
    /// calling thread: to write without a limit is better than not to write.
    ///
    /// # Errors
    ///
    /// Those of `write`; that it takes longer, and goes on; or that an earlier one does.
    pub(super) fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        write: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        match self.exchange(State::Idle, State::Starting) {
            State::Idle => {}
            State::Overdue => return write(),
            State::Starting | State::Writing => return Err(late("an earlier report")),
        }
        let write = Arc::new(Mutex::new(Some(write)));
        let (theirs, writer) = (write.clone(), self.clone());
        let begin = move || {
            if writer.exchange(State::Starting, State::Writing) != State::Starting {
                // The next one may be given to a thread again.
                writer.exchange(State::Overdue, State::Idle);
                return None;
            }
            let write = lock(&theirs).take();
            // It is idle again when its result is known, and when it has panicked too.
            let _idle = Idle(writer);
            write.map(|write| write())
        };
        let (told, outcome) = channel();
        let started = Caller::default().start("gmr-write", begin, move |ended| told.send(ended));
        let begun = deadline.min(Instant::now() + BEGIN);
        let mut ended = if started.is_ok() { outcome.receive(begun).ok() } else { None };
        if ended.is_none() {
            let without = if started.is_ok() { State::Overdue } else { State::Idle };
            if self.exchange(State::Starting, without) == State::Starting
                && let Some(write) = lock(&write).take()
            {
                return write();
            }
            ended = outcome.receive(deadline).ok();
        }
        match ended {
            Some(Ok(Some(written))) => written,
            Some(Err(Failure::Panicked(words))) => Err(io::Error::other(format!("a fault in gmr: {words}"))),
            Some(_) | None => Err(late("it")),
        }
    }

    /// Changes the state if it is `from`, and returns what it was.
    fn exchange(&self, from: State, to: State) -> State {
        let mut state = lock(&self.state);
        let was = *state;
        if was == from {
            *state = to;
        }
        was
    }
}

/// Nothing that holds one of these locks can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Idle(Writer);

impl Drop for Idle {
    fn drop(&mut self) {
        self.0.exchange(State::Writing, State::Idle);
    }
}

fn late(what: &str) -> io::Error {
    let message = format!("{what} was not written in time; the disk or the server of that file may hang");
    io::Error::new(io::ErrorKind::TimedOut, message)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn a_write_that_hangs_is_left_behind_and_the_next_one_is_told_so() {
        let writer = Writer::default();
        assert_eq!(writer.run(far(), || Ok(1)).unwrap(), 1);
        let (release, held) = channel::<()>();
        let (begun, has_begun) = channel();
        let (over, is_over) = channel::<()>();
        let slow = writer.clone();
        let hanging = std::thread::spawn(move || {
            slow.run(Instant::now() + Duration::from_secs(1), move || {
                let _over = over;
                begun.send(()).unwrap();
                Ok(held.recv().is_ok())
            })
        });
        has_begun.recv().unwrap();
        let refused = writer.run(far(), || Ok(2)).unwrap_err();
        assert!(refused.to_string().starts_with("an earlier report was not written in time"), "{refused}");
        let given_up = hanging.join().unwrap().unwrap_err();
        assert!(given_up.to_string().starts_with("it was not written in time"), "{given_up}");
        release.send(()).unwrap();
        assert!(is_over.recv().is_err());
        gmr_test_support::wait_for(|| writer.run(far(), || Ok(3)).map(|three| assert_eq!(three, 3)));
    }

    #[test]
    fn errors_are_handed_on_and_a_panic_leaves_it_usable() {
        let writer = Writer::default();
        let full = writer.run::<()>(far(), || Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        let fault = writer.run::<()>(far(), || panic!("no such luck")).unwrap_err();
        assert_eq!(fault.to_string(), "a fault in gmr: no such luck");
        assert_eq!(writer.run(far(), || Ok(4)).unwrap(), 4);
    }

    #[test]
    fn what_a_thread_that_never_begins_was_to_do_is_done_without_it() {
        let writer = Writer::default();
        // As after a thread that waits for the dynamic loader: the calling thread writes.
        *writer.state.lock().unwrap() = State::Overdue;
        let this = std::thread::current().id();
        assert_eq!(writer.run(far(), move || Ok(std::thread::current().id())).unwrap(), this);
    }
}
