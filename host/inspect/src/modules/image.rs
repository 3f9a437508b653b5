//! A module's bytes, addressed as the file counts them: from the file it was loaded from, or copied from
//! memory where that file is gone or has been replaced.
//!
//! Code is wanted as the linker wrote it: in memory a debugger may have put break points into it. And a
//! slice of live memory would be a fault the moment the library is unloaded. Of the file only what is loaded of it is
//! mapped, since debug information is most of it. Where the system has no address space for that, there is no memory for
//! a copy either.

use super::headers::{self, Headers};
use super::{MAX_NOTES, Module};
use crate::debug_files::{ObjectBytes, ObjectFile};
use crate::memory;
use crate::proc::maps::VDSO;
use crate::proc_self;
use crate::process::{MemoryClaim, MemoryDemand};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// The most that is copied from memory for one module.
const MAX_COPY: u64 = 64 << 20;

/// The smallest page of either architecture: what is mapped is mapped to the end of one.
const PAGE: u64 = 4096;

#[derive(Debug)]
pub(crate) enum Image {
    File(ObjectBytes),
    /// The address and the bytes of each segment.
    Copy(Vec<(u64, Vec<u8>)>),
}

impl Image {
    /// Finds the very file that was loaded, or copies what is in memory.
    pub fn of(module: &Module) -> Option<Image> {
        let Some(file) = file_of(module) else { return Image::copy_of(module) };
        let segments = module.headers.segments.iter();
        let loaded = segments.map(|segment| segment.offset.saturating_add(segment.file_size)).max()?;
        let _claim = MemoryClaim::of(MemoryDemand::new(0, loaded)).ok()?;
        // SAFETY: `file_of` has recognised the module's own file, which is loaded from there: to write to
        // it would change the code that this process runs. What comes of it otherwise stands at
        // `debug_files`.
        match unsafe { file.map_beginning(loaded) } {
            Ok(file) => Some(Image::File(file)),
            Err(error) if is_shortage(&error) => None,
            Err(_) => Image::copy_of(module),
        }
    }

    fn copy_of(module: &Module) -> Option<Image> {
        let segments = module.headers.segments.iter();
        let total = segments.map(|segment| segment.file_size).fold(0, u64::saturating_add);
        if total > MAX_COPY {
            return None;
        }
        let _claim = MemoryClaim::of(MemoryDemand::new(total, 0)).ok()?;
        let copies = module.headers.segments.iter().map(|segment| {
            let address = segment.addresses.start;
            Some((address, copy(module.bias.wrapping_add(address), segment.file_size)?))
        });
        Some(Image::Copy(copies.collect::<Option<_>>()?))
    }

    /// The bytes from an address, as the file counts it, to the end of its segment.
    pub fn from(&self, module: &Module, address: u64) -> Option<&[u8]> {
        match self {
            Image::File(file) => {
                let segment = module.headers.segments.iter().find(|s| s.addresses.contains(&address))?;
                let within = address.checked_sub(segment.addresses.start)?;
                let begin = segment.offset.checked_add(within)?;
                let end = segment.offset.checked_add(segment.file_size)?;
                file.bytes().get(usize::try_from(begin).ok()?..usize::try_from(end).ok()?)
            }
            Image::Copy(segments) => segments.iter().find_map(|(start, bytes)| {
                let within = usize::try_from(address.checked_sub(*start)?).ok()?;
                bytes.get(within..).filter(|rest| !rest.is_empty())
            }),
        }
    }

    /// `.eh_frame_hdr`'s address.
    pub fn eh_frame_header(module: &Module) -> Option<u64> {
        module.headers.eh_frame_header
    }
}

/// The file on disk, if it is still the same one; of the kernel's own module a copy.
pub(crate) fn file_of(module: &Module) -> Option<ObjectFile> {
    if module.name.path == Path::new(VDSO) {
        // Its section headers lie behind its only segment, in the same page.
        let end = module.range.end.checked_next_multiple_of(PAGE)?;
        let length = end.checked_sub(module.range.start)?;
        return ObjectFile::from_bytes(copy(module.range.start, length)?);
    }
    let by_mapping = module
        .first_mapping
        .as_ref()
        .map(|range| PathBuf::from(format!("/proc/self/map_files/{:x}-{:x}", range.start, range.end)));
    let path = (!module.deleted).then(|| module.name.path.clone());
    // The link to the executable works when it was deleted; links to mappings want a capability.
    [path, Some(PathBuf::from("/proc/self/exe")), by_mapping]
        .into_iter()
        .flatten()
        .filter(|path| is_file_of(module, path))
        .find_map(|path| ObjectFile::open(&path).ok())
}

/// Whether the file at `path` is the one that was loaded, by its headers and its build id. Two small reads:
/// every capture asks this of every module that a stack goes through.
fn is_file_of(module: &Module, path: &Path) -> bool {
    // Opening a device or a pipe may block or have effects.
    if !proc_self::is_regular_file(path).unwrap_or(false) {
        return false;
    }
    let Ok(file) = proc_self::open(path) else { return false };
    let mut beginning = vec![0; headers::LENGTH];
    let Ok(length) = file.read_at(&mut beginning, 0) else { return false };
    let Some(found) = beginning.get(..length).and_then(headers::parse) else { return false };
    found.fingerprint == module.headers.fingerprint
        && (module.name.build_id.is_none() || build_id(&found, &file) == module.name.build_id)
}

/// The build id in a file's notes.
fn build_id(headers: &Headers, file: &File) -> Option<String> {
    headers.notes.iter().find_map(|(address, size)| {
        let segment = headers.segments.iter().find(|segment| segment.addresses.contains(address))?;
        let at = segment.offset.checked_add(address.checked_sub(segment.addresses.start)?)?;
        let mut notes = vec![0; usize::try_from((*size).min(MAX_NOTES)).ok()?];
        file.read_exact_at(&mut notes, at).ok()?;
        headers::build_id(&notes)
    })
}

/// The system has no memory, or no further mapping, for it.
fn is_shortage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::OutOfMemory
}

/// Whole or not at all.
fn copy(address: u64, length: u64) -> Option<Vec<u8>> {
    let length = usize::try_from(length).ok().filter(|_| length <= MAX_COPY)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).ok()?;
    bytes.resize(length, 0);
    memory::read(address, &mut bytes).ok()?;
    Some(bytes)
}
