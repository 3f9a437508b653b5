//! Mounted file systems, from `/proc/self/mountinfo`. Sizes are asked only of kinds that answer from memory or a local
//! device: one on a server that is gone would hold the report up.

use crate::proc::keys as read;

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    let text = read::text("/proc/self/mountinfo").unwrap_or_default();
    let mut mounts: Vec<Mount> = text.lines().filter_map(parse).take(Mount::MOST).collect();
    for mount in mounts.iter_mut().filter(|mount| LOCAL.contains(&mount.kind.as_str())) {
        if let Ok(sizes) = rustix::fs::statvfs(mount.path.as_str()) {
            mount.size = sizes.f_blocks.checked_mul(sizes.f_frsize);
            mount.free = sizes.f_bavail.checked_mul(sizes.f_frsize);
        }
    }
    mounts
}

/// `26 24 0:24 / /dev/pts rw,relatime shared:1 - devpts devpts rw,mode=600`: an unknown number of fields stand
/// before the dash (proc_pid_mountinfo(5)).
fn parse(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(4);
    let (path, options) = (left.next()?, left.next()?);
    let mut right = right.split(' ');
    let (kind, source, of_super) = (right.next()?, right.next()?, right.next().unwrap_or_default());
    let read_only = [options, of_super].iter().any(|options| options.split(',').any(|option| option == "ro"));
    let (path, source) = (unescape(path), unescape(source));
    Some(Mount { path, source, kind: kind.to_owned(), read_only, size: None, free: None })
}

/// The kernel writes blanks, tabs, line feeds and backslashes as three octal digits.
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(text.to_owned(), |text, (code, character)| text.replace(code, character))
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

    #[test]
    fn fields_are_found_around_the_optional_ones() {
        let mount =
            parse("36 35 98:0 / /mnt/a\\040b ro,noatime master:1 shared:2 - ext3 /dev/root rw,errors=x")
                .unwrap();
        assert_eq!((mount.path.as_str(), mount.kind.as_str()), ("/mnt/a b", "ext3"));
        assert_eq!((mount.source.as_str(), mount.read_only), ("/dev/root", true));
        assert!(!parse("36 35 98:0 / /mnt rw - ext3 /dev/root rw,errors=ro-remount").unwrap().read_only);
        assert_eq!(parse("36 35 98:0 / /mnt rw ext3"), None);
    }
}
