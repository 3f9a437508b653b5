//! What is held open: the directory, the memory's file, and the spare descriptors.

use super::SPARE_DESCRIPTORS;
use rustix::fd::{AsFd, IntoRawFd as _, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::{DupFlags, Errno};
use rustix::process::Resource;
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

/// What tells a descriptor of ours from another that has got its number since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    flags: OFlags,
}

impl Identity {
    fn of(descriptor: impl AsFd) -> Option<Identity> {
        let stat = rustix::fs::fstat(&descriptor).ok()?;
        let flags = rustix::fs::fcntl_getfl(&descriptor).ok()?;
        Some(Identity { device: stat.st_dev, inode: stat.st_ino, flags })
    }
}

/// A descriptor that is closed at the end if it still is the one that was opened.
#[derive(Debug)]
pub(crate) struct Kept {
    descriptor: Option<OwnedFd>,
    identity: Identity,
}

impl Kept {
    fn new(descriptor: OwnedFd) -> Option<Kept> {
        let identity = Identity::of(&descriptor)?;
        // With no number left above, it stays where it is.
        let moved = [LOWEST_NUMBER, LOWEST_NUMBER.min(half_of_limit())]
            .into_iter()
            .find_map(|least| rustix::io::fcntl_dupfd_cloexec(&descriptor, least).ok());
        Some(Kept { descriptor: Some(moved.unwrap_or(descriptor)), identity })
    }

    /// The descriptor, if it still is ours.
    pub fn get(&self) -> Option<&OwnedFd> {
        self.descriptor.as_ref().filter(|descriptor| Identity::of(descriptor) == Some(self.identity))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let is_ours = self.get().is_some();
        if let Some(descriptor) = self.descriptor.take()
            && !is_ours
        {
            // Closed by someone else: whoever has the number now keeps it.
            let _ = descriptor.into_raw_fd();
        }
    }
}

fn half_of_limit() -> i32 {
    let limit = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    i32::try_from(limit / 2).unwrap_or(i32::MAX)
}

/// All that is held by one process.
#[derive(Debug)]
pub(super) struct Held {
    /// The process that it is of use to: not one that was forked from it.
    pub process: u32,
    /// `/proc/self`.
    directory: Mutex<Option<Arc<Kept>>>,
    /// `/proc/self/mem`: after a change of user it cannot be opened any more.
    memory: Mutex<Option<Arc<Kept>>>,
    spares: Mutex<Vec<Kept>>,
}

impl Held {
    pub fn open() -> Held {
        let held = Held {
            process: std::process::id(),
            directory: Mutex::default(),
            memory: Mutex::default(),
            spares: Mutex::default(),
        };
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
        if self.memory().is_none() {
            set(&self.memory, open_below(&directory, Path::new("mem"), OFlags::RDONLY | OFlags::CLOEXEC));
        }
        let Some(mut spares) = lock(&self.spares) else { return };
        spares.retain(|spare| spare.get().is_some());
        while spares.len() < SPARE_DESCRIPTORS {
            // Files of their own, not duplicates: the whole system may be short of files too.
            let Some(spare) = open_below(&directory, Path::new("."), DIRECTORY).ok().and_then(Kept::new)
            else {
                break;
            };
            spares.push(spare);
        }
    }

    pub fn directory(&self) -> Option<Arc<Kept>> {
        get(&self.directory)
    }

    pub fn memory(&self) -> Option<Arc<Kept>> {
        get(&self.memory)
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
        if let Some(identity) = Identity::of(&descriptor)
            && let Some(mut spares) = lock(&self.spares)
        {
            spares.push(Kept { descriptor: Some(descriptor), identity });
        }
    }
}

/// It is looked up from, and its flags tell it from a directory that anyone else would open.
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A file below a directory that is held.
pub(super) fn open_below(directory: &Kept, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let directory = directory.get().ok_or(Errno::BADF)?;
    rustix::fs::openat(directory, path, flags, Mode::empty())
}

fn get(kept: &Mutex<Option<Arc<Kept>>>) -> Option<Arc<Kept>> {
    lock(kept)?.clone().filter(|kept| kept.get().is_some())
}

fn set(place: &Mutex<Option<Arc<Kept>>>, opened: Result<OwnedFd, Errno>) {
    if let Ok(opened) = opened
        && let Some(mut place) = lock(place)
    {
        *place = Kept::new(opened).map(Arc::new);
    }
}
