//! A section's bytes, as the file has them or decompressed.

use object::{CompressedData, CompressionFormat};
use std::fmt;
use std::ops::{Deref, Range};

/// No section that is larger than this when decompressed is read: a damaged header must not ask for all
/// memory. Ten times the largest debug information met in practice.
const MAX_BYTES: u64 = 8 << 30;

/// The content of a section; read it as a slice of bytes.
pub(crate) struct SectionData<'f>(Content<'f>);

enum Content<'f> {
    InFile(&'f [u8]),
    /// Memory of its own that goes back to the system at once. Megabytes from the allocator would raise the
    /// size from which on it maps memory, and so stay with the process.
    Mapped(memmap2::MmapMut),
    Allocated(Vec<u8>),
}

impl<'f> SectionData<'f> {
    pub(super) fn of(data: CompressedData<'f>) -> Option<SectionData<'f>> {
        let size =
            usize::try_from(data.uncompressed_size).ok().filter(|_| data.uncompressed_size <= MAX_BYTES)?;
        Some(SectionData(match data.format {
            CompressionFormat::None => Content::InFile(data.data),
            CompressionFormat::Zlib => Content::Mapped(inflate(data.data, size)?),
            _ => Content::Allocated(data.decompress().ok()?.into_owned()),
        }))
    }
}

/// A section that outlives the look at its file: where it is in the file, or what it was decompressed to.
#[derive(Debug)]
pub(crate) enum Held {
    InFile(Range<usize>),
    Own(SectionData<'static>),
}

impl<'f> SectionData<'f> {
    /// Lets go of `file`, the bytes that this section was taken from.
    pub(super) fn hold(self, file: &[u8]) -> Held {
        match self.0 {
            Content::InFile(bytes) => {
                let start = bytes.as_ptr().addr().saturating_sub(file.as_ptr().addr());
                Held::InFile(start..start + bytes.len())
            }
            Content::Mapped(bytes) => Held::Own(SectionData(Content::Mapped(bytes))),
            Content::Allocated(bytes) => Held::Own(SectionData(Content::Allocated(bytes))),
        }
    }
}

impl Held {
    /// The section's bytes; `file` are those of the file that it was taken from.
    pub(crate) fn bytes<'f>(&'f self, file: &'f [u8]) -> &'f [u8] {
        match self {
            Held::InFile(range) => file.get(range.clone()).unwrap_or_default(),
            Held::Own(section) => section,
        }
    }
}

fn inflate(compressed: &[u8], size: usize) -> Option<memmap2::MmapMut> {
    // A length of nothing cannot be mapped.
    let mut into = memmap2::MmapMut::map_anon(size.max(1)).ok()?;
    let mut state = flate2::Decompress::new(true);
    let status = state.decompress(compressed, into.get_mut(..size)?, flate2::FlushDecompress::Finish).ok()?;
    (status == flate2::Status::StreamEnd && state.total_out() == size as u64).then_some(into)
}

impl Default for SectionData<'_> {
    fn default() -> Self {
        SectionData(Content::InFile(&[]))
    }
}

impl Deref for SectionData<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Content::InFile(bytes) => bytes,
            Content::Mapped(bytes) => bytes,
            Content::Allocated(bytes) => bytes,
        }
    }
}

impl fmt::Debug for SectionData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SectionData({} bytes)", self.len())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::debug_files::ObjectFile;

    #[test]
    fn what_is_held_is_what_was_read() {
        let file = ObjectFile::open(&std::env::current_exe().unwrap()).unwrap();
        // SAFETY: the kernel lets nobody write to an executable that runs.
        let file = unsafe { file.map() }.unwrap();
        for name in [".debug_info", ".debug_str", ".text"] {
            let held = file.hold(name).unwrap();
            assert!(!held.bytes(file.bytes()).is_empty(), "{name}");
            assert_eq!(held.bytes(file.bytes()), &*file.section(name).unwrap(), "{name}");
        }
        assert!(file.hold(".no-such-section").is_none());
        let unpacked = SectionData(Content::Allocated(vec![1, 2, 3]));
        assert_eq!(unpacked.hold(b"file").bytes(b"file"), [1, 2, 3]);
    }
}
