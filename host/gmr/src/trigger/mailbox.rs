//! The mailbox of the worker: calls from other threads, and the pipe that wakes it.

use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};

use gmr_inspect::emergency::Watchdog;
use gmr_report::Report;

/// Where calls from other threads wait for the worker.
pub(crate) struct Mailbox {
    asked: Mutex<Asked>,
    stop: AtomicBool,
    wake: UnixStream,
    /// Notes what is asked, so that it is noticed if the worker does not answer.
    pub(crate) watchdog: Arc<Watchdog>,
}

/// What was asked for since the worker last looked.
#[derive(Default)]
pub(crate) struct Asked {
    /// How many reports were asked for that go to the sink, as after a signal.
    pub(crate) triggers: u32,
    /// Where a report is waited for that is returned to its caller.
    pub(crate) reports: Vec<SyncSender<Report>>,
}

impl Mailbox {
    /// The mailbox, and what becomes readable when something is in it.
    pub(crate) fn new() -> std::io::Result<(Mailbox, Bell)> {
        let (ring, bell) = UnixStream::pair()?;
        ring.set_nonblocking(true)?;
        bell.set_nonblocking(true)?;
        let mailbox = Mailbox {
            asked: Mutex::default(),
            stop: AtomicBool::new(false),
            wake: ring,
            watchdog: Watchdog::new(),
        };
        Ok((mailbox, Bell(bell)))
    }

    /// Wakes the worker, since something is asked of it.
    pub(crate) fn wake(&self) {
        self.watchdog.ask();
        self.ring();
    }

    fn ring(&self) {
        // A full pipe has woken the worker already.
        let _ = (&self.wake).write(&[1]);
    }

    pub(crate) fn put(&self, put: impl FnOnce(&mut Asked)) {
        // Nothing that holds this lock can panic, and a half-made change of it cannot exist.
        put(&mut self.asked.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        self.wake();
    }

    pub(crate) fn take(&self) -> Asked {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.ring();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// The worker's end of the mailbox.
pub(crate) struct Bell(UnixStream);

impl Bell {
    /// Makes it unreadable again, before the mailbox is looked into: a later ring is not lost.
    pub(crate) fn silence(&self) {
        let mut rings = [0; 64];
        while matches!((&self.0).read(&mut rings), Ok(1..)) {}
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
