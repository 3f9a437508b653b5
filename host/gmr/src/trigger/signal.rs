//! The signal trigger: a signal that asks for a report. signal-hook's handler notes it and writes a byte; the
//! worker reads which process sent it.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use gmr_inspect::signals::{ForkedNotice, block_all_but, tell_if_forked};
use gmr_report::{Trigger, TriggerKind};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::low_level::siginfo::Origin;

use super::{Mailbox, Received, TriggerSource, file};
use crate::error::Error;
use crate::settings::{Settings, Signal};

pub(super) fn set_up(settings: &Settings, _: &Arc<Mailbox>) -> Result<Option<Box<dyn TriggerSource>>, Error> {
    let Some(number) = settings.signal.number() else { return Ok(None) };
    let trigger = SignalTrigger::new(settings.signal, number, file::watched(settings));
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
    delivery: SignalDelivery<UnixStream, WithOrigin>,
    _forked: ForkedNotice,
}

/// What a forked child answers: its parent alone has the reporter's thread.
const FORKED: &str = "gmr: no report: this process was forked from the one whose reporter it would ask\n";

impl SignalTrigger {
    fn new(signal: Signal, number: i32, instead: Option<PathBuf>) -> Result<SignalTrigger, Error> {
        let refused = |error| Error::system(format!("cannot listen to {signal}"), error);
        let (read, write) = UnixStream::pair().map_err(refused)?;
        let delivery =
            SignalDelivery::with_pipe(read, write, WithOrigin::default(), [number]).map_err(refused)?;
        let forked = tell_if_forked(number, FORKED).map_err(refused)?;
        Ok(SignalTrigger { signal, instead, delivery, _forked: forked })
    }
}

impl TriggerSource for SignalTrigger {
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.delivery.get_read().as_fd())
    }

    fn received(&mut self, _: Instant) -> Vec<Received> {
        let (signal, instead) = (self.signal, &self.instead);
        let received = |origin: Origin| {
            let detail = format!("{signal}{}", sender(&origin));
            match instead {
                None => Received::Wanted(Trigger::new(TriggerKind::Signal, detail)),
                Some(path) => Received::Refused(format!(
                    "gmr: {detail}: reports are triggered by {} here; touch it instead\n",
                    path.display()
                )),
            }
        };
        self.delivery.pending().map(received).collect()
    }
}

impl Drop for SignalTrigger {
    fn drop(&mut self) {
        self.delivery.handle().close();
    }
}

/// ` from process 9120 (bash, user 0)`. The name is known only if the sender still lives.
fn sender(origin: &Origin) -> String {
    let Some(process) = origin.process else { return String::new() };
    let name = std::fs::read_to_string(format!("/proc/{}/comm", process.pid)).unwrap_or_default();
    let name = match name.trim_end() {
        "" => String::new(),
        name => format!("{name}, "),
    };
    format!(" from process {} ({name}user {})", process.pid, process.uid)
}
