//! A file's fingerprint: what the kernel says of it, by which a change is told without reading.

use std::time::{Duration, SystemTime};

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
