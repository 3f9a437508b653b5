//! The turn to signal threads: a lock that one capture holds at a time, that survives `fork` and never blocks
//! for long.

use super::super::current_thread;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

static OWNER: Owner = Owner(AtomicU64::new(0));

/// The holder of the turn: its process in the upper half, its thread in the lower, 0 if there is none. One
/// word, so that the first turn in a process and the turn itself are taken at once.
struct Owner(AtomicU64);

/// A turn as it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// The first in this process. What stands in the slots is of its parent, whose threads do not exist here.
    First,
    Again,
}

impl Owner {
    fn take(&self, process: u32, thread: u32) -> Option<Taken> {
        let now = self.0.load(Ordering::Acquire);
        let taken = match ((now >> 32) as u32 == process, now as u32) {
            (true, 0) => Taken::Again,
            (true, _) => return None,
            (false, _) => Taken::First,
        };
        let new = u64::from(process) << 32 | u64::from(thread);
        self.0.compare_exchange(now, new, Ordering::Acquire, Ordering::Relaxed).is_ok().then_some(taken)
    }

    fn give_back(&self) {
        self.0.fetch_and(u64::from(u32::MAX) << 32, Ordering::Release);
    }
}

/// The right to arm slots and to read them. One exists in a process at a time. Reading a slot's copy borrows
/// it, and arming a slot borrows it exclusively, so that no copy is read while a handler may write to it.
#[derive(Debug)]
pub(super) struct Turn(());

impl Turn {
    /// Waits until it is this thread's turn, until the deadline at the most. `first` is called if it is the
    /// first turn in this process.
    pub fn take(deadline: Instant, first: fn()) -> Option<Turn> {
        let own = current_thread::id();
        loop {
            if let Some(taken) = OWNER.take(std::process::id(), own) {
                if taken == Taken::First {
                    first();
                }
                return Some(Turn(()));
            }
            if Instant::now() >= deadline {
                return None;
            }
            // The holder is done within its own deadline; there is no hurry.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        OWNER.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn of_many_who_want_it_one_has_the_turn_and_one_the_first_in_each_process() {
        const THREADS: u32 = 2;
        const PROCESSES: u32 = 20_000;
        let owner = Owner(AtomicU64::new(0));
        let (holders, firsts) = (AtomicU32::new(0), AtomicU32::new(0));
        let arrived = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for thread in 1..=THREADS {
                let (owner, holders, firsts, arrived) = (&owner, &holders, &firsts, &arrived);
                scope.spawn(move || {
                    for process in 1..=PROCESSES {
                        // Closer together than a barrier that sleeps lets them start.
                        arrived.fetch_add(1, Ordering::SeqCst);
                        while arrived.load(Ordering::SeqCst) < process * THREADS {
                            std::thread::yield_now();
                        }
                        let taken = loop {
                            match owner.take(process, thread) {
                                Some(taken) => break taken,
                                None => std::thread::yield_now(),
                            }
                        };
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                        if taken == Taken::First {
                            firsts.fetch_add(1, Ordering::SeqCst);
                        }
                        holders.fetch_sub(1, Ordering::SeqCst);
                        owner.give_back();
                    }
                });
            }
        });
        assert_eq!(firsts.into_inner(), PROCESSES);
    }

    #[test]
    fn a_turn_that_a_parent_process_held_is_free_in_its_child() {
        let owner = Owner(AtomicU64::new(0));
        assert_eq!(owner.take(7, 70), Some(Taken::First));
        assert_eq!(owner.take(7, 71), None);
        assert_eq!(owner.take(8, 80), Some(Taken::First));
        owner.give_back();
        assert_eq!(owner.take(8, 81), Some(Taken::Again));
    }
}
