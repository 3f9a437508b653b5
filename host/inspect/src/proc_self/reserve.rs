//! What is held open: the directory and the spare descriptors.

use super::SPARE_DESCRIPTORS;
use crate::HeldDescriptor;
use crate::process::soft_limit::{Resource, soft_limit};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::{DupFlags, Errno};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

/// Low numbers stay the application's: `select` takes no others than the first 1,024, and a table of descriptors grows
/// with the largest.
const LOWEST_NUMBER: i32 = 200;

/// Nothing is done under these locks that takes longer than a system call; but a process may have been forked while
/// one was held, and its child would wait for ever.
const TRIES: usize = 1000;

/// The lock, unless whoever has it does not give it back.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    for _ in 0..TRIES {
        match mutex.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
    None
}

/// Holds a descriptor under a high number.
fn held(descriptor: OwnedFd) -> Option<HeldDescriptor> {
    // With no number left above, it stays where it is.
    let moved = [LOWEST_NUMBER, LOWEST_NUMBER.min(half_of_limit())]
        .into_iter()
        .find_map(|least| rustix::io::fcntl_dupfd_cloexec(&descriptor, least).ok());
    HeldDescriptor::new(moved.unwrap_or(descriptor)).ok()
}

/// Holds a descriptor under the number that it has.
fn held_low(descriptor: OwnedFd) -> Option<HeldDescriptor> {
    HeldDescriptor::new(descriptor).ok()
}

fn half_of_limit() -> i32 {
    let limit = soft_limit(Resource::Descriptors).unwrap_or(u64::MAX);
    i32::try_from(limit / 2).unwrap_or(i32::MAX)
}

/// All that is held by one process.
#[derive(Debug)]
pub(super) struct Held {
    /// The process that it is of use to: not one that was forked from it.
    pub process: u32,
    /// `/proc/self`.
    directory: Mutex<Option<Arc<HeldDescriptor>>>,
    spares: Mutex<Vec<HeldDescriptor>>,
}

impl Held {
    pub fn open() -> Held {
        let held =
            Held { process: std::process::id(), directory: Mutex::default(), spares: Mutex::default() };
        held.refill();
        held
    }

    /// Opens again what was given up, has been closed by someone else, or could not be opened before.
    pub fn refill(&self) {
        if self.directory().is_none() {
            let by_path = rustix::fs::openat(CWD, "/proc/self", DIRECTORY, Mode::empty());
            set(&self.directory, by_path);
        }
        let Some(directory) = self.directory() else { return };
        let Some(mut spares) = lock(&self.spares) else { return };
        spares.retain(|spare| spare.get().is_some());
        while spares.len() < SPARE_DESCRIPTORS {
            // Files of their own, not duplicates: the whole system may be short of files too.
            let spare = open_below(&directory, Path::new("."), DIRECTORY);
            // The first ones stay low: a limit that is lowered later forbids high numbers.
            let hold = if spares.len() < SPARE_DESCRIPTORS / 2 { held_low } else { held };
            let Some(spare) = spare.ok().and_then(hold) else { break };
            spares.push(spare);
        }
    }

    pub fn directory(&self) -> Option<Arc<HeldDescriptor>> {
        get(&self.directory)
    }

    /// Closes a spare descriptor. Returns whether there was one.
    pub fn give_up_one(&self) -> bool {
        let Some(mut spares) = lock(&self.spares) else { return false };
        while let Some(spare) = spares.pop() {
            if spare.get().is_some() {
                return true;
            }
        }
        false
    }

    /// Makes a spare descriptor of this one, whose file is closed by that. At no moment is the number free: others
    /// that wait for one would take it.
    pub fn take_back(&self, mut descriptor: OwnedFd) {
        let Some(directory) = self.directory() else { return };
        let Some(directory) = directory.get() else { return };
        if rustix::io::dup3(directory, &mut descriptor, DupFlags::CLOEXEC).is_err() {
            return;
        }
        if let Ok(spare) = HeldDescriptor::new(descriptor)
            && let Some(mut spares) = lock(&self.spares)
        {
            spares.push(spare);
        }
    }
}

/// It is looked up from, and its flags tell it from a directory that anyone else would open.
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A file below a directory that is held.
pub(super) fn open_below(directory: &HeldDescriptor, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let directory = directory.get().ok_or(Errno::BADF)?;
    rustix::fs::openat(directory, path, flags, Mode::empty())
}

fn get(kept: &Mutex<Option<Arc<HeldDescriptor>>>) -> Option<Arc<HeldDescriptor>> {
    lock(kept)?.clone().filter(|kept| kept.get().is_some())
}

fn set(place: &Mutex<Option<Arc<HeldDescriptor>>>, opened: Result<OwnedFd, Errno>) {
    if let Ok(opened) = opened
        && let Some(mut place) = lock(place)
    {
        *place = held(opened).map(Arc::new);
    }
}
