//! The signal trigger: a signal that asks for a report. Its handler notes that it came and who sent it, and wakes the worker,
//! which reads the sender's name.

use std::path::PathBuf;
use std::sync::Arc;

use gmr_inspect::signals::{Arrived, ForkedNotice, Listener, Sender, listen, tell_if_forked};
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

/// A signal that is listened to, beside other listeners in the process. Dropping it ends the listening;
/// signal-hook's own handler stays in the process, does nothing then, and the signal stays harmless.
struct SignalTrigger {
    signal: Signal,
    /// The file that is to be touched instead, where the settings name one.
    instead: Option<PathBuf>,
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
        let listener = listen(number, mailbox.bell().clone()).map_err(refused)?;
        let forked = tell_if_forked(number, FORKED).map_err(refused)?;
        Ok(SignalTrigger { signal, instead, listener, _forked: forked })
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
