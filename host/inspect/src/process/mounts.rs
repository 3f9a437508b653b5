//! Mounted file systems, from `/proc/self/mountinfo`. Sizes are asked only of kinds that answer from memory
//! or a local device: one on a server that is gone would hold the report up.

use super::file;
use crate::proc::mountinfo;

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mount {
    /// Where.
    pub path: String,
    /// What, such as `/dev/vda1`.
    pub source: String,
    /// Its type, such as `ext4`.
    pub kind: String,
    /// It cannot be written, or not here.
    pub read_only: bool,
    /// Its size in bytes; `None` for types that may not answer.
    pub size: Option<u64>,
    /// What is free of that for this process.
    pub free: Option<u64>,
}

impl Mount {
    /// No more mounts are listed. Hosts of many containers have thousands.
    pub const MOST: usize = 1024;
}

/// Kinds that are asked for their size. `overlay` is not: its layers may lie anywhere.
const LOCAL: [&str; 9] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "vfat", "tmpfs", "ramfs"];

pub(super) fn take() -> Vec<Mount> {
    let lines = mountinfo::parse(&file::read("/proc/self/mountinfo").unwrap_or_default(), Mount::MOST);
    let mount = |mountinfo::Line { path, source, kind, read_only }| Mount {
        path,
        source,
        kind,
        read_only,
        size: None,
        free: None,
    };
    let mut mounts: Vec<Mount> = lines.into_iter().map(mount).collect();
    for mount in mounts.iter_mut().filter(|mount| LOCAL.contains(&mount.kind.as_str())) {
        if let Ok(sizes) = rustix::fs::statvfs(mount.path.as_str()) {
            mount.size = sizes.f_blocks.checked_mul(sizes.f_frsize);
            mount.free = sizes.f_bavail.checked_mul(sizes.f_frsize);
        }
    }
    mounts
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_mounted() {
        let mounts = take();
        assert!(mounts.iter().any(|mount| mount.path == "/"), "{mounts:?}");
        assert!(mounts.iter().any(|mount| mount.kind == "proc" && mount.size.is_none()));
    }
}
