//! The word that says who owns a slot: its state, its thread and its generation in one, so that owner and state change at
//! once.
//!
//! `tests/fixtures/interleavings` runs this file with the atomics of a model checker.

use super::atomics::{AtomicU64, Ordering};

const FREE: u8 = 0;
const ARMED: u8 = 1;
const RUNNING: u8 = 2;
const DONE: u8 = 3;

/// Thread id in the upper half, then 24 bits of generation, then the state.
pub(super) struct SlotWord(pub(super) AtomicU64);

/// What a slot was when it was armed, so that a later arming is not mistaken for this one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Armed(u64);

/// What a slot is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Armed,
    Running,
    Done,
}

fn word(thread: u32, generation: u32, state: u8) -> u64 {
    u64::from(thread) << 32 | u64::from(generation & 0xff_ffff) << 8 | u64::from(state)
}

fn with_state(word: u64, state: u8) -> u64 {
    word & !0xff | u64::from(state)
}

impl SlotWord {
    /// Whether it may be armed. A handler that finished after it was given up leaves `DONE` behind.
    pub fn is_free(&self) -> bool {
        [FREE, DONE].contains(&(self.0.load(Ordering::Acquire) as u8))
    }

    /// From now on a handler of this thread may come. Only by the holder of the turn, and where
    /// [`is_free`](SlotWord::is_free): nobody else changes the word then.
    pub fn arm(&self, thread: u32, generation: u32) -> Armed {
        let word = word(thread, generation, ARMED);
        self.0.store(word, Ordering::Release);
        Armed(word)
    }

    /// Whether it waited for this thread, whose handler owns the slot from now on.
    pub fn begin(&self, thread: u32) -> bool {
        let now = self.0.load(Ordering::Acquire);
        let running = with_state(now, RUNNING);
        now as u8 == ARMED
            && (now >> 32) as u32 == thread
            && self.0.compare_exchange(now, running, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The handler that began hands the slot over to the holder of the turn.
    pub fn finish(&self) {
        let now = self.0.load(Ordering::Relaxed);
        self.0.store(with_state(now, DONE), Ordering::Release);
    }

    /// Takes the slot back before its handler has begun. False if that is too late.
    pub fn cancel(&self, armed: Armed) -> bool {
        self.0.compare_exchange(armed.0, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Frees the slot, whoever has it: after its answer was read, or in the child of a fork.
    pub fn reset(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// Whether a handler is at work or may still come.
    pub fn is_busy(&self) -> bool {
        [ARMED, RUNNING].contains(&(self.0.load(Ordering::Acquire) as u8))
    }

    pub fn progress(&self) -> Progress {
        match self.0.load(Ordering::Acquire) as u8 {
            DONE => Progress::Done,
            RUNNING => Progress::Running,
            _ => Progress::Armed,
        }
    }
}
