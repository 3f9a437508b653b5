//! One collector at a time, in a way that survives `fork` and never blocks for long.

use super::slots;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The thread whose turn it is; 0 if it is nobody's.
static OWNER: AtomicU32 = AtomicU32::new(0);
/// The process that the slots are used by.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// The right to arm slots and to read them.
pub(super) struct Turn(());

impl Turn {
    /// Waits until it is this thread's turn, until the deadline at the most.
    pub fn take(deadline: Instant) -> Option<Turn> {
        let process = std::process::id();
        let own = super::super::own_id();
        loop {
            if PROCESS.load(Ordering::Acquire) != process {
                // The first turn in this process. After a fork the owner may be a thread that only the parent has, and
                // this child has a single thread, or has had since.
                if PROCESS.swap(process, Ordering::AcqRel) != process {
                    slots::reset_all();
                    OWNER.store(0, Ordering::Release);
                }
            }
            if OWNER.compare_exchange(0, own, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return Some(Turn(()));
            }
            if Instant::now() >= deadline {
                return None;
            }
            // The other one is done within its own deadline; there is no hurry.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        OWNER.store(0, Ordering::Release);
    }
}
