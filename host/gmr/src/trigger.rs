//! Triggers: what asks for a report. A trigger only wakes the worker, which then takes what the trigger has
//! received.
//!
//! A kind of trigger has its file here, a row in [`KINDS`], and a [`TriggerKind`](gmr_report::TriggerKind)
//! that reports name it by. Calls from the application's threads come through the [`Mailbox`].

mod file;
mod mailbox;
mod signal;

use std::sync::Arc;

use gmr_report::Trigger;
pub(crate) use mailbox::{Asked, Mailbox};

use crate::error::Error;
use crate::settings::Settings;
use crate::sink::OwnOutput;

/// A trigger that is set up. It lives on the worker's thread.
pub(crate) trait TriggerSource {
    /// What it has received since it was asked last. It rings the mailbox's bell when it has received something.
    fn received(&mut self) -> Option<Received>;
}

/// What a trigger has received.
#[derive(Debug, PartialEq)]
pub(crate) enum Received {
    /// A report is wanted.
    Wanted(Trigger),
    /// A line for standard error: a report was asked for in a way that the settings have turned off, or this trigger has
    /// failed.
    Notice(String),
}

/// Sets up one kind of trigger, on the worker's thread; `None` if the settings do not want it.
type SetUp = fn(&Settings, &Arc<Mailbox>, &Arc<OwnOutput>) -> Result<Option<Box<dyn TriggerSource>>, Error>;

/// Every kind of trigger. What arrives together is one report, named after the last one in this order.
const KINDS: &[SetUp] = &[signal::set_up, file::set_up];

/// Sets up what the settings want. Called on the worker's thread, so that threads that are started here
/// inherit its blocked signals. `output` tells a file trigger which files are reports.
///
/// # Errors
///
/// If the system refuses one.
pub(crate) fn set_up(
    settings: &Settings,
    mailbox: &Arc<Mailbox>,
    output: &Arc<OwnOutput>,
) -> Result<Vec<Box<dyn TriggerSource>>, Error> {
    let sources = KINDS.iter().filter_map(|set_up| set_up(settings, mailbox, output).transpose()).collect();
    // Last, so that no thread that these start inherits it.
    signal::let_in(settings);
    sources
}
