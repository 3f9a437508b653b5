//! The table of functions that wait for another thread, with where to find what they wait for and who has it.
//!
//! | functions | waits for | its address | who has it, where that is stored |
//! |---|---|---|---|
//! | std `Mutex`, `RwLock` reader, `Once`, `OnceLock`, `LazyLock` | lock, initialiser | the futex | |
//! | std `RwLock` writer | lock | the futex less 4: `writer_notify` follows `state` | |
//! | `pthread_mutex_*lock` | lock | the futex | `__pthread_mutex_s.__owner`, at 8 (glibc) |
//! | `pthread_rwlock_*` | lock | the futex less 8 (`__wrphase_futex`) or 12 (`__writers_futex`) | `__cur_writer`, at 24 |
//! | `pthread_join` | a thread's end | | the futex: `struct pthread.tid` |
//! | parking_lot `Mutex`, `RwLock`, `Once` | lock | `ThreadData.key` of parking_lot_core | |
//! | std `mpsc`, crossbeam-channel | the other end | of a variable | |
//! | `thread::scope`, crossbeam's, rayon's `install`, `join`, `scope` | other threads | in both threads' stacks | |
//! | `Condvar`, `Barrier`, `pthread_cond_*` | whoever notifies | the futex | nobody |

use crate::holds::{Kind, Library, Want};

/// Where the address of what is waited for comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::holds::threads) enum Place {
    /// So many bytes before the futex.
    Futex(u64),
    /// glibc's lock for readers and writers around the futex.
    PosixRwLock,
    /// The key in parking_lot's data of the thread, of which these bits count.
    ParkingLotKey(u64),
    /// The futex has the kernel's id of the thread.
    ThreadId,
    /// A variable of the channel's own functions.
    Channel,
    /// Something that the stacks of both threads have.
    Stacks,
}

/// A way to wait.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::holds::threads) struct Way {
    /// Paths of functions; those that begin with one are meant, and what is nested in them.
    pub(super) functions: &'static [&'static str],
    pub library: Library,
    pub kind: Kind,
    pub want: Want,
    pub place: Place,
}

const fn way(
    functions: &'static [&'static str],
    library: Library,
    kind: Kind,
    want: Want,
    place: Place,
) -> Way {
    Way { functions, library, kind, want, place }
}

/// Functions that block by themselves. Each is told by the innermost one that is met.
pub(super) static BLOCKING: [Way; 16] = [
    way(
        &["std::sys::sync::mutex::futex::Mutex::lock_contended"],
        Library::Std,
        Kind::Mutex,
        Want::Exclusive,
        Place::Futex(0),
    ),
    way(
        &["std::sys::sync::rwlock::futex::RwLock::read_contended"],
        Library::Std,
        Kind::RwLock,
        Want::Shared,
        Place::Futex(0),
    ),
    way(
        &["std::sys::sync::rwlock::futex::RwLock::write_contended"],
        Library::Std,
        Kind::RwLock,
        Want::Exclusive,
        Place::Futex(4),
    ),
    way(
        &["std::sys::sync::condvar::futex::Condvar"],
        Library::Std,
        Kind::Condvar,
        Want::End,
        Place::Futex(0),
    ),
    way(&["std::sys::sync::once::futex::Once"], Library::Std, Kind::Once, Want::End, Place::Futex(0)),
    way(
        &["parking_lot::raw_mutex::RawMutex::lock_slow"],
        Library::ParkingLot,
        Kind::Mutex,
        Want::Exclusive,
        // Its state is a byte, which may lie anywhere.
        Place::ParkingLotKey(u64::MAX),
    ),
    way(
        &["parking_lot::raw_rwlock::RawRwLock::lock_shared_slow"],
        Library::ParkingLot,
        Kind::RwLock,
        Want::Shared,
        PARKING_LOT_WORD,
    ),
    way(
        &[
            "parking_lot::raw_rwlock::RawRwLock::lock_exclusive_slow",
            "parking_lot::raw_rwlock::RawRwLock::lock_upgradable_slow",
            "parking_lot::raw_rwlock::RawRwLock::upgrade_slow",
            "parking_lot::raw_rwlock::RawRwLock::wait_for_readers",
        ],
        Library::ParkingLot,
        Kind::RwLock,
        Want::Exclusive,
        PARKING_LOT_WORD,
    ),
    way(
        &["parking_lot::once::Once::call_once_slow"],
        Library::ParkingLot,
        Kind::Once,
        Want::End,
        Place::ParkingLotKey(u64::MAX),
    ),
    way(&["parking_lot::condvar::Condvar"], Library::ParkingLot, Kind::Condvar, Want::End, PARKING_LOT_WORD),
    way(
        &[
            "pthread_join",
            "pthread_timedjoin_np",
            "pthread_clockjoin",
            "pthread_clockjoin_np",
            "pthread_clockjoin_ex",
        ],
        Library::Pthread,
        Kind::ThreadEnd,
        Want::End,
        Place::ThreadId,
    ),
    way(
        &[
            "pthread_mutex_lock",
            "pthread_mutex_lock_full",
            "pthread_mutex_cond_lock",
            "pthread_mutex_timedlock",
            "pthread_mutex_clocklock",
        ],
        Library::Pthread,
        Kind::Mutex,
        Want::Exclusive,
        Place::Futex(0),
    ),
    way(
        &["pthread_rwlock_rdlock", "pthread_rwlock_timedrdlock", "pthread_rwlock_clockrdlock"],
        Library::Pthread,
        Kind::RwLock,
        Want::Shared,
        Place::PosixRwLock,
    ),
    way(
        &["pthread_rwlock_wrlock", "pthread_rwlock_timedwrlock", "pthread_rwlock_clockwrlock"],
        Library::Pthread,
        Kind::RwLock,
        Want::Exclusive,
        Place::PosixRwLock,
    ),
    way(
        &["pthread_cond_wait", "pthread_cond_timedwait", "pthread_cond_clockwait"],
        Library::Pthread,
        Kind::Condvar,
        Want::End,
        Place::Futex(0),
    ),
    way(&["pthread_barrier_wait"], Library::Pthread, Kind::Barrier, Want::End, Place::Futex(0)),
];

/// The state of `RawRwLock` is a word, and the key of who waits for its readers that word's address with the lowest bit.
const PARKING_LOT_WORD: Place = Place::ParkingLotKey(!1);

/// A lock of the C library's own, below its functions: who has it is not stored.
pub(super) static C_LIBRARY: Way = way(
    &["lll_lock_wait", "lll_lock_wait_private"],
    Library::Pthread,
    Kind::Mutex,
    Want::Exclusive,
    Place::Futex(0),
);

/// What waits by a condition variable or by parking: what is made of these, the innermost first.
pub(super) static BUILT_UPON: [Way; 9] = [
    way(
        &[
            "std::sync::mpmc::list::Channel::recv",
            "std::sync::mpmc::array::Channel::recv",
            "std::sync::mpmc::zero::Channel::recv",
        ],
        Library::Std,
        Kind::Channel,
        Want::Receive,
        Place::Channel,
    ),
    way(
        &[
            "std::sync::mpmc::list::Channel::send",
            "std::sync::mpmc::array::Channel::send",
            "std::sync::mpmc::zero::Channel::send",
        ],
        Library::Std,
        Kind::Channel,
        Want::Send,
        Place::Channel,
    ),
    way(
        &[
            "crossbeam_channel::flavors::list::Channel::recv",
            "crossbeam_channel::flavors::array::Channel::recv",
            "crossbeam_channel::flavors::zero::Channel::recv",
        ],
        Library::Crossbeam,
        Kind::Channel,
        Want::Receive,
        Place::Channel,
    ),
    way(
        &[
            "crossbeam_channel::flavors::list::Channel::send",
            "crossbeam_channel::flavors::array::Channel::send",
            "crossbeam_channel::flavors::zero::Channel::send",
        ],
        Library::Crossbeam,
        Kind::Channel,
        Want::Send,
        Place::Channel,
    ),
    way(&["std::sync::barrier::Barrier::wait"], Library::Std, Kind::Barrier, Want::End, Place::Futex(0)),
    way(&["std::thread::scoped::scope"], Library::Std, Kind::ScopeEnd, Want::End, Place::Stacks),
    way(&["crossbeam_utils::thread::scope"], Library::Crossbeam, Kind::ScopeEnd, Want::End, Place::Stacks),
    way(&["rayon_core::scope::"], Library::Rayon, Kind::ScopeEnd, Want::End, Place::Stacks),
    way(
        &[
            "rayon_core::latch::LockLatch",
            "rayon_core::join::",
            "rayon_core::thread_pool::",
            "rayon_core::broadcast::",
        ],
        Library::Rayon,
        Kind::Work,
        Want::End,
        Place::Stacks,
    ),
];
