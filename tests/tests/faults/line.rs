//! A line of the table: a condition, and what became of the report and of the application in it.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use gmr_test_support::panic_words;

use crate::stage::Stage;

/// What no line needs on a loaded machine of two processors: every wait within one is shorter.
const LIMIT: Duration = Duration::from_secs(150);

/// One condition.
pub struct Line {
    /// By which it is asked for.
    pub name: &'static str,
    /// Whence the condition is known.
    pub source: &'static str,
    /// The condition in words.
    pub condition: &'static str,
    /// Brings it about and looks; panics at what is wrong.
    pub run: fn(&Stage) -> Told,
}

/// What there is to tell of a line.
pub struct Told {
    /// What the report had.
    pub report: String,
    /// What became of the application.
    pub application: String,
}

/// How a line ended.
pub enum Outcome {
    /// As it should.
    Right(Told),
    /// Not, and what was wrong.
    Fault(String),
    /// Not at all, since the machine refuses the condition.
    Skipped(String),
}

/// The payload of a panic that says that a condition cannot be had on this machine.
struct Skip(String);

/// What stands above the table.
pub const HEAD: &str = "outcome | condition | the report | the application";

impl Line {
    /// Runs it on a thread of its own, which is left behind where it does not end.
    pub fn outcome(&'static self) -> Outcome {
        let (told, outcome) = sync_channel(1);
        thread::spawn(move || {
            let run = panic::catch_unwind(AssertUnwindSafe(|| (self.run)(&Stage::new(self.name))));
            // Nobody waits for it any more where it took too long.
            let _ = told.send(run.map_or_else(|payload| read(&*payload), Outcome::Right));
        });
        match outcome.recv_timeout(LIMIT) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => Outcome::Fault(format!("no end within {LIMIT:?}")),
            Err(RecvTimeoutError::Disconnected) => {
                Outcome::Fault("its thread ended without a word".to_owned())
            }
        }
    }

    /// The line as it is printed.
    pub fn row(&self, outcome: &Outcome) -> String {
        let Line { name, source, condition, .. } = self;
        let (word, report, application) = match outcome {
            Outcome::Right(Told { report, application }) => ("ok", report.as_str(), application.as_str()),
            Outcome::Fault(wrong) => ("FAULT", wrong.as_str(), ""),
            Outcome::Skipped(reason) => ("skipped", reason.as_str(), ""),
        };
        format!("{word:<7} | {name}: {condition} ({source}) | {report} | {application}")
    }
}

fn read(payload: &(dyn Any + Send)) -> Outcome {
    if let Some(Skip(reason)) = payload.downcast_ref() {
        return Outcome::Skipped(reason.clone());
    }
    Outcome::Fault(panic_words(payload))
}

/// Ends the line: its condition cannot be had here. Where skipping is forbidden, that is a fault.
pub fn skip(reason: &str) -> ! {
    gmr_test_support::skip(reason);
    panic::resume_unwind(Box::new(Skip(reason.to_owned())))
}
