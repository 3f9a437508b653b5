//! The signal trigger: a signal that asks for a report. Its handler notes that it came and who sent it, and wakes the worker,
//! which reads the sender's name.

use std::path::PathBuf;
use std::sync::Arc;

use gmr_inspect::emergency::SignalNotice;
use gmr_inspect::signals::{Arrived, ForkedNotice, Listener, Sender, block_all_but, listen, tell_if_forked};
use gmr_report::{Trigger, TriggerKind};

use super::{Mailbox, Received, TriggerSource, file};
use crate::error::Error;
use crate::settings::{Settings, Signal};
use crate::sink::OwnOutput;

pub(super) fn set_up(
    settings: &Settings,
    mailbox: &Arc<Mailbox>,
    _: &Arc<OwnOutput>,
) -> Result<Option<Box<dyn TriggerSource>>, Error> {
    let Some(number) = settings.signal.number() else { return Ok(None) };
    let trigger = SignalTrigger::new(settings.signal, number, file::watched(settings), mailbox);
    trigger.map(|trigger| Some(Box::new(trigger) as _))
}

/// Lets the signal in on the calling thread, the worker's, once its handler is installed: the application may block it
/// in all of its own threads, and then nothing else would ever take it.
pub(super) fn let_in(settings: &Settings) {
    if let Some(number) = settings.signal.number() {
        block_all_but(&[number]);
    }
}

/// A signal that is listened to, beside other listeners in the process. Dropping it ends the listening;
/// signal-hook's own handler stays in the process, does nothing then, and the signal stays harmless.
struct SignalTrigger {
    signal: Signal,
    /// The file that is to be touched instead, where the settings name one.
    instead: Option<PathBuf>,
    /// Tells the watchdog by itself: the worker may be stuck.
    _asked: Option<SignalNotice>,
    listener: Listener,
    _forked: ForkedNotice,
}

/// What a forked child answers: its parent alone has the reporter's thread.
const FORKED: &str = "gmr: no report: this process was forked from the one whose reporter it would ask\n";

impl SignalTrigger {
    fn new(
        signal: Signal,
        number: i32,
        instead: Option<PathBuf>,
        mailbox: &Mailbox,
    ) -> Result<SignalTrigger, Error> {
        let refused = |error| Error::system(format!("cannot listen to {signal}"), error);
        // Handlers run in this order, and what is asked after the worker was woken would stay unanswered. A signal that is
        // answered by a line asks for no report.
        let asked = match &instead {
            None => Some(mailbox.watchdog().ask_at_signal(number).map_err(refused)?),
            Some(_) => None,
        };
        let listener = listen(number, mailbox.bell().clone()).map_err(refused)?;
        let forked = tell_if_forked(number, FORKED).map_err(refused)?;
        Ok(SignalTrigger { signal, instead, _asked: asked, listener, _forked: forked })
    }
}

impl TriggerSource for SignalTrigger {
    fn received(&mut self) -> Option<Received> {
        let Arrived { count, sender, .. } = self.listener.take()?;
        let detail = format!("{}{}", self.signal, sender.map(from).unwrap_or_default());
        Some(match &self.instead {
            None => {
                let mut trigger = Trigger::new(TriggerKind::Signal, detail);
                trigger.count = count;
                Received::Wanted(trigger)
            }
            Some(path) => Received::Notice(format!(
                "gmr: {detail}: reports are triggered by {} here; touch it instead\n",
                path.display()
            )),
        })
    }
}

/// ` from process 9120 (bash, user 0)`. The name is known only if the sender still lives.
fn from(sender: Sender) -> String {
    let Sender { process, user, .. } = sender;
    if process == 0 {
        return format!(" from a process of another namespace (user {user})");
    }
    let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    let name = match name.trim_end() {
        "" => String::new(),
        name => format!("{name}, "),
    };
    format!(" from process {process} ({name}user {user})")
}
