//! An object file on disk, read piece by piece: its build id, and where its debug information is.

use super::ObjectBytes;
use super::contents::Contents;
use super::section::SectionData;
use crate::proc_self;
use object::read::{CompressedData, CompressionFormat, ReadCache};
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An object file. What is asked of it is read from the file and copied, so that a file that changes
/// meanwhile gives wrong answers at the worst. Its sections, which are too large to be copied, are read where
/// it is mapped.
pub struct ObjectFile {
    content: Content,
    contents: Contents,
    path: Option<PathBuf>,
}

enum Content {
    Disk(File),
    Memory(Arc<[u8]>),
}

impl fmt::Debug for ObjectFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ObjectFile {
    /// Opens the file.
    ///
    /// # Errors
    ///
    /// What the system says if it cannot be opened; `InvalidData` if it is no object file of a known format,
    /// or no regular file.
    pub fn open(path: &Path) -> io::Result<ObjectFile> {
        // Asked first, because to open a device or a pipe may block or have effects.
        if !proc_self::is_regular_file(path)? {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file"));
        }
        let file = proc_self::open(path)?;
        match Contents::parse(&ReadCache::new(&file)) {
            Some(contents) => {
                Ok(ObjectFile { content: Content::Disk(file), contents, path: Some(path.to_owned()) })
            }
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "not an object file")),
        }
    }

    /// An object file that is in memory already. `None` if the bytes are no object file.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<ObjectFile> {
        let contents = Contents::parse(&*bytes)?;
        Some(ObjectFile { content: Content::Memory(bytes.into()), contents, path: None })
    }

    /// The same file by another path: what lies beside that belongs to it. For what was opened by a link of
    /// the kernel's, which works even if the file has been moved.
    #[cfg(target_os = "linux")]
    pub(crate) fn known_as(self, path: PathBuf) -> ObjectFile {
        ObjectFile { path: Some(path), ..self }
    }

    /// Where it was opened.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Its size on disk; 0 if it is in memory, where nothing has to be mapped.
    pub(crate) fn mapped_bytes(&self) -> u64 {
        match &self.content {
            Content::Disk(file) => file.metadata().map_or(u64::MAX, |metadata| metadata.len()),
            Content::Memory(_) => 0,
        }
    }

    /// Maps it into memory, so that only what is looked at is read.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Safety
    ///
    /// Nobody may write to the file or shorten it as long as the result lives: its bytes are handed out as
    /// shared slices, and beyond a new end they are a fault (`SIGBUS`). To replace the file by another one is
    /// allowed.
    pub(crate) unsafe fn map(&self) -> io::Result<ObjectBytes> {
        match &self.content {
            // SAFETY: the caller promises that nobody writes to the file.
            Content::Disk(file) => Ok(ObjectBytes::Mapped(unsafe { memmap2::Mmap::map(file) }?)),
            Content::Memory(bytes) => Ok(ObjectBytes::Owned(Arc::clone(bytes))),
        }
    }

    /// As [`ObjectFile::map`], only its first bytes: debug information, which is most of a file and lies at its end,
    /// need not take address space for those who want none of it.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Safety
    ///
    /// As for [`ObjectFile::map`].
    pub(crate) unsafe fn map_beginning(&self, length: u64) -> io::Result<ObjectBytes> {
        match &self.content {
            Content::Disk(file) => {
                let length = file.metadata()?.len().min(length);
                let mut options = memmap2::MmapOptions::new();
                options.len(usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?);
                // SAFETY: the caller promises that nobody writes to the file.
                Ok(ObjectBytes::Mapped(unsafe { options.map(file) }?))
            }
            Content::Memory(bytes) => Ok(ObjectBytes::Owned(Arc::clone(bytes))),
        }
    }

    /// A copy of a section's content, decompressed if need be; `None` if there is none of that name, or it is damaged,
    /// or has more than `most_bytes`, or there is too little memory for it.
    ///
    /// ```
    /// use gmr_inspect::debug_files::ObjectFile;
    ///
    /// let own = ObjectFile::open(&std::env::current_exe().unwrap()).unwrap();
    /// # #[cfg(target_os = "linux")]
    /// assert!(own.read_section(".text", 1 << 30).is_some());
    /// assert_eq!(own.read_section(".text", 1), None);
    /// ```
    pub fn read_section(&self, name: &str, most_bytes: u64) -> Option<Vec<u8>> {
        let range = &self.contents.section(name)?.range;
        if range.uncompressed_size > most_bytes {
            return None;
        }
        let stored = self.read(range.offset, range.compressed_size)?;
        if range.format == CompressionFormat::None {
            return Some(stored);
        }
        let data = CompressedData {
            format: range.format,
            data: &stored,
            uncompressed_size: range.uncompressed_size,
        };
        let section = SectionData::of(data).ok()?;
        let mut copy = Vec::new();
        copy.try_reserve_exact(section.len()).ok()?;
        copy.extend_from_slice(&section);
        Some(copy)
    }

    fn read(&self, offset: u64, length: u64) -> Option<Vec<u8>> {
        let length = usize::try_from(length).ok()?;
        let mut bytes = Vec::new();
        match &self.content {
            Content::Disk(file) => {
                // A damaged header must not ask for more than the file has.
                if file.metadata().ok()?.len() < offset.checked_add(length as u64)? {
                    return None;
                }
                bytes.try_reserve_exact(length).ok()?;
                let mut file = file;
                file.seek(SeekFrom::Start(offset)).ok()?;
                file.take(length as u64).read_to_end(&mut bytes).ok()?;
            }
            Content::Memory(all) => {
                let start = usize::try_from(offset).ok()?;
                let section = all.get(start..start.checked_add(length)?)?;
                bytes.try_reserve_exact(length).ok()?;
                bytes.extend_from_slice(section);
            }
        }
        (bytes.len() == length).then_some(bytes)
    }

    /// Its build id in lower-case hexadecimal.
    pub fn build_id(&self) -> Option<String> {
        self.contents.build_id.clone()
    }

    /// Whether it describes functions and lines, not symbols alone.
    pub fn has_debug_info(&self) -> bool {
        self.debug_info_bytes() > 0
    }

    /// The size of all its debug sections together, decompressed. A damaged size counts as the largest.
    pub fn debug_info_bytes(&self) -> u64 {
        if self.section_bytes(".debug_info") == 0 {
            return 0;
        }
        let sizes = self.contents.debug_sections().map(|(_, section)| section.range.uncompressed_size);
        sizes.fold(0, u64::saturating_add)
    }

    /// The size of a section, decompressed; 0 if there is none of that name.
    pub(crate) fn section_bytes(&self, name: &str) -> u64 {
        self.contents.section(name).map_or(0, |section| section.range.uncompressed_size)
    }

    /// What it takes to decompress those of these sections that are compressed, together, in bytes; 0 if none is.
    pub(crate) fn decompressed_bytes(&self, mut is_wanted: impl FnMut(&str) -> bool) -> u64 {
        let compressed = self.contents.debug_sections().filter(|(_, section)| section.is_compressed());
        let wanted = compressed.filter(|(name, _)| is_wanted(name));
        wanted.map(|(_, section)| section.range.uncompressed_size).fold(0, u64::saturating_add)
    }

    /// Whether it has unwind tables, symbols, or whatever else has a section of that name.
    #[cfg(target_os = "linux")]
    pub(crate) fn has_section(&self, name: &str) -> bool {
        self.section_bytes(name) > 0
    }

    /// Whether its debug information is compressed.
    #[cfg(target_os = "linux")]
    pub(crate) fn is_compressed(&self) -> bool {
        self.contents.debug_sections().any(|(_, section)| section.is_compressed())
    }

    /// The file that holds the debug information instead, and the checksum it must have.
    pub(super) fn debug_link(&self) -> Option<(String, u32)> {
        self.contents.debug_link.clone()
    }

    /// The file that holds what this file's debug information shares with others, and its build id.
    pub(super) fn shared_link(&self) -> Option<(String, String)> {
        self.contents.shared_link.clone()
    }

    /// The CRC-32 of the whole file, as a debug link has it.
    pub(super) fn checksum(&self) -> io::Result<u32> {
        let mut file = match &self.content {
            Content::Disk(file) => file,
            Content::Memory(bytes) => return Ok(crc32fast::hash(bytes)),
        };
        file.seek(SeekFrom::Start(0))?;
        let (mut sum, mut piece) = (crc32fast::Hasher::new(), vec![0; 64 << 10]);
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(sum.finalize()),
                length => sum.update(&piece[..length]),
            }
        }
    }
}
