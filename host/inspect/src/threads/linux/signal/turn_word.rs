//! The word that says who holds the turn, across `fork`.
//!
//! `tests/fixtures/interleavings` runs this file with the atomics of a model checker.

use super::atomics::{AtomicU64, Ordering};

/// The holder of the turn: its process in the upper half, its thread in the lower, 0 if there is none. One
/// word, so that the first turn in a process and the turn itself are taken at once.
pub(super) struct Owner(pub(super) AtomicU64);

/// A turn as it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The first in this process. What stands in the slots is of its parent, whose threads do not exist here.
    First,
    Again,
}

impl Owner {
    pub fn take(&self, process: u32, thread: u32) -> Option<Taken> {
        let now = self.0.load(Ordering::Acquire);
        let taken = match ((now >> 32) as u32 == process, now as u32) {
            (true, 0) => Taken::Again,
            (true, _) => return None,
            (false, _) => Taken::First,
        };
        let new = u64::from(process) << 32 | u64::from(thread);
        self.0.compare_exchange(now, new, Ordering::Acquire, Ordering::Relaxed).is_ok().then_some(taken)
    }

    pub fn give_back(&self) {
        self.0.fetch_and(u64::from(u32::MAX) << 32, Ordering::Release);
    }
}
