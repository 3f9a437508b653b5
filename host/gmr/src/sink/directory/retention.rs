//! Retention: which report files of a service stay in their directory.
//!
//! Age is the file system's own account of when a file was made, never the time in its name: that is from a clock which may
//! have run ahead or been set back since. Whatever is later than the report that was just written is left alone for the same
//! reason, and that report itself always stays.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Dir};

use super::file_name;

/// Other processes of the service write into the directory too. What they wrote so short a time ago is not removed: somebody
/// has just asked for it, perhaps of all of them at once.
const FRESH: Duration = Duration::from_secs(60);

/// A report is not held up for longer by a directory that is full of other files: the next one goes on.
const MOST_ENTRIES: usize = 200_000;

/// When a file was made or last changed, by the clock of its file system; then what its name says, for files of one moment.
type Age = ((i64, i64), (String, u32));

/// Removes the oldest reports of this service beyond `keep`, of which the one just written is one. `ours` are those that this
/// process has written.
pub(super) fn remove_oldest(
    directory: BorrowedFd<'_>,
    (service, keep): (&str, u32),
    just_written: &str,
    ours: impl Fn(&str) -> bool,
    deadline: Instant,
) {
    let Some(now) = changed(directory, just_written) else { return };
    let Ok(entries) = Dir::read_from(directory) else { return };
    let mut newest: BinaryHeap<Reverse<(Age, String)>> = BinaryHeap::new();
    for entry in entries.flatten().take(MOST_ENTRIES) {
        let Ok(name) = entry.file_name().to_str() else { continue };
        let Some((moment, number)) = file_name::age(service, name).filter(|_| name != just_written) else {
            continue;
        };
        let Some(time) = changed(directory, name).filter(|time| *time <= now) else { continue };
        newest.push(Reverse(((time, (moment.to_owned(), number)), name.to_owned())));
        if newest.len() < keep as usize {
            continue;
        }
        let Some(Reverse((((seconds, _), _), oldest))) = newest.pop() else { continue };
        let is_fresh = now.0.saturating_sub(seconds) < FRESH.as_secs() as i64;
        if ours(&oldest) || !is_fresh {
            // Another process may have removed it first.
            let _ = rustix::fs::unlinkat(directory, oldest, AtFlags::empty());
        }
        if Instant::now() > deadline {
            return;
        }
    }
}

fn changed(directory: BorrowedFd<'_>, name: &str) -> Option<(i64, i64)> {
    let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    #[allow(clippy::unnecessary_cast, reason = "times are of other widths on other systems")]
    Some((stat.st_ctime as i64, stat.st_ctime_nsec as i64))
}
