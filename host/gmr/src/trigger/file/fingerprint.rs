//! What a path is at one moment, so that a change can be told from an event that changed nothing.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Everything about a path that a touch, a write, a replacement or a change inside alters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(u64);

/// A trigger folder holds a handful of files; of a larger one only so many entries are looked at.
const MOST_ENTRIES: usize = 4096;

impl Fingerprint {
    /// `None` if there is nothing at the path.
    pub(super) fn of(path: &Path) -> Option<Fingerprint> {
        let metadata = path.metadata().ok()?;
        let mut hasher = DefaultHasher::new();
        hash(&metadata, &mut hasher);
        if metadata.is_dir() {
            // Listed in no certain order, so the entries' hashes are added up.
            let entries = path.read_dir().into_iter().flatten().flatten().take(MOST_ENTRIES);
            let sum = entries.fold(0_u64, |sum, entry| {
                let mut hasher = DefaultHasher::new();
                entry.file_name().hash(&mut hasher);
                if let Ok(metadata) = entry.metadata() {
                    hash(&metadata, &mut hasher);
                }
                sum.wrapping_add(hasher.finish())
            });
            sum.hash(&mut hasher);
        }
        Some(Fingerprint(hasher.finish()))
    }
}

/// The change time tells of every touch, even one that sets the old time again or one in the future.
fn hash(metadata: &std::fs::Metadata, hasher: &mut DefaultHasher) {
    let metadata = (
        (metadata.dev(), metadata.ino(), metadata.size()),
        (metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()),
    );
    metadata.hash(hasher);
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
