//! What a path is at one moment, so that a change can be told from an event that changed nothing.

use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use gmr_inspect::FileId;
use rustix::fs::{AtFlags, CWD, FileType, Stat};

use crate::sink::{OwnOutput, is_report_file};

/// Everything about a path that a touch, a write, a replacement or a change inside alters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    id: FileId,
    /// Its size and times.
    state: u64,
    /// What is in a folder, but for report files.
    entries: u64,
    /// The report files in a folder, of whatever process.
    reports: u64,
    /// Whether it is the folder that our reports are written to.
    is_output: bool,
}

/// A trigger folder holds a handful of files; of a larger one only so many entries are looked at.
const MOST_ENTRIES: usize = 4096;

impl Fingerprint {
    /// `None` if there is nothing at the path.
    pub(super) fn of(path: &Path, output: &OwnOutput) -> Option<Fingerprint> {
        let stat = rustix::fs::stat(path).ok()?;
        let id = FileId::of(&stat);
        let is_output = output.is_directory(id);
        let mut fingerprint = Fingerprint { id, state: 0, entries: 0, reports: 0, is_output };
        // Each report changes this one.
        if !output.is_stderr(id) {
            fingerprint.state = hash(&stat);
        }
        if FileType::from_raw_mode(stat.st_mode).is_dir() {
            for entry in path.read_dir().into_iter().flatten().flatten().take(MOST_ENTRIES) {
                fingerprint.add(path, &entry.file_name(), output);
            }
        }
        Some(fingerprint)
    }

    /// Entries are listed in no certain order, so their hashes are added up.
    fn add(&mut self, folder: &Path, name: &OsStr, output: &OwnOutput) {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        if name.to_str().is_some_and(is_report_file) {
            self.reports = self.reports.wrapping_add(hasher.finish());
            return;
        }
        if let Ok(stat) = rustix::fs::statat(CWD, folder.join(name), AtFlags::SYMLINK_NOFOLLOW) {
            let id = FileId::of(&stat);
            id.hash(&mut hasher);
            // What is in a folder below is its own matter, and reports may be written there.
            if !FileType::from_raw_mode(stat.st_mode).is_dir() && !output.is_stderr(id) {
                hash(&stat).hash(&mut hasher);
            }
        }
        self.entries = self.entries.wrapping_add(hasher.finish());
    }

    /// Whether this is a change that asks for a report. A folder's own times are changed by reports that are written into it
    /// too, by this process or another: they count only if no report can have done it.
    pub(super) fn differs_from(&self, last: Option<&Fingerprint>) -> bool {
        let Some(last) = last else { return true };
        let reports = self.is_output || self.reports != last.reports;
        self.id != last.id || self.entries != last.entries || (self.state != last.state && !reports)
    }
}

/// The change time tells of every touch, even one that sets the old time again or one in the future.
fn hash(stat: &Stat) -> u64 {
    let mut hasher = DefaultHasher::new();
    (stat.st_size, stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec).hash(&mut hasher);
    hasher.finish()
}

/// Whether the kernel reports changes that others make there: not on network mounts and FUSE.
#[cfg(target_os = "linux")]
pub(super) fn gives_events(path: &Path) -> bool {
    /// NFS, SMB, CIFS, SMB2, 9P, FUSE, AFS, Ceph, CODA, from Linux's `magic.h` and `statfs(2)`.
    const REMOTE: [u32; 9] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x0102_1997,
        0x6573_5546,
        0x5346_414f,
        0x00c3_6400,
        0x7375_7245,
    ];
    let existing = path.ancestors().find(|path| path.exists());
    let kind = existing.and_then(|path| rustix::fs::statfs(path).ok()).map(|stat| stat.f_type as u32);
    kind.is_none_or(|kind| !REMOTE.contains(&kind))
}

/// Elsewhere notify decides by itself.
#[cfg(not(target_os = "linux"))]
pub(super) fn gives_events(_path: &Path) -> bool {
    true
}
