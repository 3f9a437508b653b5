//! Where what a thread waits for lies, whether somebody has it, and who, if the lock itself says so.
//!
//! Who wakes a waiter has mostly given the lock free before, so the lock's own word is read first: of a lock that nobody
//! has, no edge is drawn, since it is being handed over.

use super::ways::{Place, Way};
use crate::holds::{Kind, Library, Object, Word};
use crate::memory::{self, read_word};

/// What is waited for, as memory tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Located {
    pub object: Object,
    /// The kernel's id of the thread that has it, if that is stored with it.
    pub owner: Option<u32>,
    /// The word that says that it is held, and the one that says by whom.
    pub words: [Option<Word>; 2],
}

impl Located {
    fn at(object: Object, word: Option<Word>) -> Located {
        Located { object, owner: None, words: [word, None] }
    }

    /// Something of this kind whose address is not known.
    fn nowhere(way: &Way) -> Located {
        Located::at(Object::new(way.library, way.kind, 0, 0), None)
    }

    /// A stored owner counts if it is a thread of this process: another C library lays its locks out in another way.
    fn owned(self, thread: u32, address: u64, is_thread: impl Fn(u32) -> bool) -> Located {
        if thread == 0 || !is_thread(thread) {
            return self;
        }
        let [held, _] = self.words;
        Located { owner: Some(thread), words: [held, word_of_half(address, u32::MAX, thread)], ..self }
    }
}

/// Where the key is in `ThreadData` of parking_lot_core 0.9.12, from the word of it that the thread waits on: it comes
/// first, three words before the parker.
pub(super) const PARKING_LOT_KEY: i64 = -32;

/// Looks at what a thread waits for in this way in the futex at that address; `None` if nobody has it at the moment.
/// `is_thread` says whether a number is the kernel's id of a thread of this process.
pub(super) fn locate(
    way: &Way,
    futex: u64,
    parking_lot_key: i64,
    is_thread: impl Fn(u32) -> bool,
) -> Option<Located> {
    let object = |start, size| Object::new(way.library, way.kind, start, size);
    match (way.place, way.library, way.kind) {
        (Place::Channel, ..) => Some(Located::nowhere(way)),
        // Its own: no other thread waits there.
        (Place::Stacks, ..) => Some(Located::at(object(futex, 4), None)),
        (Place::ThreadId, ..) => thread_end(futex, is_thread),
        (Place::PosixRwLock, ..) => posix_rwlock(futex, is_thread),
        (Place::ParkingLotKey(bits), _, kind) => {
            match read_word(futex.wrapping_add_signed(parking_lot_key)) {
                Some(key) => parking_lot(way, kind, key & bits),
                None => Some(Located::nowhere(way)),
            }
        }
        (Place::Futex(before), Library::Pthread, Kind::Mutex) => {
            posix_mutex(futex.checked_sub(before)?, is_thread)
        }
        (Place::Futex(before), _, Kind::Condvar | Kind::Barrier) => {
            Some(Located::at(object(futex.checked_sub(before)?, 4), None))
        }
        (Place::Futex(before), _, kind) => {
            let start = futex.checked_sub(before)?;
            // 0 is free for a mutex (`UNLOCKED`) and done for an initialiser (`COMPLETE`).
            let (bits, size) = if kind == Kind::RwLock { (STD_HOLDERS, 8) } else { (u32::MAX, 4) };
            let state = half(start)? & bits;
            (state != 0).then(|| Located::at(object(start, size), word_of_half(start, bits, state)))
        }
    }
}

/// The bits of the state of std's `RwLock` that count readers, or are all set for a writer (`MASK`).
const STD_HOLDERS: u32 = (1 << 30) - 1;

/// `pthread_join` waits for the id in `struct pthread.tid`, which the kernel clears when the thread ends.
fn thread_end(futex: u64, is_thread: impl Fn(u32) -> bool) -> Option<Located> {
    let thread = half(futex)?;
    let object = Object::new(Library::Pthread, Kind::ThreadEnd, u64::from(thread), 1);
    let word = word_of_half(futex, u32::MAX, thread);
    (thread != 0).then(|| Located::at(object, word).owned(thread, futex, is_thread))
}

/// glibc's `struct __pthread_mutex_s`: `__lock`, `__count`, `__owner`; 40 bytes on x86-64, 48 on AArch64.
fn posix_mutex(start: u64, is_thread: impl Fn(u32) -> bool) -> Option<Located> {
    const OWNER: u64 = 8;
    let object = Object::new(Library::Pthread, Kind::Mutex, start, 40);
    let lock = half(start)?;
    let located = Located::at(object, word_of_half(start, u32::MAX, lock));
    let owner = start.checked_add(OWNER)?;
    (lock != 0).then(|| located.owned(half(owner).unwrap_or(0), owner, is_thread))
}

/// glibc's `struct __pthread_rwlock_arch_t`: `__readers`, `__writers`, `__wrphase_futex`, `__writers_futex`, two words of
/// padding, `__cur_writer`. It is aligned to 8 bytes, which tells the two futexes apart.
fn posix_rwlock(futex: u64, is_thread: impl Fn(u32) -> bool) -> Option<Located> {
    const CURRENT_WRITER: u64 = 24;
    /// What `__readers` counts by (`PTHREAD_RWLOCK_READER_SHIFT`).
    const READER: u32 = 1 << 3;
    let start = futex.checked_sub(if futex.is_multiple_of(8) { 8 } else { 12 })?;
    let object = Object::new(Library::Pthread, Kind::RwLock, start, 56);
    let owner = start.checked_add(CURRENT_WRITER)?;
    let (readers, writer) = (half(start)?, half(owner)?);
    if writer == 0 {
        let readers = readers & !(READER - 1);
        let word = word_of_half(start, !(READER - 1), readers);
        return (readers != 0).then(|| Located::at(object, word));
    }
    Some(Located::at(object, None).owned(writer, owner, is_thread))
}

/// parking_lot's states: `RawMutex` and `Once` have a byte each, `RawRwLock` a word. What somebody waits for has the bit
/// that says so; without that the key was none.
fn parking_lot(way: &Way, kind: Kind, start: u64) -> Option<Located> {
    if kind == Kind::Condvar {
        return Some(Located::at(Object::new(way.library, kind, start, 8), None));
    }
    // Which bits say that somebody waits, and which that somebody has it: `PARKED_BIT` and `LOCKED_BIT`;
    // `PARKED_BIT` and `WRITER_PARKED_BIT`, and all others.
    let (parked, held, size) = match kind {
        Kind::Once => (8, 4, 1),
        Kind::RwLock => (0b11, !0b11, 8),
        _ => (0b10, 0b01, 1),
    };
    let mut bytes = [0; 8];
    let read = bytes.get_mut(..size).is_some_and(|bytes| memory::read(start, bytes).is_ok());
    let state = u64::from_le_bytes(bytes);
    if !read || state & parked == 0 {
        return Some(Located::nowhere(way));
    }
    let object = Object::new(way.library, kind, start, size as u64);
    let word = word_of(start, size, held, state & held);
    (state & held != 0).then(|| Located::at(object, word))
}

/// The four bytes at an address.
fn half(address: u64) -> Option<u32> {
    let mut bytes = [0; 4];
    memory::read(address, &mut bytes).ok()?;
    Some(u32::from_ne_bytes(bytes))
}

fn word_of_half(address: u64, bits: u32, value: u32) -> Option<Word> {
    word_of(address, 4, bits.into(), value.into())
}

/// Some bits of a value of so many bytes, as bits of the aligned word that it lies in.
fn word_of(address: u64, size: usize, bits: u64, value: u64) -> Option<Word> {
    let within = address % 8;
    // Both architectures put the lowest byte first.
    let shift = within * 8;
    let whole = within + size as u64 <= 8;
    let word = Word { address: address - within, mask: bits << shift, value: value << shift };
    whole.then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holds::threads::ways::all;
    use std::ptr::from_ref;

    /// The way of a library's kind, for who wants it alone.
    fn way(library: Library, kind: Kind) -> &'static Way {
        all().find(|way| way.library == library && way.kind == kind).unwrap()
    }

    fn address<T>(of: &T) -> u64 {
        from_ref(of) as u64
    }

    const ALL: fn(u32) -> bool = |_| true;

    fn holds(word: Option<Word>) -> bool {
        word.is_some_and(|word| read_word(word.address).is_some_and(|now| now & word.mask == word.value))
    }

    #[repr(align(8))]
    struct Halves<const COUNT: usize>([u32; COUNT]);

    #[test]
    fn a_lock_that_nobody_has_is_being_handed_over() {
        let state = |value| Halves([0, value]);
        for (kind, value, taken) in
            [(Kind::Mutex, 0, false), (Kind::Mutex, 2, true), (Kind::Once, 0, false), (Kind::Once, 5, true)]
        {
            let halves = state(value);
            let at = address(&halves.0[1]);
            let found = locate(way(Library::Std, kind), at, 0, ALL);
            assert_eq!(found.is_some(), taken, "{kind:?} {value}");
            if let Some(found) = found {
                assert_eq!((found.object.start, found.owner), (at, None));
                assert!(holds(found.words[0]));
            }
        }
        // Readers and writers wait, and nobody has it.
        let lock = Halves([3 << 30, 0]);
        let reader = way(Library::Std, Kind::RwLock);
        assert_eq!(locate(reader, address(&lock), 0, ALL), None);
        let lock = Halves([3 << 30 | 1, 0]);
        assert!(holds(locate(reader, address(&lock), 0, ALL).unwrap().words[0]));
    }

    #[test]
    fn the_c_librarys_locks_say_who_has_them() {
        let mutex = Halves([2, 0, 77, 1]);
        let found = locate(way(Library::Pthread, Kind::Mutex), address(&mutex), 0, ALL).unwrap();
        assert_eq!((found.owner, found.object.start), (Some(77), address(&mutex)));
        assert!(found.words.into_iter().all(holds));
        let unknown = locate(way(Library::Pthread, Kind::Mutex), address(&mutex), 0, |_| false).unwrap();
        assert_eq!(unknown.owner, None);
        let free = Halves([0, 0, 77, 1]);
        assert_eq!(locate(way(Library::Pthread, Kind::Mutex), address(&free), 0, ALL), None);

        let lock = Halves([0, 0, 1, 1, 0, 0, 78, 0]);
        for futex in [2, 3] {
            let found = locate(way(Library::Pthread, Kind::RwLock), address(&lock.0[futex]), 0, ALL).unwrap();
            assert_eq!((found.owner, found.object.start), (Some(78), address(&lock)));
        }
        let read = Halves([16, 0, 1, 1, 0, 0, 0, 0]);
        let found = locate(way(Library::Pthread, Kind::RwLock), address(&read.0[2]), 0, ALL).unwrap();
        assert_eq!(found.owner, None);
        assert!(holds(found.words[0]));

        let thread = 79_u32;
        let found = locate(way(Library::Pthread, Kind::ThreadEnd), address(&thread), 0, ALL).unwrap();
        assert_eq!((found.owner, found.object.start), (Some(79), 79));
        assert_eq!(locate(way(Library::Pthread, Kind::ThreadEnd), address(&0_u32), 0, ALL), None);
    }

    #[test]
    fn parking_lots_key_counts_if_somebody_waits_there() {
        let check = |kind, state: u64, key: u64, expected: Option<bool>| {
            let state = [state];
            let data = [address(&state) | key, 0, 0, 0, 0];
            let found = locate(way(Library::ParkingLot, kind), address(&data[4]), PARKING_LOT_KEY, ALL);
            let found = found.map(|found| {
                assert!(found.object.start == 0 || holds(found.words[0]));
                found.object.start == address(&state)
            });
            assert_eq!(found, expected, "{kind:?} {state:x?}");
        };
        check(Kind::Mutex, 0b11, 0, Some(true));
        check(Kind::Mutex, 0b10, 0, None);
        // Nobody waits there: another version has another layout.
        check(Kind::Mutex, 0b01, 0, Some(false));
        check(Kind::RwLock, 0x11, 0, Some(true));
        check(Kind::RwLock, 0x12, 1, Some(true));
        check(Kind::RwLock, 3, 0, None);
        let found = locate(way(Library::ParkingLot, Kind::Mutex), 64, PARKING_LOT_KEY, ALL);
        assert_eq!(found.map(|found| found.object.start), Some(0), "unreadable");
    }
}
