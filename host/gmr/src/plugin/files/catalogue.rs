//! The plugins as they stand: which files there are, which of them are ready, what is wrong with the others. Plain
//! bookkeeping; loading is the [`loader`](super::loading)'s.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use crate::plugin::sandbox::handle::Loaded;

/// All plugin files.
#[derive(Default)]
pub struct Shelf {
    pub entries: BTreeMap<PathBuf, Entry>,
    /// What is wrong with the folders or the watch, each in one line.
    pub problems: Vec<String>,
    /// Why the plugin that was compiled last is not in the cache.
    pub not_cached: Option<String>,
}

/// A plugin file.
pub struct Entry {
    /// The plugin's name; the file's if that is none.
    pub name: String,
    pub enabled: bool,
    /// What the file was when it was last looked into.
    pub seen: Option<Fingerprint>,
    /// The last that loaded. It serves until another loads or the file is gone.
    pub good: Option<Good>,
    /// Why the file, as it is now, does not load.
    pub problem: Option<String>,
    /// The file has to be compiled first.
    pub pending: Option<Pending>,
    pub record: Arc<Record>,
}

/// A compilation that is to come or goes on.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// What the file was when it was last looked into.
    pub seen: Fingerprint,
    /// When its turn came; until then it waits for others.
    pub since: Option<Timestamp>,
}

/// A plugin that is ready, and how it became so.
#[derive(Clone)]
pub struct Good {
    pub loaded: Arc<Loaded>,
    pub took: Duration,
    pub from_cache: bool,
}

/// What happened in the calls of a plugin, across its versions.
#[derive(Debug, Default)]
pub struct Record {
    pub calls: AtomicU64,
    pub failures: AtomicU64,
    /// A call has not come back.
    pub busy: AtomicBool,
    pub last: Mutex<Option<Last>>,
}

/// The last call.
#[derive(Clone, Debug)]
pub struct Last {
    pub took: Duration,
    pub memory_bytes: u64,
}

impl Entry {
    pub fn new(name: String, enabled: bool) -> Entry {
        let record = Arc::new(Record::default());
        Entry { name, enabled, seen: None, good: None, problem: None, pending: None, record }
    }
}

/// What tells that a file has changed, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Fingerprint {
    /// The kernel's clock for files ticks every 1 to 10 ms: what changed so recently may change again unnoticed.
    pub const TICK: Duration = Duration::from_millis(20);

    /// Of the form that [`Fingerprint::to_bytes`] gives.
    pub const BYTES: usize = 7 * 8;

    pub fn of(metadata: &std::fs::Metadata) -> Fingerprint {
        use std::os::unix::fs::MetadataExt as _;
        Fingerprint {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// For comparison on the same machine.
    pub fn to_bytes(self) -> [u8; Fingerprint::BYTES] {
        let Fingerprint { device, inode, size, modified, changed } = self;
        let times = [modified.0, modified.1, changed.0, changed.1].map(i64::to_ne_bytes);
        let numbers = [device, inode, size].map(u64::to_ne_bytes);
        let mut bytes = [0; Fingerprint::BYTES];
        let words = numbers.iter().chain(&times);
        bytes.chunks_exact_mut(8).zip(words).for_each(|(place, word)| place.copy_from_slice(word));
        bytes
    }

    /// How long to wait until a further change will show; `None` if it will now.
    pub fn unsettled(&self, now: SystemTime) -> Option<Duration> {
        let (seconds, nanoseconds) = self.changed;
        let since_1970 = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanoseconds).ok()?);
        // A clock that was set back leaves changes in the future; those are not waited for.
        let age = now.duration_since(SystemTime::UNIX_EPOCH.checked_add(since_1970)?).ok()?;
        Fingerprint::TICK.checked_sub(age).filter(|remaining| !remaining.is_zero())
    }
}

impl Shelf {
    /// Forgets files that are gone.
    pub fn retain(&mut self, files: &[PathBuf]) {
        self.entries.retain(|path, _| files.contains(path));
    }

    /// The plugins that are ready, in the order of their sections.
    pub fn ready(&self) -> Vec<(PathBuf, Good, Arc<Record>)> {
        let ready = self.entries.iter().filter(|(_, entry)| entry.enabled);
        let ready =
            ready.filter_map(|(path, entry)| Some((path.clone(), entry.good.clone()?, entry.record.clone())));
        let mut ready: Vec<_> = ready.collect();
        ready.sort_by(|(_, a, _), (_, b, _)| {
            let key = |good: &Good| (good.loaded.description.order, good.loaded.callee.identity.name.clone());
            key(a).cmp(&key(b))
        });
        ready
    }

    /// The file that has this name already.
    pub fn other_of(&self, name: &str, path: &Path) -> Option<PathBuf> {
        self.entries
            .iter()
            .find(|(other, entry)| entry.name == name && *other != path)
            .map(|(other, _)| other.clone())
    }
}

#[cfg(test)]
impl Fingerprint {
    /// Of a file that has not changed for long; each number is another file.
    pub fn for_tests(number: i64) -> Fingerprint {
        Fingerprint { device: 0, inode: 0, size: 0, modified: (0, 0), changed: (number, 0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_settles_after_a_tick_of_the_file_clock() {
        let changed = |seconds, nanoseconds| Fingerprint {
            device: 0,
            inode: 0,
            size: 0,
            modified: (0, 0),
            changed: (seconds, nanoseconds),
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        assert_eq!(changed(99, 985_000_000).unsettled(now), Some(Duration::from_millis(5)));
        assert_eq!(changed(99, 980_000_000).unsettled(now), None);
        assert_eq!(changed(101, 0).unsettled(now), None, "not from the future");
        assert_eq!(changed(-1, 0).unsettled(now), None);
    }
}
