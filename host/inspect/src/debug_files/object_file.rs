//! An object file on disk, read piece by piece: its build id, and where its debug information is.

use super::ObjectBytes;
use super::hexadecimal;
use crate::proc_self;
use object::read::{ReadCache, ReadRef};
use object::{Object as _, ObjectSection as _};
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
    path: Option<PathBuf>,
}

enum Content {
    Disk(Arc<File>, ReadCache<Arc<File>>),
    Memory(Arc<[u8]>),
}

impl fmt::Debug for ObjectFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Asks a question of the parsed file, wherever its content is.
macro_rules! ask {
    ($file:expr, $question:expr) => {
        match &$file.content {
            Content::Disk(_, cache) => object::File::parse(cache).ok().and_then($question),
            Content::Memory(bytes) => object::File::parse(&**bytes).ok().and_then($question),
        }
    };
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
        let file = Arc::new(proc_self::open(path)?);
        let content = Content::Disk(Arc::clone(&file), ReadCache::new(file));
        let file = ObjectFile { content, path: Some(path.to_owned()) };
        if !file.is_object() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not an object file"));
        }
        Ok(file)
    }

    /// An object file that is in memory already. `None` if the bytes are no object file.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<ObjectFile> {
        let file = ObjectFile { content: Content::Memory(bytes.into()), path: None };
        file.is_object().then_some(file)
    }

    fn is_object(&self) -> bool {
        ask!(self, |_| Some(())).is_some()
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
            Content::Disk(file, _) => Ok(ObjectBytes::Mapped(unsafe { memmap2::Mmap::map(&**file) }?)),
            Content::Memory(bytes) => Ok(ObjectBytes::Owned(Arc::clone(bytes))),
        }
    }

    /// A copy of a section's content, decompressed if need be; `None` if there is none of that name, or it is damaged,
    /// or has more than `most_bytes`.
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
        ask!(self, |object| {
            let section = object.section_by_name(name)?;
            if section.compressed_file_range().ok()?.uncompressed_size > most_bytes {
                return None;
            }
            Some(section.compressed_data().ok()?.decompress().ok()?.into_owned())
        })
    }

    /// Its build id in lower-case hexadecimal.
    pub fn build_id(&self) -> Option<String> {
        ask!(self, |object| Some(hexadecimal(object.build_id().ok()??)))
    }

    /// Whether it describes functions and lines, not symbols alone.
    pub fn has_debug_info(&self) -> bool {
        self.debug_info_bytes() > 0
    }

    /// The size of all its debug sections together, decompressed. A damaged size counts as the largest.
    pub fn debug_info_bytes(&self) -> u64 {
        ask!(self, |object| Some(debug_info_bytes(&object))).unwrap_or(0)
    }

    /// The file that holds the debug information instead, and the checksum it must have.
    pub(super) fn debug_link(&self) -> Option<(String, u32)> {
        ask!(self, |object| {
            let (name, checksum) = object.gnu_debuglink().ok()??;
            Some((String::from_utf8_lossy(name).into_owned(), checksum))
        })
    }

    /// The file that holds what this file's debug information shares with others, and its build id.
    pub(super) fn shared_link(&self) -> Option<(String, String)> {
        ask!(self, |object| {
            let (name, build_id) = object.gnu_debugaltlink().ok()??;
            Some((String::from_utf8_lossy(name).into_owned(), hexadecimal(build_id)))
        })
    }

    /// The CRC-32 of the whole file, as a debug link has it.
    pub(super) fn checksum(&self) -> io::Result<u32> {
        let mut file = match &self.content {
            Content::Disk(file, _) => &**file,
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

fn debug_info_bytes<'d>(object: &object::File<'d, impl ReadRef<'d>>) -> u64 {
    if object.section_by_name(".debug_info").is_none_or(|section| section.size() == 0) {
        return 0;
    }
    object
        .sections()
        .filter(|section| {
            section.name().is_ok_and(|name| name.starts_with(".debug_") || name.starts_with(".zdebug_"))
        })
        .map(|section| section.compressed_file_range().map_or(u64::MAX, |range| range.uncompressed_size))
        .fold(0, u64::saturating_add)
}
