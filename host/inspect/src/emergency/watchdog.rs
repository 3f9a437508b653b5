//! A watchdog over the thread that makes the reports: it notes what was asked for and what was answered, and tells
//! another thread when an answer is overdue.
//!
//! It is a few words of memory and one futex, so that a signal handler can ask, a thread that is stuck anywhere can be
//! noticed, and nobody wakes while nothing is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What was asked for and what was answered.
///
/// ```
/// use gmr_inspect::emergency::Watchdog;
/// use std::time::Duration;
///
/// let watchdog = Watchdog::new();
/// watchdog.ask();
/// let seen = watchdog.asked();
/// watchdog.begin();
/// // ... the report is made ...
/// watchdog.answer(seen + 1);
/// watchdog.stop();
/// # #[cfg(target_os = "linux")]
/// assert!(watchdog.waiter(Duration::from_secs(6)).overdue().is_none());
/// ```
#[derive(Debug)]
pub struct Watchdog {
    /// What moments are counted from: a moment has to fit into a word.
    epoch: Instant,
    /// The futex: changes with everything that a waiter has to know.
    bell: AtomicU32,
    /// [`NOBODY`], [`FOR_ALL`] or [`FOR_ANSWERS`].
    listening: AtomicU32,
    asked: AtomicU32,
    answered: AtomicU32,
    /// The last sign of life: nanoseconds since the epoch.
    progress: AtomicU64,
    /// Not overdue before this: nanoseconds since the epoch.
    postponed: AtomicU64,
    stopped: AtomicBool,
}

/// No thread waits at the futex.
const NOBODY: u32 = 0;
/// One waits for a question.
const FOR_ALL: u32 = 1;
/// One waits for an answer to what was asked; another question is nothing new.
const FOR_ANSWERS: u32 = 2;

/// An answer that is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overdue {
    /// How long ago the report was begun, or, if it was not, how long ago it was asked for.
    pub after: Duration,
}

impl Watchdog {
    /// A watchdog over a thread that nothing was asked of.
    pub fn new() -> Arc<Watchdog> {
        Arc::new(Watchdog {
            epoch: Instant::now(),
            bell: AtomicU32::new(0),
            listening: AtomicU32::new(NOBODY),
            asked: AtomicU32::new(0),
            answered: AtomicU32::new(0),
            progress: AtomicU64::new(0),
            postponed: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        })
    }

    /// Something is asked of the thread.
    ///
    /// # Async-signal-safety
    ///
    /// Reads a clock, changes words of memory, and wakes a futex.
    pub fn ask(&self) {
        if self.asked.load(Ordering::SeqCst) == self.answered.load(Ordering::SeqCst) {
            self.live();
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.bell.fetch_add(1, Ordering::SeqCst);
        let found = self.listening.compare_exchange(FOR_ALL, NOBODY, Ordering::SeqCst, Ordering::SeqCst);
        if found.is_ok() {
            self.wake();
        }
    }

    /// How often something was asked. The thread takes the number before it looks for what that is, so that what is
    /// asked meanwhile stays unanswered.
    pub fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    /// The thread begins with one of the things that were asked: it has its whole time from now on. That counts as
    /// one more that was asked, since not all who ask say so here.
    pub fn begin(&self) {
        self.live();
        self.ask();
    }

    /// The thread has answered as many as [`Watchdog::asked`] had told, and as often as it has begun since.
    pub fn answer(&self, asked: u32) {
        self.live();
        self.answered.store(asked, Ordering::SeqCst);
        self.ring();
    }

    /// The thread waits for somebody else, with a limit of its own: it is not overdue until so long from now.
    pub fn postpone(&self, time: Duration) {
        let until = self.now().saturating_add(nanoseconds(time));
        self.postponed.store(until, Ordering::SeqCst);
    }

    /// The thread waits no more: it has its whole time from now on.
    pub fn resume(&self) {
        self.live();
        self.postponed.store(0, Ordering::SeqCst);
    }

    /// A sign of life.
    fn live(&self) {
        self.progress.store(self.now(), Ordering::SeqCst);
    }

    /// Ends the wait of [`Waiter::overdue`], for good.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.ring();
    }

    /// What waits until an answer is overdue: `patience` after it was begun. For one thread at a time.
    pub fn waiter(self: &Arc<Watchdog>, patience: Duration) -> Waiter {
        Waiter { watchdog: self.clone(), patience: nanoseconds(patience), told: None }
    }

    fn now(&self) -> u64 {
        nanoseconds(self.epoch.elapsed())
    }

    fn ring(&self) {
        self.bell.fetch_add(1, Ordering::SeqCst);
        if self.listening.swap(NOBODY, Ordering::SeqCst) != NOBODY {
            self.wake();
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// See [`Watchdog::waiter`].
#[derive(Debug)]
pub struct Waiter {
    watchdog: Arc<Watchdog>,
    patience: u64,
    /// For how many questions it was told last that the answer is overdue, and when.
    told: Option<(u32, u64)>,
}

/// What to do now.
enum Next {
    Tell(Overdue),
    Sleep(Option<Duration>),
    Stop,
}

impl Waiter {
    /// Waits, as long as nothing is asked without any timer, until an answer is overdue; `None` when the watchdog is
    /// stopped. For one delay it is told once, and for a question that comes during it once more, `patience` later at
    /// the earliest. Allocates nothing and takes no lock.
    pub fn overdue(&mut self) -> Option<Overdue> {
        loop {
            // Before the look: what changes after it ends the sleep.
            let bell = self.watchdog.bell.load(Ordering::SeqCst);
            match self.next() {
                Next::Tell(overdue) => return Some(overdue),
                Next::Sleep(time) => self.watchdog.sleep(bell, time),
                Next::Stop => return None,
            }
        }
    }

    fn next(&mut self) -> Next {
        let Watchdog { asked, answered, progress, postponed, stopped, .. } = &*self.watchdog;
        if stopped.load(Ordering::SeqCst) {
            return Next::Stop;
        }
        let asked = asked.load(Ordering::SeqCst);
        let told_of = self.told.map(|(of, _)| of);
        if asked == answered.load(Ordering::SeqCst) || told_of == Some(asked) {
            return Next::Sleep(None);
        }
        let progress = progress.load(Ordering::SeqCst);
        let begun = progress.max(self.told.map_or(0, |(_, at)| at));
        let due = begun.saturating_add(self.patience).max(postponed.load(Ordering::SeqCst));
        let now = self.watchdog.now();
        if now < due {
            return Next::Sleep(Some(Duration::from_nanos(due - now)));
        }
        self.told = Some((asked, now));
        Next::Tell(Overdue { after: Duration::from_nanos(now.saturating_sub(progress)) })
    }
}

#[cfg(target_os = "linux")]
mod platform {
    use super::{FOR_ALL, FOR_ANSWERS, Watchdog};
    use rustix::thread::futex;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    impl Watchdog {
        pub(super) fn wake(&self) {
            // A wake that finds nobody is none.
            let _ = futex::wake(&self.bell, futex::Flags::PRIVATE, 1);
        }

        /// Until the bell rings, or so long.
        pub(super) fn sleep(&self, bell: u32, time: Option<Duration>) {
            let timeout = time.and_then(|time| rustix::time::Timespec::try_from(time).ok());
            let wanted = if time.is_some() { FOR_ANSWERS } else { FOR_ALL };
            self.listening.store(wanted, Ordering::SeqCst);
            // Whatever ended it, the look that follows finds.
            let _ = futex::wait(&self.bell, futex::Flags::PRIVATE, bell, timeout.as_ref());
        }
    }
}

/// There is no capture to wait for.
#[cfg(not(target_os = "linux"))]
mod platform {
    use super::Watchdog;
    use std::time::Duration;

    impl Watchdog {
        pub(super) fn wake(&self) {}

        pub(super) fn sleep(&self, _bell: u32, _time: Option<Duration>) {
            self.stop();
        }
    }
}

#[cfg(unix)]
pub use notice::SignalNotice;

#[cfg(unix)]
mod notice {
    use super::Watchdog;
    use signal_hook::SigId;
    use signal_hook::low_level::{register, unregister};
    use std::io;
    use std::sync::Arc;

    /// Keeps a signal's arrivals noted; dropping it ends that.
    #[derive(Debug)]
    #[must_use = "dropping it ends the notice"]
    pub struct SignalNotice {
        id: SigId,
    }

    impl Watchdog {
        /// From now on, the arrival of this signal is a question, noted by the handler itself: it counts where the
        /// thread that would answer is dead or stopped. Handlers that are there already stay.
        ///
        /// # Errors
        ///
        /// If the signal cannot be caught.
        pub fn ask_at_signal(self: &Arc<Watchdog>, signal: i32) -> io::Result<SignalNotice> {
            let watchdog = self.clone();
            // SAFETY: `Watchdog::ask` is async-signal-safe: it reads a clock, changes atomics and wakes a futex. The
            // last clone of `watchdog` is not dropped in the handler, since signal-hook keeps the action meanwhile.
            let id = unsafe { register(signal, move || watchdog.ask()) }?;
            Ok(SignalNotice { id })
        }
    }

    impl Drop for SignalNotice {
        fn drop(&mut self) {
            unregister(self.id);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn told(waiter: &mut Waiter) -> bool {
        matches!(waiter.next(), Next::Tell(_))
    }

    fn timer(waiter: &mut Waiter) -> Option<Duration> {
        match waiter.next() {
            Next::Sleep(time) => time,
            Next::Tell(_) | Next::Stop => panic!("it neither tells nor stops"),
        }
    }

    #[test]
    fn there_is_a_timer_only_while_something_is_unanswered() {
        let watchdog = Watchdog::new();
        let mut waiter = watchdog.waiter(LONG);
        assert_eq!(timer(&mut waiter), None);
        watchdog.ask();
        assert!(timer(&mut waiter).is_some_and(|time| time <= LONG));
        let seen = watchdog.asked();
        watchdog.ask();
        watchdog.answer(seen);
        assert!(timer(&mut waiter).is_some(), "what was asked meanwhile is unanswered");
        watchdog.answer(watchdog.asked());
        assert_eq!(timer(&mut waiter), None);
    }

    #[test]
    fn a_delay_is_told_once_and_again_for_a_new_question_after_as_long() {
        let watchdog = Watchdog::new();
        let mut waiter = watchdog.waiter(Duration::ZERO);
        watchdog.ask();
        assert!(told(&mut waiter));
        assert_eq!(timer(&mut waiter), None, "it was told of");
        watchdog.ask();
        waiter.patience = nanoseconds(LONG);
        assert!(timer(&mut waiter).is_some(), "not so soon after the last time");
        waiter.patience = 0;
        assert!(told(&mut waiter));
        watchdog.answer(watchdog.asked());
        watchdog.ask();
        assert!(told(&mut waiter), "the next delay is another one");
    }

    #[test]
    fn a_thread_that_goes_on_or_waits_for_a_reader_is_not_overdue() {
        let watchdog = Watchdog::new();
        let mut waiter = watchdog.waiter(Duration::ZERO);
        watchdog.ask();
        watchdog.postpone(LONG);
        assert!(timer(&mut waiter).is_some());
        watchdog.resume();
        waiter.patience = nanoseconds(LONG);
        assert!(timer(&mut waiter).is_some());
        let seen = watchdog.asked();
        watchdog.begin();
        watchdog.answer(seen.wrapping_add(1));
        assert_eq!(timer(&mut waiter), None, "what is begun is what was asked");
    }

    #[test]
    fn a_question_an_answer_and_a_stop_end_the_wait() {
        let watchdog = Watchdog::new();
        let mut waiter = watchdog.waiter(Duration::from_millis(1));
        let thread = std::thread::spawn(move || (waiter.overdue().is_some(), waiter.overdue().is_some()));
        // Once it listens, else the question would be found without a wake.
        while watchdog.listening.load(Ordering::SeqCst) != FOR_ALL {
            std::thread::yield_now();
        }
        watchdog.ask();
        while !thread.is_finished() && watchdog.listening.load(Ordering::SeqCst) != FOR_ALL {
            std::thread::yield_now();
        }
        watchdog.stop();
        assert_eq!(thread.join().unwrap(), (true, false));
    }
}
