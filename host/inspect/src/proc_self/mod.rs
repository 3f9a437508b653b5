//! This process's own directory of `/proc`, and spare descriptors, both held open ahead of need.
//!
//! A report is wanted when something is wrong: when the process has no descriptors left, has changed its root, or has
//! lost `/proc`. With what [`hold`] opens while all is well, the files of `/proc/self` can be opened then too, and so
//! can some others. Without it, or where what it opened has been closed by someone else, everything goes by path.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod reserve;
#[cfg(target_os = "linux")]
pub(crate) use linux::{ProcFile, numbers, open_proc, open_with_spares, refill};

/// How many spare descriptors [`hold`] keeps. A capture with two threads opens six files at a time, and a search for
/// names three.
pub const SPARE_DESCRIPTORS: usize = 8;

/// Keeps what [`hold`] has opened. Dropping the last one closes it.
#[derive(Debug)]
#[must_use = "dropping it closes what is held"]
pub struct Hold {
    #[cfg(target_os = "linux")]
    _held: std::sync::Arc<reserve::Held>,
}

/// Opens what later looks at this process need: its directory in `/proc`, and [`SPARE_DESCRIPTORS`] to be given up when
/// the process has no others left; nine descriptors in all, closed on `exec`, five of them with numbers above 200 where
/// the limit allows that. What cannot be opened now is tried again by later looks.
///
/// Other code may close them, as a daemon does that closes all: that is noticed, and whatever has their numbers
/// afterwards is neither used nor closed. They are of use to this process alone: a forked child calls this anew.
/// Elsewhere than on Linux it does nothing.
///
/// ```
/// let hold = gmr_inspect::proc_self::hold();
/// // ... looks at this process, whatever becomes of it ...
/// drop(hold);
/// ```
pub fn hold() -> Hold {
    Hold {
        #[cfg(target_os = "linux")]
        _held: linux::hold(),
    }
}

/// The descriptors of a process that has none left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptorsInUse {
    /// How many are open, spare ones among them.
    pub open: u64,
    /// How many may be (`RLIMIT_NOFILE`).
    pub limit: u64,
}

/// How many descriptors are in use, if no further one can be had; spare ones do not count as left. `None` elsewhere than on
/// Linux.
///
/// ```
/// assert_eq!(gmr_inspect::proc_self::exhausted_descriptors(), None);
/// ```
pub fn exhausted_descriptors() -> Option<DescriptorsInUse> {
    #[cfg(target_os = "linux")]
    return linux::exhausted_descriptors();
    #[cfg(not(target_os = "linux"))]
    None
}

/// Opens a file for reading: one below `/proc/self` from the directory that is held, any with a spare descriptor if
/// there is no other.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    return Ok(open_proc(path)?.into_file());
    #[cfg(not(target_os = "linux"))]
    File::open(path)
}

/// Where a link leads, below `/proc/self` from the directory that is held.
pub(crate) fn read_link(path: &Path) -> io::Result<PathBuf> {
    #[cfg(target_os = "linux")]
    return linux::read_link(path);
    #[cfg(not(target_os = "linux"))]
    std::fs::read_link(path)
}

/// Whether a regular file lies there, which may be opened without any effect. It follows links.
pub(crate) fn is_regular_file(path: &Path) -> io::Result<bool> {
    #[cfg(target_os = "linux")]
    return linux::is_regular_file(path);
    #[cfg(not(target_os = "linux"))]
    Ok(std::fs::metadata(path)?.is_file())
}
