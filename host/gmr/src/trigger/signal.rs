//! The signal that asks for a report. signal-hook's handler notes it and writes a byte; the worker reads
//! who sent it.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use gmr_inspect::signals::{ForkedNotice, tell_if_forked};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::low_level::siginfo::Origin;

use crate::error::Error;
use crate::settings::Signal;

/// A signal that is listened to, beside whoever else listens. Dropping it ends the listening; signal-hook's
/// own handler stays in the process, does nothing then, and the signal stays harmless.
pub(crate) struct SignalTrigger {
    signal: Signal,
    delivery: SignalDelivery<UnixStream, WithOrigin>,
    _forked: ForkedNotice,
}

/// What a forked child says, whose reporter's thread stayed with its parent.
const FORKED: &str = "gmr: no report: this process was forked from the one whose reporter it would ask\n";

impl SignalTrigger {
    /// `None` if no signal is wanted.
    pub(crate) fn new(signal: Signal) -> Result<Option<SignalTrigger>, Error> {
        let Some(number) = signal.number() else { return Ok(None) };
        let refused = |error| Error::system(format!("cannot listen to {signal}"), error);
        let (read, write) = UnixStream::pair().map_err(refused)?;
        let delivery =
            SignalDelivery::with_pipe(read, write, WithOrigin::default(), [number]).map_err(refused)?;
        let forked = tell_if_forked(number, FORKED).map_err(refused)?;
        Ok(Some(SignalTrigger { signal, delivery, _forked: forked }))
    }

    /// The signals that came since the last look, each with its sender, as far as the kernel told.
    pub(crate) fn received(&mut self) -> Vec<String> {
        let signal = self.signal;
        self.delivery.pending().map(|origin| format!("{signal}{}", sender(&origin))).collect()
    }
}

impl Drop for SignalTrigger {
    fn drop(&mut self) {
        self.delivery.handle().close();
    }
}

impl AsFd for SignalTrigger {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.delivery.get_read().as_fd()
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
