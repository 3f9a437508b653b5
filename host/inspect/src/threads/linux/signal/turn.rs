//! The turn to signal threads: a lock that one capture holds at a time, that survives `fork` and never blocks
//! for long.

use super::super::current_thread;
use super::turn_word::{Owner, Taken};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

static OWNER: Owner = Owner(AtomicU64::new(0));

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
    use std::sync::atomic::{AtomicU32, Ordering};

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
