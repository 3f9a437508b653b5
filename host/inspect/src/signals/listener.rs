//! A listener to a signal, beside other handlers of it: how often it came, and which process sent it last.
//!
//! The handler writes two words of memory and rings a [`Bell`]. It writes to no descriptor: one that the program has closed
//! may be another file by now.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use signal_hook::SigId;
use signal_hook::low_level::siginfo::Origin;
use signal_hook::low_level::unregister;
use signal_hook_registry::register_sigaction;

use super::Bell;

/// Listens to a signal until it is dropped. The signal stays caught then, by a handler that does nothing.
#[must_use = "dropping it ends the listening"]
pub struct Listener {
    received: Arc<Received>,
    id: SigId,
}

/// What the handler has noted. Two signals at once may leave the sender of either.
#[derive(Default)]
struct Received {
    count: AtomicU32,
    sender: AtomicU64,
}

/// Signals that have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrived {
    /// How many, from 1. Those that came while the same signal was pending are not told apart by the kernel.
    pub count: u32,
    /// Who sent the last one; `None` if it was no process.
    pub sender: Option<Sender>,
}

/// A process that has sent a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sender {
    /// Its process id; 0 if it has none in this process's namespace.
    pub process: u32,
    /// Its real user id.
    pub user: u32,
}

/// Listens to this signal; each one rings the bell. Handlers that are there already stay and are called first.
///
/// # Errors
///
/// If the signal cannot be caught.
///
/// # Panics
///
/// For a signal that no library may catch: `SIGKILL`, `SIGSTOP`, `SIGILL`, `SIGFPE`, `SIGSEGV`.
///
/// # Async-signal-safety
///
/// The handler stores two words and rings the bell.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use std::sync::Arc;
/// use gmr_inspect::signals::{Bell, listen};
///
/// let bell = Arc::new(Bell::new()?);
/// let listener = listen(12, bell.clone())?; // SIGUSR2 on Linux
/// assert_eq!(listener.take(), None);
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn listen(signal: i32, bell: Arc<Bell>) -> io::Result<Listener> {
    let received = Arc::new(Received::default());
    let noted = received.clone();
    let note = move |info: &libc::siginfo_t| {
        // SAFETY: signal-hook's handler hands on what the kernel gave it, whose `si_code` says which fields it has.
        let origin = unsafe { Origin::extract(info) };
        noted.note(origin.process.map(|process| Sender { process: process.pid as u32, user: process.uid }));
        bell.ring();
    };
    // SAFETY: the action is async-signal-safe: `extract` says so of itself, `note` and `ring` are atomic operations and a
    // system call; nothing allocates, locks or panics.
    let id = unsafe { register_sigaction(signal, note) }?;
    Ok(Listener { received, id })
}

impl Listener {
    /// What has come since it was asked last.
    pub fn take(&self) -> Option<Arrived> {
        self.received.take()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        unregister(self.id);
    }
}

impl Received {
    /// Set in the word of a sender that is known. Process ids have 22 bits at the most.
    const KNOWN: u64 = 1 << 63;

    fn note(&self, sender: Option<Sender>) {
        let word = sender
            .map_or(0, |Sender { process, user }| Self::KNOWN | u64::from(process) << 32 | u64::from(user));
        self.sender.store(word, Ordering::Release);
        // After four billion signals that nobody asked about it begins anew; none would be worse.
        if self.count.fetch_add(1, Ordering::AcqRel) == u32::MAX {
            self.count.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn take(&self) -> Option<Arrived> {
        let count = self.count.swap(0, Ordering::AcqRel);
        let word = self.sender.load(Ordering::Acquire);
        let sender = Sender { process: ((word & !Self::KNOWN) >> 32) as u32, user: word as u32 };
        (count > 0).then(|| Arrived { count, sender: (word & Self::KNOWN != 0).then_some(sender) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sender_is_told_with_the_count_once() {
        let received = Received::default();
        assert_eq!(received.take(), None);
        received.note(Some(Sender { process: 4_194_304, user: u32::MAX }));
        received.note(Some(Sender { process: 0, user: 0 }));
        assert_eq!(received.take(), Some(Arrived { count: 2, sender: Some(Sender { process: 0, user: 0 }) }));
        assert_eq!(received.take(), None);
        received.note(Some(Sender { process: 4_194_304, user: u32::MAX }));
        let Some(Arrived { count: 1, sender: Some(sender) }) = received.take() else {
            panic!("nothing noted")
        };
        assert_eq!((sender.process, sender.user), (4_194_304, u32::MAX));
        received.note(None);
        assert_eq!(received.take(), Some(Arrived { count: 1, sender: None }));
    }
}
