//! Object files on disk, and the debug information that belongs to them, in themselves or in separate files:
//! by build id below the debug directories, or by `.gnu_debuglink`.
//!
//! Nothing is fetched over a network, and split DWARF (`.dwo`, `.dwp`) is not followed: a report must not
//! wait for a server.
//!
//! ```
//! use gmr_inspect::debug_files::{self, ObjectFile};
//!
//! let own = ObjectFile::open(&std::env::current_exe().unwrap()).unwrap();
//! let with_debug_info = if own.has_debug_info() {
//!     Some(own)
//! } else {
//!     debug_files::find(&own, &debug_files::standard_directories())
//! };
//! if let Some(file) = with_debug_info {
//!     assert!(file.debug_info_bytes() > 0);
//! }
//! ```
//!
//! # Files that change
//!
//! Debug information is read in place: files are mapped, since a copy of some hundred megabytes in the memory
//! of a process that is being looked at would do more harm than any answer is worth. Should somebody write to
//! such a file, names may be wrong; should somebody shorten it, access beyond its new end ends the process by
//! `SIGBUS`, as it does for every loaded library. Installers, linkers and package managers replace files of
//! code and of debug information instead, which leaves a mapping as it was. Everything that needs no more
//! than a look at a file's headers is read by calls that fail instead.

mod build_id;
mod contents;
mod object_bytes;
mod object_file;
mod section;

pub(crate) use build_id::hexadecimal;
pub(crate) use object_bytes::ObjectBytes;
pub use object_file::ObjectFile;
#[cfg(target_os = "linux")]
pub(crate) use section::Held;
pub(crate) use section::{SectionData, SectionFault};

use std::path::{Path, PathBuf};

/// What a decompressor takes beside its result: for zstd a window of at most 8 MiB, and what it is ahead of it.
pub(crate) const DECOMPRESSOR_BYTES: u64 = 12 << 20;

/// Where distributions put separate debug information.
pub fn standard_directories() -> Vec<PathBuf> {
    vec![PathBuf::from("/usr/lib/debug")]
}

/// The separate debug information of a file: the first that is really its own, by build id or by the
/// checksum that the file demands. `directories` are laid out as `/usr/lib/debug` is, or simply hold the
/// files. The file's own directory and `.debug` below it are searched too, as gdb does.
pub fn find(file: &ObjectFile, directories: &[PathBuf]) -> Option<ObjectFile> {
    if let Some(build_id) = file.build_id()
        && let Some(found) = find_by_build_id(&build_id, directories)
    {
        return Some(found);
    }
    find_by_link(file, directories)
}

/// Debug information for a build id given in lower-case hexadecimal, without looking at the file that it
/// was made for.
pub fn find_by_build_id(build_id: &str, directories: &[PathBuf]) -> Option<ObjectFile> {
    // The digits become a path.
    if build_id.len() < 3 || !build_id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let (first, rest) = build_id.split_at_checked(2)?;
    directories
        .iter()
        .map(|directory| directory.join(".build-id").join(first).join(format!("{rest}.debug")))
        .filter_map(|path| ObjectFile::open(&path).ok())
        .find(|found| found.build_id().as_deref() == Some(build_id) && found.has_debug_info())
}

fn find_by_link(file: &ObjectFile, directories: &[PathBuf]) -> Option<ObjectFile> {
    let (name, checksum) = file.debug_link()?;
    // A plain file name by definition; anything else would lead out of the directories.
    let name = Path::new(Path::new(&name).file_name()?);
    let beside = file.path()?.parent()?;
    let below = directories.iter().flat_map(|directory| {
        let mirrored = directory.join(beside.strip_prefix("/").unwrap_or(beside)).join(name);
        [mirrored, directory.join(name)]
    });
    [beside.join(name), beside.join(".debug").join(name)]
        .into_iter()
        .chain(below)
        .filter(|path| Some(path.as_path()) != file.path())
        .filter_map(|path| ObjectFile::open(&path).ok())
        .find(|found| found.has_debug_info() && found.checksum().is_ok_and(|sum| sum == checksum))
}

/// The file that several files' debug information shares (`.gnu_debugaltlink`, as `dwz` makes it).
pub(crate) fn find_shared(file: &ObjectFile, directories: &[PathBuf]) -> Option<ObjectFile> {
    let (name, build_id) = file.shared_link()?;
    let relative = file.path().and_then(Path::parent).map(|parent| parent.join(&name));
    relative
        .filter(|_| !name.is_empty())
        .and_then(|path| ObjectFile::open(&path).ok())
        .filter(|found| found.build_id().as_ref() == Some(&build_id))
        .or_else(|| find_by_build_id(&build_id, directories))
}
