//! The free lists of slots: sixteen, of which each thread uses one.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::slot::{Reading, Slot};

/// Twice the workers of a machine of eight: threads rarely meet at a lock.
const SHARDS: usize = 16;
/// A segment is 48 KiB: worth an allocation, small enough for a program with ten tasks.
const SEGMENT_SLOTS: usize = 256;
/// Sixteen million slots in all, 3 GiB of them.
const SEGMENTS: usize = 4096;

type Segment = [Slot; SEGMENT_SLOTS];

struct Shard {
    free: Mutex<Free>,
    segments: [AtomicPtr<Segment>; SEGMENTS],
    count: AtomicUsize,
}

struct Free {
    slots: Vec<&'static Slot>,
    /// Numbers given out so far; each shard numbers for itself, so that threads do not share a counter.
    issued: u64,
}

static TABLE: [Shard; SHARDS] = [const {
    Shard {
        free: Mutex::new(Free { slots: Vec::new(), issued: 0 }),
        segments: [const { AtomicPtr::new(ptr::null_mut()) }; SEGMENTS],
        count: AtomicUsize::new(0),
    }
}; SHARDS];

/// A slot on loan, to be given back to the free list that it came from.
#[derive(Clone, Copy)]
pub(crate) struct Lease {
    pub(crate) slot: &'static Slot,
    shard: u8,
}

impl Lease {
    pub(crate) fn give_back(self) {
        self.slot.vacate();
        // Never allocates: `grow` made room for every slot of the shard.
        TABLE[usize::from(self.shard)].lock().slots.push(self.slot);
    }
}

/// A free slot and a number never given before; `None` if sixteen million are taken.
pub(crate) fn lease() -> Option<(Lease, u64)> {
    let index = current_thread().shard;
    let shard = &TABLE[usize::from(index)];
    let mut free = shard.lock();
    if free.slots.is_empty() {
        shard.grow(&mut free)?;
    }
    let slot = free.slots.pop()?;
    free.issued += 1;
    let id = (free.issued - 1) * SHARDS as u64 + u64::from(index) + 1;
    Some((Lease { slot, shard: index }, id))
}

/// Every registered future with its slot, oldest registrations not necessarily first.
pub(crate) fn readings() -> Vec<(&'static Slot, Reading)> {
    let mut readings = Vec::new();
    for shard in &TABLE {
        let count = shard.count.load(Acquire).min(SEGMENTS);
        for segment in &shard.segments[..count] {
            // SAFETY: `Shard::grow` alone writes this word, with `Release`, from a segment that is leaked and therefore
            // lives to the end of the process; it is null before that.
            let Some(segment) = (unsafe { segment.load(Acquire).as_ref() }) else { continue };
            let segment: &'static Segment = segment;
            readings.extend(segment.iter().filter_map(|slot| slot.read().map(|reading| (slot, reading))));
        }
    }
    readings
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Free> {
        // Nothing in here is left half done by a panic (of the allocator): the list stays usable.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cold]
    fn grow(&self, free: &mut Free) -> Option<()> {
        let count = self.count.load(Relaxed);
        let place = self.segments.get(count)?;
        free.slots.reserve((count + 1) * SEGMENT_SLOTS);
        let segment: Box<[Slot]> = (0..SEGMENT_SLOTS).map(|_| Slot::new()).collect();
        let segment: &'static Segment = Box::<Segment>::leak(segment.try_into().ok()?);
        place.store(ptr::from_ref(segment).cast_mut(), Release);
        self.count.store(count + 1, Release);
        free.slots.extend(segment.iter().rev());
        Some(())
    }
}

/// What a poll wants to know of the thread that it runs on.
#[derive(Clone, Copy)]
pub(crate) struct CurrentThread {
    /// The kernel's id; 0 where that is not known.
    pub(crate) kernel_id: u32,
    shard: u8,
}

thread_local! {
    static CURRENT: Cell<Option<CurrentThread>> = const { Cell::new(None) };
}

#[inline]
pub(crate) fn current_thread() -> CurrentThread {
    // A future may be dropped by a thread-local's destructor: then the first shard serves as well.
    CURRENT
        .try_with(|current| current.get().unwrap_or_else(|| first_use(current)))
        .unwrap_or_else(|_| number(0))
}

#[cold]
fn first_use(current: &Cell<Option<CurrentThread>>) -> CurrentThread {
    static THREADS: AtomicU64 = AtomicU64::new(0);
    let thread = number((THREADS.fetch_add(1, Relaxed) % SHARDS as u64) as u8);
    current.set(Some(thread));
    thread
}

fn number(shard: u8) -> CurrentThread {
    #[cfg(target_os = "linux")]
    let kernel_id = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
    #[cfg(not(target_os = "linux"))]
    let kernel_id = 0;
    CurrentThread { kernel_id, shard }
}
