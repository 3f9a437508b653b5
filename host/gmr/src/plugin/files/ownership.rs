//! Who else may put another file in a plugin's place: a plugin has its grants by its file's name, so whoever may replace
//! that file has them.
//!
//! Trusted are root, the process's user, and the groups of both. Looked at are the file, its folder and all directories
//! above: who may write to one of them may put another in place of what lies there, unless it is sticky, as `/tmp`. What
//! lies on a file system that is mounted read-only cannot be written to in this place, whatever its mode says, as the
//! volumes that Kubernetes makes, which have mode 0777. Access lists beyond the mode are not read.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::StatVfsMountFlags;

/// Who may replace a file, beside those that are trusted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writers {
    /// Nobody.
    Trusted,
    /// One user or group, whom the operator may have chosen: who, in words.
    Some(String),
    /// Every user of the machine: where, in words.
    Everyone(String),
}

const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Who may write to this folder or directory, or replace what lies there.
pub fn of_directory(directory: &Path) -> Writers {
    let Ok(metadata) = std::fs::metadata(directory) else { return Writers::Trusted };
    if is_read_only(directory) { Writers::Trusted } else { of(directory, &metadata) }
}

/// Who may replace the file at this path.
pub fn of_file(file: &Path) -> Writers {
    let real = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    // Where links lie on the way counts as well as where they lead.
    let ancestors = real.ancestors().chain(file.ancestors().skip(1));
    ancestors.map(of_directory).max().unwrap_or(Writers::Trusted)
}

/// That every user of the machine may write to this folder, which lets them add plugins: in words, with its mode.
pub fn open_to_all(directory: &Path) -> Option<String> {
    let metadata = std::fs::metadata(directory).ok().filter(Metadata::is_dir)?;
    if metadata.mode() & OTHERS_WRITE == 0 || is_read_only(directory) {
        return None;
    }
    let (folder, mode) = (directory.display(), metadata.mode() & 0o7777);
    Some(format!("{folder}: every user may write there (mode {mode:04o}), and so add and replace plugins"))
}

fn of(path: &Path, metadata: &Metadata) -> Writers {
    let (shown, mode) = (path.display(), metadata.mode());
    let is_trusted = |id: u32, own: u32| id == 0 || id == own;
    // In a sticky directory each may replace only what is their own, which that itself tells.
    let is_shared = mode & STICKY == 0 || !metadata.is_dir();
    if is_shared && mode & OTHERS_WRITE != 0 {
        return Writers::Everyone(format!("every user may write to {shown} (mode {:04o})", mode & 0o7777));
    }
    if !is_trusted(metadata.uid(), rustix::process::geteuid().as_raw()) {
        return Writers::Some(format!("the user {}, who owns {shown}", metadata.uid()));
    }
    if is_shared
        && mode & GROUP_WRITES != 0
        && !is_trusted(metadata.gid(), rustix::process::getegid().as_raw())
    {
        return Writers::Some(format!("the group {}, which may write to {shown}", metadata.gid()));
    }
    Writers::Trusted
}

fn is_read_only(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::RDONLY))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_is_as_safe_as_the_directories_above_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("above/plugins");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("p.wasm");
        std::fs::write(&file, "").unwrap();
        let above = root.path().join("above");
        for path in [&above, &folder, &file] {
            let usual = std::fs::metadata(path).unwrap().mode();
            // The group is that of the process, as it is where each user has one of their own.
            for (mode, is_open) in [(0o700, false), (0o775, false), (0o777, true), (0o702, true)] {
                set_mode(path, mode);
                let is_remarked = matches!(of_file(&file), Writers::Everyone(_));
                assert_eq!(is_remarked, is_open, "{} {mode:o}", path.display());
            }
            set_mode(path, 0o1777);
            let is_open = matches!(of_file(&file), Writers::Everyone(_));
            assert_eq!(is_open, path == &file, "sticky: {}", path.display());
            set_mode(path, usual);
        }
        assert_eq!(of_file(&file), Writers::Trusted);
    }

    #[test]
    fn where_a_link_lies_counts_and_where_it_leads() {
        let root = tempfile::tempdir().unwrap();
        for name in ["real", "links"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        std::fs::write(root.path().join("real/p.wasm"), "").unwrap();
        let link = root.path().join("links/current");
        symlink(root.path().join("real"), &link).unwrap();
        let file = link.join("p.wasm");
        assert_eq!(of_file(&file), Writers::Trusted);
        for name in ["real", "links"] {
            set_mode(&root.path().join(name), 0o777);
            assert!(matches!(of_file(&file), Writers::Everyone(_)), "{name}");
            set_mode(&root.path().join(name), 0o755);
        }
    }

    #[test]
    fn another_owner_is_told_and_the_kernels_own_file_systems_are_read_only() {
        // Owned by root, which is trusted whoever runs this.
        assert_eq!(of_directory(Path::new("/proc")), Writers::Trusted);
        let root = tempfile::tempdir().unwrap();
        if std::os::unix::fs::chown(root.path(), Some(12_345), None).is_err() {
            return gmr_test_support::skip("another owner can only be set by root");
        }
        let Writers::Some(who) = of_directory(root.path()) else { panic!("another owner is trusted") };
        assert!(who.starts_with("the user 12345, who owns "), "{who}");
    }
}
