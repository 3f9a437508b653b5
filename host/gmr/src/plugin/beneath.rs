//! Opening what lies beneath a directory: no link, no `..` and no rename at the wrong moment leads out of it.
//!
//! The kernel resolves such a path since Linux 5.6. Where it does not, or where a sandbox forbids that call, the path is
//! followed here name by name: each directory on the way is held open, so that `..` means the one that was come from. A
//! link whose target is an absolute path leads out, wherever that is: what lies at `/` is not beneath the directory.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, Result};

/// To read: not blocking, since opening a pipe would wait for its other end.
pub const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Only to ask what it is: a device is not touched.
#[cfg(target_os = "linux")]
pub const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
pub const LOOK: OFlags = READ;

/// How many links the kernel follows on one way.
const MOST_LINKS: usize = 40;

/// The directory at a path, to open beneath it.
///
/// # Errors
///
/// As the system's `open`.
pub fn directory(path: &Path) -> Result<OwnedFd> {
    rustix::fs::open(path, LOOK.union(OFlags::DIRECTORY), Mode::empty())
}

/// Opens what lies `below` the directory.
///
/// # Errors
///
/// [`Errno::XDEV`] if that leads out of the directory; otherwise as the system's `open`.
pub fn open(directory: &OwnedFd, below: &Path, flags: OFlags) -> Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    match by_the_kernel(directory, below, flags) {
        // Before Linux 5.6, and in some sandboxes.
        Err(Errno::NOSYS | Errno::PERM) => {}
        opened => return opened,
    }
    name_by_name(directory, below, flags)
}

#[cfg(target_os = "linux")]
fn by_the_kernel(directory: &OwnedFd, below: &Path, flags: OFlags) -> Result<OwnedFd> {
    use rustix::fs::ResolveFlags;

    /// The kernel gives up on a way with `..` while something is renamed anywhere.
    const ATTEMPTS: u32 = 16;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut opened = Err(Errno::AGAIN);
    for _ in 0..ATTEMPTS {
        opened = rustix::fs::openat2(directory, below, flags, Mode::empty(), resolve);
        if !matches!(opened, Err(Errno::AGAIN)) {
            break;
        }
    }
    opened
}

fn name_by_name(directory: &OwnedFd, below: &Path, flags: OFlags) -> Result<OwnedFd> {
    let mut way: VecDeque<OsString> = parts(below)?.collect();
    let mut above: Vec<OwnedFd> = Vec::new();
    let mut links = 0;
    while let Some(name) = way.pop_front() {
        if name == ".." {
            above.pop().ok_or(Errno::XDEV)?;
            continue;
        }
        let at = above.last().map_or(directory.as_fd(), AsFd::as_fd);
        if let Some(target) = link(at, &name)? {
            links += 1;
            if links > MOST_LINKS {
                return Err(Errno::LOOP);
            }
            parts(&target)?.rev().for_each(|part| way.push_front(part));
        } else if way.is_empty() {
            return rustix::fs::openat(at, &name, flags.union(OFlags::NOFOLLOW), Mode::empty());
        } else {
            let flags = LOOK.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW);
            above.push(rustix::fs::openat(at, &name, flags, Mode::empty())?);
        }
    }
    // The way ended with `..`, at a directory on it.
    let at = above.last().map_or(directory.as_fd(), AsFd::as_fd);
    rustix::fs::openat(at, ".", flags, Mode::empty())
}

/// The names that a path consists of, `..` among them.
fn parts(path: &Path) -> Result<impl DoubleEndedIterator<Item = OsString> + use<>> {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let parts: Option<Vec<OsString>> = parts
        .map(|part| match part {
            Component::RootDir | Component::Prefix(_) => None,
            part => Some(part.as_os_str().to_owned()),
        })
        .collect();
    Ok(parts.ok_or(Errno::XDEV)?.into_iter())
}

/// Where a name leads to, if it is a link.
fn link(at: BorrowedFd<'_>, name: &OsString) -> Result<Option<PathBuf>> {
    match rustix::fs::readlinkat(at, name, Vec::new()) {
        Ok(target) => Ok(Some(OsString::from_vec(target.into_bytes()).into())),
        // What is there is no link.
        Err(Errno::INVAL) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use super::*;

    /// The content of what the path leads to, by both ways, which must agree.
    #[track_caller]
    fn check(directory: &Path, below: &str, expected: std::result::Result<&str, Errno>) {
        let directory = super::directory(directory).unwrap();
        let content = |opened: Result<OwnedFd>| {
            let mut content = String::new();
            File::from(opened?).read_to_string(&mut content).map_err(|_| Errno::ISDIR)?;
            Ok(content)
        };
        let expected = expected.map(str::to_owned);
        assert_eq!(content(name_by_name(&directory, below.as_ref(), READ)), expected, "{below}");
        assert_eq!(content(open(&directory, below.as_ref(), READ)), expected, "{below}, by the kernel");
    }

    #[test]
    fn links_are_followed_within_the_directory_and_never_out_of_it() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("secret"), "secret").unwrap();
        let folder = root.path().join("folder");
        std::fs::create_dir_all(folder.join("..2026/deep")).unwrap();
        std::fs::write(folder.join("..2026/x"), "x").unwrap();
        for (name, target) in [
            ("..data", "..2026"),
            ("x", "..data/x"),
            ("round", "..2026/deep/../../..data/./x"),
            ("out", "../secret"),
            ("far", "..2026/../../secret"),
            ("back", "../folder/..2026/x"),
            ("absolute", folder.join("..2026/x").to_str().unwrap()),
            ("nowhere", "gone"),
            ("endless", "endless"),
            ("through", "..data/x/y"),
            ("up", "..2026/.."),
        ] {
            symlink(target, folder.join(name)).unwrap();
        }
        check(&folder, "x", Ok("x"));
        check(&folder, "..2026/x", Ok("x"));
        check(&folder, "round", Ok("x"));
        check(&folder, "out", Err(Errno::XDEV));
        check(&folder, "../secret", Err(Errno::XDEV));
        check(&folder, "far", Err(Errno::XDEV));
        check(&folder, "back", Err(Errno::XDEV));
        check(&folder, "absolute", Err(Errno::XDEV));
        check(&folder, "/secret", Err(Errno::XDEV));
        check(&folder, "nowhere", Err(Errno::NOENT));
        check(&folder, "endless", Err(Errno::LOOP));
        check(&folder, "through", Err(Errno::NOTDIR));
        check(&folder, "up", Err(Errno::ISDIR));
    }
}
