//! The mailbox of the worker: calls from other threads, and the bell that wakes it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use gmr_inspect::emergency::Watchdog;
use gmr_inspect::signals::Bell;
use gmr_report::Report;

use crate::channel::Sender;

/// Where calls from other threads wait for the worker.
pub(crate) struct Mailbox {
    asked: Mutex<Asked>,
    stop: AtomicBool,
    bell: Arc<Bell>,
    watchdog: Arc<Watchdog>,
}

/// What was asked for since the worker last looked.
#[derive(Default)]
pub(crate) struct Asked {
    /// How many reports were asked for that go to the sink, as after a signal.
    pub(crate) triggers: u32,
    /// Where a report is waited for that is returned to its caller.
    pub(crate) reports: Vec<Sender<Report>>,
}

impl Mailbox {
    pub(crate) fn new() -> std::io::Result<Mailbox> {
        Ok(Mailbox {
            asked: Mutex::default(),
            stop: AtomicBool::new(false),
            bell: Arc::new(Bell::new()?),
            watchdog: Watchdog::new(),
        })
    }

    /// What wakes the worker.
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// Notes that something is asked, before the worker is woken: it is noticed if the worker does not answer.
    pub(crate) fn watchdog(&self) -> &Arc<Watchdog> {
        &self.watchdog
    }

    pub(crate) fn put(&self, put: impl FnOnce(&mut Asked)) {
        // Nothing that holds this lock can panic, and a half-made change of it cannot exist.
        put(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        // After the lock has been given back: the worker does not wait for it.
        self.wake();
    }

    /// Wakes the worker, since something is asked of it.
    pub(crate) fn wake(&self) {
        self.watchdog.ask();
        self.bell.ring();
    }

    /// What was asked for. Nothing while a call is being put in, which rings when it is there: a thread that was stopped in
    /// the middle of that must not keep the worker from answering others.
    pub(crate) fn take(&self) -> Asked {
        match self.asked.try_lock() {
            Ok(mut asked) => std::mem::take(&mut *asked),
            Err(TryLockError::Poisoned(poisoned)) => std::mem::take(&mut *poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Asked::default(),
        }
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.bell.ring();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}
