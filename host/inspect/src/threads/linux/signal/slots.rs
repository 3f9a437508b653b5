//! Slots in static memory, in which signalled threads leave their registers and a copy of their stack.
//! Static, so that a handler that runs late, or after the capture has given up, never meets freed memory.
//!
//! Each slot's state, generation and thread id share one atomic word ([`SlotWord`]). Moving it from armed makes
//! an owner of the rest of the slot: to running the handler, to free the capture that holds the turn. A slot whose
//! handler has begun is never taken away from it.

pub(super) use super::slot_word::Progress;
use super::slot_word::{Armed, SlotWord};
use super::turn::Turn;
use crate::arch::registers::COUNT as REGISTER_COUNT;
use rustix::mm::Advice;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// As many threads are asked at a time; more would only queue for the processors.
pub(super) const COUNT: usize = 64;
/// A typical copy is 6 KB; this much holds some hundred frames. Untouched pages cost nothing.
pub(super) const COPY_BYTES: usize = 64 << 10;
/// How many ranges a copy may have: the stack, and one elsewhere that it continues on.
pub(super) const RANGES: usize = 2;

pub(super) struct Slot {
    word: SlotWord,
    pub registers: [AtomicU64; REGISTER_COUNT],
    /// Where the second range shall begin; 0 if none is wanted.
    pub second: AtomicU64,
    pub starts: [AtomicU64; RANGES],
    pub lengths: [AtomicUsize; RANGES],
}

#[repr(C, align(4096))]
pub(super) struct Copy(UnsafeCell<[u8; COPY_BYTES]>);

// SAFETY: `Slot::word` says which one owner a slot's bytes have: its handler while that is running, the
// holder of the `Turn` otherwise. Nobody else reaches them.
unsafe impl Sync for Copy {}

pub(super) static SLOTS: [Slot; COUNT] = [const { Slot::new() }; COUNT];
static COPIES: [Copy; COUNT] = [const { Copy(UnsafeCell::new([0; COPY_BYTES])) }; COUNT];

/// Counts the handlers that have finished; the capture waits for it to change.
pub(super) static BELL: AtomicU32 = AtomicU32::new(0);
/// Whether the capture sleeps on [`BELL`]: only then is it worth a system call to wake it.
pub(super) static LISTENING: AtomicU32 = AtomicU32::new(0);
/// Signals that were sent and given up: their handlers may still come.
pub(super) static LATE: AtomicU32 = AtomicU32::new(0);

/// An armed slot, as the capture remembers it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub index: usize,
    armed: Armed,
}

impl Slot {
    const fn new() -> Slot {
        Slot {
            word: SlotWord(AtomicU64::new(0)),
            registers: [const { AtomicU64::new(0) }; REGISTER_COUNT],
            second: AtomicU64::new(0),
            starts: [const { AtomicU64::new(0) }; RANGES],
            lengths: [const { AtomicUsize::new(0) }; RANGES],
        }
    }

    /// Takes the slot for a thread; `None` if it is in use. From now on a handler may come and write to its
    /// copy.
    pub fn arm(_turn: &mut Turn, index: usize, thread: u32, generation: u32, second: u64) -> Option<Ticket> {
        let slot = SLOTS.get(index).filter(|slot| slot.word.is_free())?;
        slot.second.store(second, Ordering::Relaxed);
        Some(Ticket { index, armed: slot.word.arm(thread, generation) })
    }

    /// The slot that waits for this thread, now owned by the caller: the handler.
    ///
    /// # Async-signal-safety
    ///
    /// Atomic operations on static memory only.
    pub fn begin(thread: u32) -> Option<usize> {
        SLOTS.iter().position(|slot| slot.word.begin(thread))
    }

    /// Hands the slot over to the capture that armed it.
    ///
    /// # Async-signal-safety
    ///
    /// Atomic operations on static memory only.
    pub fn finish(&self) {
        self.word.finish();
    }

    /// Whether a handler is at work in it or may still come.
    pub fn is_busy(&self) -> bool {
        self.word.is_busy()
    }

    fn reset(&self) {
        self.word.reset();
    }
}

impl Ticket {
    pub fn slot(self) -> Option<&'static Slot> {
        SLOTS.get(self.index)
    }

    pub fn progress(self) -> Progress {
        self.slot().map_or(Progress::Armed, |slot| slot.word.progress())
    }

    /// Takes the slot back before its handler has begun. False if that is too late.
    pub fn cancel(self) -> bool {
        self.slot().is_some_and(|slot| slot.word.cancel(self.armed))
    }

    /// Gives the slot back after its answer was read.
    pub fn release(self) {
        if let Some(slot) = self.slot() {
            slot.reset();
        }
    }
}

/// Where the bytes of a slot are.
///
/// # Async-signal-safety
///
/// The address of static memory.
pub(super) fn copy_address(index: usize) -> Option<*mut u8> {
    COPIES.get(index).map(|copy| copy.0.get().cast())
}

/// A slot's bytes. Only for a slot that is done: its handler has handed it over.
pub(super) fn copied(_turn: &Turn, ticket: Ticket) -> Option<&[u8; COPY_BYTES]> {
    if ticket.progress() != Progress::Done {
        return None;
    }
    let copy = COPIES.get(ticket.index)?;
    // SAFETY: the memory is static and of this size. `Slot::word` is DONE, so its handler has finished, and
    // another one begins only after `Slot::arm`, which borrows the `Turn` exclusively: not as long as this
    // slice borrows it.
    Some(unsafe { &*copy.0.get() })
}

/// In a child of `fork` no handler of the parent's will ever finish.
pub(super) fn reset_all() {
    SLOTS.iter().for_each(Slot::reset);
    LATE.store(0, Ordering::Relaxed);
}

/// Gets memory for a copy, so that the handler does not have to wait for it page by page: that took longer
/// than all else it does. It is given back after the capture.
pub(super) fn fill_memory(index: usize) {
    let Some(copy) = COPIES.get(index) else { return };
    // Kernels before 5.14 refuse, and the handler gets the memory after all.
    // SAFETY: `Copy` is aligned to a page and whole pages long; this advice changes none of its bytes.
    let _ = unsafe { rustix::mm::madvise(copy.0.get().cast(), COPY_BYTES, Advice::LinuxPopulateWrite) };
}

/// Gives the memory of unused copies back to the system. They read as zeros afterwards.
pub(super) fn return_memory(_turn: &mut Turn) {
    for (slot, copy) in SLOTS.iter().zip(&COPIES) {
        if !slot.is_busy() {
            // SAFETY: `Copy` is aligned to a page and whole pages long. `Slot::word` is neither ARMED nor
            // RUNNING, so no handler owns the bytes, and none can come to own them: to arm a slot takes the
            // `Turn`, which is borrowed here exclusively, so that nobody reads them either.
            let _ = unsafe { rustix::mm::madvise(copy.0.get().cast(), COPY_BYTES, Advice::LinuxDontNeed) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    // One test, since the slots are the whole process's.
    #[test]
    fn a_slot_serves_its_thread_once_and_is_never_taken_from_a_handler() {
        let other = 0x7000_0001;
        let far = Instant::now() + Duration::from_secs(60);
        let turn = &mut Turn::take(far, reset_all).unwrap();
        let ticket = Slot::arm(turn, 3, other, 1, 0).unwrap();
        assert!(Slot::arm(turn, 3, other, 2, 0).is_none(), "armed already");
        assert_eq!(Slot::begin(other + 1), None);
        assert_eq!(Slot::begin(other), Some(3));
        assert_eq!(Slot::begin(other), None);
        assert!(!ticket.cancel(), "its handler has begun");
        assert_eq!(ticket.progress(), Progress::Running);
        assert!(Slot::arm(turn, 3, other, 2, 0).is_none());
        assert!(copied(turn, ticket).is_none());
        SLOTS[3].finish();
        assert_eq!(ticket.progress(), Progress::Done);
        assert!(copied(turn, ticket).is_some());
        ticket.release();

        let given_up = Slot::arm(turn, 3, other, 3, 0).unwrap();
        assert!(given_up.cancel());
        assert_eq!(Slot::begin(other), None);
        // The same thread again: the old ticket has no power over the new one.
        let ticket = Slot::arm(turn, 3, other, 4, 0).unwrap();
        assert!(!given_up.cancel());
        assert!(ticket.cancel());
    }
}
