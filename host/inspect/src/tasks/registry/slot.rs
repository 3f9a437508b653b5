//! The slot of one registered future: atomic words behind a sequence lock, readable at any time.
//!
//! A slot is written by one thread at a time (the one that creates, polls or drops the future) and read by a report
//! without any lock: by a sequence number that is odd while the words change, the reader knows whether what it read
//! belongs together. A slot is never freed, so that a late reader finds old words and no freed memory.
//!
//! `tests/fixtures/interleavings` runs this file with the atomics of a model checker.

use std::borrow::Cow;
use std::panic::Location;
use std::ptr;

use super::atomics::Ordering::{Acquire, Relaxed, Release};
use super::atomics::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, fence};
use super::kind::Kind;
use super::name::NameCell;

/// One future's words. Three cache lines; the first holds all that a poll touches, so that neighbours in a
/// segment do not slow each other down.
#[repr(align(64))]
pub(crate) struct Slot {
    /// Odd while the future is polled or the slot changes hands; grows by two for each.
    sequence: AtomicU64,
    /// Nanoseconds of the coarse clock at the start of the present or last poll; 0 before the first.
    poll_began: AtomicU64,
    /// The same at the end of the last poll.
    poll_ended: AtomicU64,
    /// Nanoseconds spent in finished polls.
    poll_time: AtomicU64,
    /// Where the inner future was when it was last polled; 0 before the first poll.
    address: AtomicUsize,
    /// The thread of the present or last poll, by the kernel's id.
    thread: AtomicU32,
    /// Unique among all registered futures; 0 for a slot without one.
    id: AtomicU64,

    /// The sequence number at registration: what was counted since are polls.
    first: AtomicU64,
    created: AtomicU64,
    /// tokio's id of the task that polled it first; 0 outside of tokio's tasks.
    task: AtomicU64,
    kind: AtomicPtr<Kind>,
    location: AtomicPtr<Location<'static>>,
    name: NameCell,
}

/// All that is in a slot, read at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) id: u64,
    pub(crate) polling: bool,
    pub(crate) polls: u64,
    pub(crate) poll_began: u64,
    pub(crate) poll_ended: u64,
    pub(crate) poll_time: u64,
    pub(crate) created: u64,
    pub(crate) thread: u32,
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "chains are read on Linux only"))]
    pub(crate) address: usize,
    pub(crate) task: Option<u64>,
    pub(crate) kind: &'static Kind,
    pub(crate) location: &'static Location<'static>,
    pub(crate) name: Option<String>,
}

/// What a new registration writes.
pub(crate) struct Registration {
    pub(crate) id: u64,
    pub(crate) kind: &'static Kind,
    pub(crate) location: &'static Location<'static>,
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) now: u64,
}

impl Slot {
    pub(crate) fn new() -> Self {
        Slot {
            sequence: AtomicU64::new(0),
            poll_began: AtomicU64::new(0),
            poll_ended: AtomicU64::new(0),
            poll_time: AtomicU64::new(0),
            address: AtomicUsize::new(0),
            thread: AtomicU32::new(0),
            id: AtomicU64::new(0),
            first: AtomicU64::new(0),
            created: AtomicU64::new(0),
            task: AtomicU64::new(0),
            kind: AtomicPtr::new(ptr::null_mut()),
            location: AtomicPtr::new(ptr::null_mut()),
            name: NameCell::new(),
        }
    }

    /// Hands the slot to a new future. The caller has it to itself, from the free list.
    pub(crate) fn occupy(&self, new: &Registration) {
        let first = self.sequence.load(Relaxed).wrapping_add(2);
        self.begin_change(first.wrapping_sub(1));
        self.first.store(first, Relaxed);
        self.created.store(new.now, Relaxed);
        self.poll_began.store(0, Relaxed);
        self.poll_ended.store(0, Relaxed);
        self.poll_time.store(0, Relaxed);
        self.address.store(0, Relaxed);
        self.thread.store(0, Relaxed);
        self.task.store(0, Relaxed);
        self.kind.store(ptr::from_ref(new.kind).cast_mut(), Relaxed);
        self.location.store(ptr::from_ref(new.location).cast_mut(), Relaxed);
        self.name.store(new.name.as_deref().unwrap_or(""));
        // Last: a reader that sees the number sees the words.
        self.id.store(new.id, Release);
        self.sequence.store(first, Release);
    }

    /// Takes the slot from its future, whether or not that was being polled.
    pub(crate) fn vacate(&self) {
        let odd = self.sequence.load(Relaxed) | 1;
        // First: with an odd number and still an id it would seem to be polled once more.
        self.id.store(0, Relaxed);
        self.sequence.store(odd.wrapping_add(1), Release);
    }

    fn begin_change(&self, odd: u64) {
        // What was written before, by whoever had the slot then, must be seen with the odd number.
        self.sequence.store(odd, Release);
        // The words written after this must not be seen without the odd number.
        fence(Release);
    }

    /// True before the first poll.
    #[inline]
    pub(crate) fn is_fresh(&self) -> bool {
        self.address.load(Relaxed) == 0
    }

    pub(crate) fn set_task(&self, task: Option<u64>) {
        self.task.store(task.unwrap_or(0), Relaxed);
    }

    #[inline]
    pub(crate) fn poll_begins(&self, address: usize, thread: u32, now: u64) {
        self.begin_change(self.sequence.load(Relaxed).wrapping_add(1));
        self.address.store(address, Relaxed);
        self.thread.store(thread, Relaxed);
        self.poll_began.store(now, Relaxed);
    }

    #[inline]
    pub(crate) fn poll_ends(&self, now: u64) {
        let began = self.poll_began.load(Relaxed);
        self.poll_time.store(self.poll_time.load(Relaxed).wrapping_add(now.saturating_sub(began)), Relaxed);
        self.poll_ended.store(now, Relaxed);
        self.sequence.store(self.sequence.load(Relaxed).wrapping_add(1), Release);
    }

    /// The number that [`Slot::still`] compares.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence.load(Acquire)
    }

    /// Whether nothing happened to the future since `sequence` was read: what was read of it in between,
    /// here and in its own memory, belongs together.
    pub(crate) fn still(&self, sequence: u64) -> bool {
        fence(Acquire);
        self.sequence.load(Relaxed) == sequence
    }

    /// Everything at one moment; `None` for an empty slot.
    ///
    /// An odd number does not spoil a reading as long as it stays the same: while a future is polled
    /// only the four words written at the poll's start may still be on their way, and they are read as one
    /// or the other. Everything else was written before. A slot that is changing hands has no id yet, or no
    /// id any more, or counts backwards.
    pub(crate) fn read(&self) -> Option<Reading> {
        // A dozen tries find a moment of rest in all but the hottest tasks.
        for _ in 0..12 {
            let sequence = self.sequence();
            let reading = self.read_words(sequence);
            if self.still(sequence) {
                return reading;
            }
        }
        // In those the times may be from two polls. They are of the same future: no id is given twice, and it is taken
        // from the slot before anything else is written there.
        let reading = self.read_words(self.sequence())?;
        fence(Acquire);
        (self.id.load(Relaxed) == reading.id).then_some(reading)
    }

    fn read_words(&self, sequence: u64) -> Option<Reading> {
        let id = self.id.load(Acquire);
        // SAFETY: `Slot::occupy` alone writes this word, from a `&'static Kind`; it is null before that.
        let kind = unsafe { self.kind.load(Relaxed).as_ref() }?;
        // SAFETY: `Slot::occupy` alone writes this word, from a `&'static Location`; it is null before that.
        let location = unsafe { self.location.load(Relaxed).as_ref() }?;
        let count = sequence.wrapping_sub(self.first.load(Relaxed));
        let task = self.task.load(Relaxed);
        (id != 0 && count < u64::MAX / 2).then(|| Reading {
            id,
            polling: count % 2 == 1,
            polls: count.div_ceil(2),
            poll_began: self.poll_began.load(Relaxed),
            poll_ended: self.poll_ended.load(Relaxed),
            poll_time: self.poll_time.load(Relaxed),
            created: self.created.load(Relaxed),
            thread: self.thread.load(Relaxed),
            address: self.address.load(Relaxed),
            task: (task != 0).then_some(task),
            kind,
            location,
            name: self.name.load(),
        })
    }
}
