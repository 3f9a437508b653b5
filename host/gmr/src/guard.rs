//! The guard of a reporter: what ends it, and asks it for reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use gmr_inspect::proc_self::Hold;
use gmr_report::Report;

use crate::channel::channel;
use crate::error::Error;
use crate::trigger::Mailbox;
use crate::worker::WorkerThread;

/// Whether this process has a reporter: handlers, and what reports are about, belong to all of it.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// The claim to be this process's only reporter.
pub(crate) struct Claim;

impl Claim {
    /// # Errors
    ///
    /// If the process has a reporter.
    pub(crate) fn new() -> Result<Claim, Error> {
        if INSTALLED.swap(true, Ordering::AcqRel) {
            return Err(Error::already_installed());
        }
        Ok(Claim)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        INSTALLED.store(false, Ordering::Release);
    }
}

/// A reporter that is installed. Dropping it uninstalls it: a report that is being made is finished, the
/// threads end, and the signal asks for nothing any more. It stays caught, though, so that a late
/// `kill -USR2` does not end the process. If the reporter is stuck, dropping waits for the deadline and five seconds, and
/// leaves it behind.
#[must_use = "dropping it uninstalls the reporter"]
pub struct Guard {
    mailbox: Arc<Mailbox>,
    thread: Option<WorkerThread>,
    /// How long one report may take, to the last byte.
    patience: Duration,
    /// The process that it was installed in. A forked child has a copy of the guard, but no thread.
    process: u32,
    /// What reports need when the process has no descriptors left, or has lost `/proc`.
    _held: Hold,
    _claim: Claim,
}

impl Guard {
    /// The guard of a reporter's thread. `patience` is how long one report may take, to the last byte.
    pub(crate) fn new(
        mailbox: Arc<Mailbox>,
        thread: WorkerThread,
        patience: Duration,
        held: Hold,
        claim: Claim,
    ) -> Guard {
        let process = std::process::id();
        Guard { mailbox, thread: Some(thread), patience, process, _held: held, _claim: claim }
    }

    /// Asks for a report as a signal would, and returns at once. In a forked child it does nothing.
    pub fn trigger(&self) {
        if self.is_forked() {
            return;
        }
        self.mailbox.put(|asked| asked.triggers = asked.triggers.saturating_add(1));
    }

    /// Makes a report and returns it; nothing is printed. Blocks the caller for as long as that takes, at
    /// most the deadline after the reports that are being made: in async code call it through
    /// `spawn_blocking`.
    ///
    /// # Errors
    ///
    /// If the reporter's thread is gone, as in a forked child, or has not answered after twice the deadline and ten
    /// seconds ([`Error::is_system`]).
    pub fn report(&self) -> Result<Report, Error> {
        if self.is_forked() {
            return Err(Error::system(
                "no report of this process",
                "it was forked from the process that has the reporter, and does not have its thread",
            ));
        }
        let (answer, answered) = channel();
        self.mailbox.put(|asked| asked.reports.push(answer));
        answered.receive(Instant::now() + 2 * self.patience).map_err(|error| match error {
            RecvTimeoutError::Disconnected => {
                Error::system("the reporter's thread has made no report", error)
            }
            RecvTimeoutError::Timeout => Error::system("the reporter's thread does not answer", error),
        })
    }

    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.is_forked() {
            // The pipe is shared with the parent, whose reporter must not stop.
            return;
        }
        self.mailbox.stop();
        if let Some(thread) = self.thread.take() {
            thread.join(Instant::now() + self.patience);
        }
    }
}
