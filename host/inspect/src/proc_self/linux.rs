//! Files of `/proc/self` from the directory that is held, and any with a spare descriptor.

use super::DescriptorsInUse;
use super::reserve::{Held, lock, open_below};
use crate::HeldDescriptor;
use crate::process::soft_limit::{Resource, soft_limit};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, SeekFrom};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

/// What the process holds, as long as somebody keeps it.
static HELD: Mutex<Weak<Held>> = Mutex::new(Weak::new());

pub(super) fn hold() -> Arc<Held> {
    if let Some(held) = held() {
        held.refill();
        return held;
    }
    let held = Arc::new(Held::open());
    if let Some(mut current) = lock(&HELD) {
        *current = Arc::downgrade(&held);
    }
    held
}

/// What this process holds, and not the one that it was forked from.
fn held() -> Option<Arc<Held>> {
    let held = lock(&HELD)?.upgrade()?;
    (held.process == std::process::id()).then_some(held)
}

/// Opens again what was given up, as far as the process has descriptors again.
pub(crate) fn refill() {
    if let Some(held) = held() {
        held.refill();
    }
}

pub(super) fn exhausted_descriptors() -> Option<DescriptorsInUse> {
    let opened = rustix::fs::openat(CWD, "/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    if opened.err() != Some(Errno::MFILE) {
        return None;
    }
    let limit = soft_limit(Resource::Descriptors)?;
    // The list has a spare one's place.
    let open =
        open_proc(Path::new("/proc/self/fd")).and_then(numbers).map_or(limit, |open| open.len() as u64);
    Some(DescriptorsInUse { open, limit })
}

/// An open file that gives its descriptor back if that was a spare one.
#[derive(Debug)]
pub(crate) struct ProcFile {
    descriptor: Option<OwnedFd>,
    lender: Option<Arc<Held>>,
}

impl ProcFile {
    /// The file alone: a spare descriptor is made up for by the next [`refill`].
    pub(super) fn into_file(mut self) -> File {
        // It is taken here and at the end only.
        self.descriptor.take().expect("an open file").into()
    }
}

impl AsFd for ProcFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_ref().expect("an open file").as_fd()
    }
}

impl Drop for ProcFile {
    fn drop(&mut self) {
        if let (Some(descriptor), Some(lender)) = (self.descriptor.take(), self.lender.take()) {
            lender.take_back(descriptor);
        }
    }
}

/// Opens, and if no descriptor is left, gives up spare ones until it succeeds.
pub(crate) fn open_with_spares(open: impl Fn() -> Result<OwnedFd, Errno>) -> Result<ProcFile, Errno> {
    let mut lender = None;
    loop {
        match open() {
            Ok(descriptor) => return Ok(ProcFile { descriptor: Some(descriptor), lender }),
            Err(errno @ (Errno::MFILE | Errno::NFILE)) => {
                lender = lender.or_else(held);
                if !lender.as_ref().is_some_and(|held| held.give_up_one()) {
                    return Err(errno);
                }
            }
            Err(errno) => return Err(errno),
        }
    }
}

/// Opens a file or directory for reading.
pub(crate) fn open_proc(path: &Path) -> Result<ProcFile, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    match below(path) {
        Some((directory, inside)) => open_with_spares(|| open_below(&directory, inside, flags)),
        None => open_with_spares(|| rustix::fs::openat(CWD, path, flags, Mode::empty())),
    }
}

/// The held directory and what is looked for in it, if the path leads there.
fn below(path: &Path) -> Option<(Arc<HeldDescriptor>, &Path)> {
    let inside = path.strip_prefix("/proc/self").ok()?;
    Some((held()?.directory()?, inside))
}

pub(super) fn read_link(path: &Path) -> io::Result<PathBuf> {
    let below = below(path);
    let (directory, path) = match below.as_ref().and_then(|(kept, inside)| Some((kept.get()?, *inside))) {
        Some(inside_it) => inside_it,
        None => (CWD, path),
    };
    let target = rustix::fs::readlinkat(directory, path, Vec::new())?;
    Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
}

pub(super) fn is_regular_file(path: &Path) -> io::Result<bool> {
    let below = below(path);
    let (directory, path) = match below.as_ref().and_then(|(kept, inside)| Some((kept.get()?, *inside))) {
        Some(inside_it) => inside_it,
        None => (CWD, path),
    };
    let stat = rustix::fs::statat(directory, path, AtFlags::empty())?;
    Ok(FileType::from_raw_mode(stat.st_mode).is_file())
}

/// The numbers that a directory has as names, in ascending order. It needs no descriptor besides the directory's.
pub(crate) fn numbers(directory: impl AsFd) -> Result<Vec<u32>, Errno> {
    rustix::fs::seek(&directory, SeekFrom::Start(0))?;
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut entries = RawDir::new(directory, &mut buffer);
    let mut numbers = Vec::new();
    while let Some(entry) = entries.next() {
        numbers.extend(entry?.file_name().to_str().ok().and_then(|name| name.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
