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
    /// size from which on it maps memory, and so stay with the process; and where there is none left, the allocator ends
    /// the process.
    Mapped(memmap2::MmapMut),
}

/// Why a section cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SectionFault {
    /// It makes no sense, or is compressed in a way that is not known.
    Damaged,
    /// The system has no memory for so many bytes, which it has when decompressed.
    NoMemory(u64),
}

impl<'f> SectionData<'f> {
    /// Decompresses it if need be, straight to where it stays.
    pub(super) fn of(data: CompressedData<'f>) -> Result<SectionData<'f>, SectionFault> {
        let decompress = match data.format {
            CompressionFormat::None => return Ok(SectionData(Content::InFile(data.data))),
            CompressionFormat::Zlib => inflate,
            CompressionFormat::Zstandard => zstd,
            _ => return Err(SectionFault::Damaged),
        };
        let size = usize::try_from(data.uncompressed_size).ok();
        let size = size.filter(|_| data.uncompressed_size <= MAX_BYTES).ok_or(SectionFault::Damaged)?;
        // A length of nothing cannot be mapped.
        let mapped = memmap2::MmapMut::map_anon(size.max(1));
        let mut into = mapped.map_err(|_| SectionFault::NoMemory(data.uncompressed_size))?;
        let room = into.get_mut(..size).ok_or(SectionFault::Damaged)?;
        if decompress(data.data, room) == Some(size) {
            Ok(SectionData(Content::Mapped(into)))
        } else {
            Err(SectionFault::Damaged)
        }
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

/// How many bytes there are, if the compressed ones make sense and are not more than fit.
fn inflate(compressed: &[u8], into: &mut [u8]) -> Option<usize> {
    let mut state = flate2::Decompress::new(true);
    let status = state.decompress(compressed, into, flate2::FlushDecompress::Finish).ok()?;
    (status == flate2::Status::StreamEnd).then_some(usize::try_from(state.total_out()).ok()?)
}

/// As [`inflate`]. Beside the result it takes the frame's window, of which no more than 8 MiB are accepted.
fn zstd(compressed: &[u8], into: &mut [u8]) -> Option<usize> {
    ruzstd::decoding::FrameDecoder::new().decode_all(compressed, into).ok()
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
        }
    }
}

impl fmt::Debug for SectionData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SectionData({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_os = "linux")]
    use crate::debug_files::ObjectFile;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_held_is_what_was_read() {
        let file = ObjectFile::open(&std::env::current_exe().unwrap()).unwrap();
        // SAFETY: the kernel lets nobody write to an executable that runs.
        let file = unsafe { file.map() }.unwrap();
        for name in [".debug_info", ".debug_str", ".text"] {
            let held = file.hold(name).unwrap().unwrap();
            assert!(!held.bytes(file.bytes()).is_empty(), "{name}");
            assert_eq!(held.bytes(file.bytes()), &*file.section(name).unwrap().unwrap(), "{name}");
        }
        assert!(file.hold(".no-such-section").unwrap().is_none());
    }

    #[test]
    fn compressed_sections_are_read_and_damaged_ones_refused() {
        use std::io::Write as _;

        let content = b"types and lines ".repeat(1000);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        zlib.write_all(&content).unwrap();
        let zlib = zlib.finish().unwrap();
        let zstd = ruzstd::encoding::compress_to_vec(&*content, ruzstd::encoding::CompressionLevel::Fastest);
        for (format, data) in [(CompressionFormat::Zlib, zlib), (CompressionFormat::Zstandard, zstd)] {
            let read = |data, uncompressed_size| {
                SectionData::of(CompressedData { format, data, uncompressed_size }).map(|read| read.to_vec())
            };
            let length = content.len() as u64;
            assert_eq!(read(&data, length).as_deref(), Ok(&*content), "{format:?}");
            let held = SectionData::of(CompressedData { format, data: &data, uncompressed_size: length });
            assert_eq!(held.unwrap().hold(b"file").bytes(b"file"), content, "{format:?}");
            for other in [0, length - 1, length + 1, MAX_BYTES + 1, u64::MAX] {
                assert_eq!(read(&data, other), Err(SectionFault::Damaged), "{format:?} {other}");
            }
            assert_eq!(read(&data[..data.len() / 2], length), Err(SectionFault::Damaged), "{format:?}");
            assert_eq!(read(&[], length), Err(SectionFault::Damaged), "{format:?}");
        }
    }
}
