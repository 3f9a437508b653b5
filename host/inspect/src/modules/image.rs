//! A module's bytes, addressed as the file counts them: from the file it was loaded from, or copied from
//! memory where that file is gone or has been replaced.
//!
//! Code is wanted as the linker wrote it: in memory a debugger may have put break points into it. And a
//! slice of live memory would be a fault the moment someone unloads the library.

use super::{Module, VDSO, headers};
use crate::debug_files::ObjectFile;
use crate::memory;
use std::path::{Path, PathBuf};

/// The most that is copied from memory for one module.
const MAX_COPY: u64 = 64 << 20;

/// The smallest page of either architecture: what is mapped is mapped to the end of one.
const PAGE: u64 = 4096;

#[derive(Debug)]
pub(crate) enum Image {
    File(ObjectFile),
    /// The address and the bytes of each segment.
    Copy(Vec<(u64, Vec<u8>)>),
}

impl Image {
    /// Finds the very file that was loaded, or copies what is in memory.
    pub fn of(module: &Module) -> Option<Image> {
        if module.name.path == Path::new(VDSO) {
            // Its section headers lie behind its only segment, in the same page.
            let end = module.range.end.checked_next_multiple_of(PAGE)?;
            let length = usize::try_from(end.checked_sub(module.range.start)?).ok()?;
            return ObjectFile::from_bytes(copy(module.range.start, length)?).map(Image::File);
        }
        match Image::file_of(module) {
            Some(file) => Some(Image::File(file)),
            None => Image::copy_of(module),
        }
    }

    /// The file on disk, if it is still the same one.
    pub fn file_of(module: &Module) -> Option<ObjectFile> {
        let by_mapping = module
            .first_mapping
            .as_ref()
            .map(|range| PathBuf::from(format!("/proc/self/map_files/{:x}-{:x}", range.start, range.end)));
        let path = (!module.deleted).then(|| module.name.path.clone());
        // The link to the executable works when it was deleted; links to mappings want a capability.
        [path, Some(PathBuf::from("/proc/self/exe")), by_mapping]
            .into_iter()
            .flatten()
            .filter_map(|path| ObjectFile::open(&path).ok())
            .find(|file| {
                let beginning = file.bytes().get(..headers::LENGTH.min(file.bytes().len()));
                beginning.and_then(headers::parse).is_some_and(|found| {
                    found.fingerprint == module.headers.fingerprint
                        && (module.name.build_id.is_none() || file.build_id() == module.name.build_id)
                })
            })
    }

    fn copy_of(module: &Module) -> Option<Image> {
        let mut left = MAX_COPY;
        let mut segments = Vec::new();
        for segment in &module.headers.segments {
            left = left.checked_sub(segment.file_size)?;
            let length = usize::try_from(segment.file_size).ok()?;
            let address = segment.addresses.start;
            segments.push((address, copy(module.bias.wrapping_add(address), length)?));
        }
        Some(Image::Copy(segments))
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

/// Whole or not at all.
fn copy(address: u64, length: usize) -> Option<Vec<u8>> {
    if length as u64 > MAX_COPY {
        return None;
    }
    let mut bytes = vec![0; length];
    memory::read(address, &mut bytes).ok()?;
    Some(bytes)
}
