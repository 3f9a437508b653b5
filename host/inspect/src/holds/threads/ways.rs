//! The ways in which a thread waits for another one, as its innermost frames tell them.
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
//!
//! `thread::park` and what a pool's idle thread waits for are no waits: they tell nothing.

use super::plain_name::{plain, plain_c};
use crate::holds::{Kind, Library, Want};
use crate::symbols::Symbol;
use crate::threads::Frame;

/// Where the address of what is waited for comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
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
pub(super) struct Way {
    /// Paths of functions; those that begin with one are meant, and what is nested in them.
    functions: &'static [&'static str],
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
static BLOCKING: [Way; 16] = [
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
static C_LIBRARY: Way = way(
    &["lll_lock_wait", "lll_lock_wait_private"],
    Library::Pthread,
    Kind::Mutex,
    Want::Exclusive,
    Place::Futex(0),
);

/// What waits by a condition variable or by parking: what is made of these, the innermost first.
static BUILT_UPON: [Way; 9] = [
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

/// What runs an initialiser.
const ONCE: [&str; 2] =
    ["std::sys::sync::once::futex::Once::call", "parking_lot::once::Once::call_once_slow"];

/// What parks a thread.
const PARKER: &str = "std::sys::sync::thread_parking::futex::Parker";

/// Libraries whose functions may stand between what blocks and the program.
const LIBRARIES: [&str; 14] = [
    "std::",
    "core::",
    "alloc::",
    "parking_lot::",
    "parking_lot_core::",
    "lock_api::",
    "crossbeam_channel::",
    "crossbeam_utils::",
    "rayon_core::",
    "rayon::",
    "once_cell::",
    "tokio::",
    "futures_executor::",
    "futures_util::",
];

/// Those whose threads wait for work by a condition variable: an idle one waits for nobody.
const POOLS: [&str; 3] = ["tokio::", "rayon_core::", "rayon::"];

/// All ways.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static Way> {
    BLOCKING.iter().chain(&BUILT_UPON)
}

/// How a thread waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub way: &'static Way,
    /// The frame of the function that tells it.
    pub frame: usize,
}

/// More frames than these do not lie between a system call and what it was made for.
const DEEPEST: usize = 24;

/// How a thread with these frames waits that is in a futex; `None` if for nobody, or in no known way.
pub(super) fn waiting(frames: &[Frame]) -> Option<Waiting> {
    let symbols = frames.iter().enumerate().take(DEEPEST);
    let symbols = symbols.flat_map(|(frame, of)| of.symbols.iter().map(move |symbol| (frame, symbol)));
    let mut search = Search { fallback: None, by_condition: false };
    for (frame, symbol) in symbols {
        match search.step(frame, symbol) {
            Step::On => {}
            Step::Found(way) => return Some(Waiting { way, frame }),
            Step::Over => break,
        }
    }
    let (way, frame) = search.fallback?;
    Some(Waiting { way, frame })
}

struct Search {
    /// What it is if callers tell no more.
    fallback: Option<(&'static Way, usize)>,
    /// A condition variable or a parked thread: what for, callers tell.
    by_condition: bool,
}

enum Step {
    On,
    Found(&'static Way),
    Over,
}

impl Search {
    fn step(&mut self, frame: usize, symbol: &Symbol) -> Step {
        let name = plain(&symbol.function);
        let is_c = !name.contains("::");
        let name = if is_c { plain_c(&name) } else { &name };
        let is_met = |way: &&Way| way.functions.iter().any(|path| begins(name, path, is_c));
        if self.by_condition {
            if let Some(way) = BUILT_UPON.iter().find(is_met) {
                return Step::Found(way);
            }
            if POOLS.iter().any(|pool| name.starts_with(pool)) {
                self.fallback = None;
            }
        } else if let Some(way) = BLOCKING.iter().find(is_met) {
            if way.kind != Kind::Condvar {
                return Step::Found(way);
            }
            self.fallback = Some((way, frame));
            self.by_condition = true;
        } else if name.starts_with(PARKER) {
            self.by_condition = true;
        } else if is_met(&&C_LIBRARY) {
            self.fallback = Some((&C_LIBRARY, frame));
        }
        if is_c || is_library(name) { Step::On } else { Step::Over }
    }
}

/// Whether a frame, or what was folded into it, is the function of that path, nested in it or below that module.
pub(super) fn is_in(frame: &Frame, path: &str) -> bool {
    frame.symbols.iter().any(|symbol| begins(&plain(&symbol.function), path, false))
}

/// Whether something is initialised once in a frame.
pub(super) fn is_in_once(frame: &Frame) -> bool {
    ONCE.iter().any(|path| is_in(frame, path))
}

/// Whether a function is none of a library's that locks or waits.
pub(super) fn is_own(symbol: &Symbol) -> bool {
    let name = plain(&symbol.function);
    name.contains("::") && !is_library(&name)
}

/// Whether a function is the one of that path or nested in it; of C's the one of that name alone.
fn begins(name: &str, path: &str, is_c: bool) -> bool {
    let rest = name.strip_prefix(path);
    rest.is_some_and(|rest| rest.is_empty() || !is_c && (rest.starts_with("::") || path.ends_with("::")))
}

fn is_library(name: &str) -> bool {
    LIBRARIES.iter().any(|library| name.starts_with(library))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::CodeAddress;
    use std::sync::Arc;

    /// The wait of a thread with these functions, the innermost first, each a frame.
    #[track_caller]
    fn check(functions: &[&str], expected: Option<(Library, Kind, Want, usize)>) {
        let frames = functions.iter().map(|function| Frame {
            symbols: Arc::new([Symbol::new(*function)]),
            ..Frame::new(CodeAddress::Return(1))
        });
        let found = waiting(&frames.collect::<Vec<_>>());
        let found = found.map(|found| (found.way.library, found.way.kind, found.way.want, found.frame));
        assert_eq!(found, expected, "{functions:?}");
    }

    const FUTEX: [&str; 2] = ["syscall", "std::sys::pal::unix::futex::futex_wait"];
    const CONDITION: &str = "<std::sys::sync::condvar::futex::Condvar>::wait";
    const PARKED: [&str; 2] = ["<std::sys::sync::thread_parking::futex::Parker>::park", "std::thread::park"];

    #[track_caller]
    fn check_futex(above: &[&str], expected: Option<(Library, Kind, Want, usize)>) {
        check(&[&FUTEX, above].concat(), expected);
    }

    #[test]
    fn locks_are_told_by_the_innermost_function() {
        let mutex = Some((Library::Std, Kind::Mutex, Want::Exclusive, 2));
        check_futex(&["std::sys::sync::mutex::futex::Mutex::lock_contended", "app::work"], mutex);
        // Within an initialiser, a scope and a channel of the program's.
        let outer = ["<std::sys::sync::once::futex::Once>::call", "std::thread::scoped::scope::<app::f, ()>"];
        let functions = [&["<std::sys::sync::mutex::futex::Mutex>::lock_contended"][..], &outer].concat();
        check_futex(&functions, mutex);
        check_futex(
            &["<std::sys::sync::rwlock::futex::RwLock>::write_contended"],
            Some((Library::Std, Kind::RwLock, Want::Exclusive, 2)),
        );
        check_futex(
            &["<std::sys::sync::once::futex::Once>::call", "<std::sync::lazy_lock::LazyLock<u8>>::force"],
            Some((Library::Std, Kind::Once, Want::End, 2)),
        );
        check(
            &["<parking_lot::raw_rwlock::RawRwLock>::lock_shared_slow", "app::read"],
            Some((Library::ParkingLot, Kind::RwLock, Want::Shared, 0)),
        );
        check(
            &["__futex_abstimed_wait_common", "__lll_lock_wait", "___pthread_mutex_lock", "main"],
            Some((Library::Pthread, Kind::Mutex, Want::Exclusive, 2)),
        );
        check(
            &["__lll_lock_wait_private", "malloc", "app::work"],
            Some((Library::Pthread, Kind::Mutex, Want::Exclusive, 0)),
        );
        check(
            &[
                "__futex_abstimed_wait_common",
                "__pthread_clockjoin_ex",
                "<std::thread::JoinHandle<()>>::join",
            ],
            Some((Library::Pthread, Kind::ThreadEnd, Want::End, 1)),
        );
    }

    #[test]
    fn what_is_built_upon_a_condition_is_told_by_its_caller() {
        let channel = |want| Some((Library::Std, Kind::Channel, want, 4));
        let call = |function| [&PARKED[..], &[function]].concat();
        check_futex(
            &call("<std::sync::mpmc::list::Channel<u64>>::recv::{closure#1}"),
            channel(Want::Receive),
        );
        check_futex(&call("std::sync::mpmc::array::Channel<T>::send"), channel(Want::Send));
        check_futex(
            &call("std::thread::scoped::scope::<app::f, ()>"),
            Some((Library::Std, Kind::ScopeEnd, Want::End, 4)),
        );
        check_futex(&[CONDITION, "app::work"], Some((Library::Std, Kind::Condvar, Want::End, 2)));
        check_futex(
            &[CONDITION, "<std::sync::barrier::Barrier>::wait"],
            Some((Library::Std, Kind::Barrier, Want::End, 3)),
        );
        check_futex(
            &[CONDITION, "<rayon_core::latch::LockLatch>::wait_and_reset"],
            Some((Library::Rayon, Kind::Work, Want::End, 3)),
        );
        check_futex(
            &[
                CONDITION,
                "<rayon_core::registry::WorkerThread>::wait_until_cold",
                "rayon_core::join::join_context",
            ],
            Some((Library::Rayon, Kind::Work, Want::End, 4)),
        );
    }

    #[test]
    fn who_parks_or_idles_waits_for_nobody() {
        check_futex(&PARKED, None);
        // In the midst of a scope's closure.
        check_futex(&[&PARKED[..], &["app::f", "std::thread::scoped::scope::<app::f, ()>"]].concat(), None);
        let idle = [
            CONDITION,
            "<rayon_core::registry::WorkerThread>::wait_until_cold",
            "rayon_core::registry::main_loop",
        ];
        check_futex(&idle, None);
        check_futex(&[CONDITION, "<tokio::runtime::blocking::pool::Inner>::run"], None);
        check_futex(&["app::own_futex", "<std::sys::sync::mutex::futex::Mutex>::lock_contended"], None);
        check(&[], None);
    }
}
