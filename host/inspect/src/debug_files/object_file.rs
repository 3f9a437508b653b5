//! One object file, mapped into memory, and its sections with compression undone.

#[cfg(target_os = "linux")]
use super::section::Held;
use super::section::SectionData;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An object file. Its bytes are a private mapping of the file, so that only what is looked at is read.
///
/// Should somebody shorten the file in place while it is mapped, access beyond its new end is a fault, as
/// it is for every loaded library; installers and linkers replace files instead.
pub struct ObjectFile {
    bytes: Bytes,
    path: Option<PathBuf>,
}

enum Bytes {
    Mapped(memmap2::Mmap),
    Owned(Vec<u8>),
}

impl fmt::Debug for ObjectFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectFile").field("path", &self.path).field("length", &self.bytes().len()).finish()
    }
}

impl ObjectFile {
    /// Maps the file.
    ///
    /// # Errors
    ///
    /// What the system says if it cannot be opened or mapped; `InvalidData` if it is no object file of a
    /// known format, or no regular file.
    pub fn open(path: &Path) -> io::Result<ObjectFile> {
        // Asked first, because to open a device or a pipe may block or have effects.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file"));
        }
        let file = std::fs::File::open(path)?;
        // SAFETY: the mapping is private and read-only, and this type says openly what shortening the
        // file under it does; loaders take the same risk with the same files.
        let bytes = unsafe { memmap2::Mmap::map(&file) }?;
        let file = ObjectFile { bytes: Bytes::Mapped(bytes), path: Some(path.to_owned()) };
        match file.object() {
            Some(_) => Ok(file),
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "not an object file")),
        }
    }

    /// An object file that is in memory already. `None` if the bytes are no object file.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<ObjectFile> {
        let file = ObjectFile { bytes: Bytes::Owned(bytes), path: None };
        file.object().is_some().then_some(file)
    }

    /// The same file by another path: what lies beside that belongs to it. For what was opened by a link of the
    /// kernel's, which works even if the file has been moved.
    #[cfg(target_os = "linux")]
    pub(crate) fn known_as(self, path: PathBuf) -> ObjectFile {
        ObjectFile { path: Some(path), ..self }
    }

    /// As [`ObjectFile::section`], to be kept beside the file.
    #[cfg(target_os = "linux")]
    pub(crate) fn hold(&self, name: &str) -> Option<Held> {
        Some(self.section(name)?.hold(self.bytes()))
    }

    /// Where it was opened.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(mapped) => mapped,
            Bytes::Owned(owned) => owned,
        }
    }

    /// Its build id in lower-case hexadecimal.
    pub fn build_id(&self) -> Option<String> {
        let id = self.object()?.build_id().ok()??;
        Some(super::hexadecimal(id))
    }

    /// A section's content, decompressed if need be; `None` if there is none of that name, or it is
    /// damaged, or takes up no room in the file.
    pub fn section(&self, name: &str) -> Option<SectionData<'_>> {
        let object = self.object()?;
        let section = object.section_by_name(name)?;
        SectionData::of(section.compressed_data().ok()?)
    }

    /// The address of a section, as the file counts it.
    pub fn section_address(&self, name: &str) -> Option<u64> {
        Some(self.object()?.section_by_name(name)?.address())
    }

    /// Whether it describes functions and lines, not symbols alone.
    pub fn has_debug_info(&self) -> bool {
        self.debug_info_bytes() > 0
    }

    /// The size of all its debug sections together, decompressed. A damaged size counts as the largest.
    pub fn debug_info_bytes(&self) -> u64 {
        let Some(object) = self.object() else { return 0 };
        if object.section_by_name(".debug_info").is_none_or(|section| section.size() == 0) {
            return 0;
        }
        object
            .sections()
            .filter(|section| {
                section.name().is_ok_and(|name| name.starts_with(".debug_") || name.starts_with(".zdebug_"))
            })
            .map(|section| section.compressed_data().map_or(u64::MAX, |data| data.uncompressed_size))
            .fold(0, u64::saturating_add)
    }

    /// The names of the symbols that begin at exactly this address, as the linker spells them.
    pub fn symbol_names_at(&self, address: u64) -> Vec<String> {
        let Some(object) = self.object() else { return Vec::new() };
        object
            .symbols()
            .chain(object.dynamic_symbols())
            .filter(|symbol| symbol.address() == address && symbol.is_definition())
            .filter_map(|symbol| symbol.name().ok().map(str::to_owned))
            .collect()
    }

    /// The file that holds the debug information instead, and the checksum it must have.
    pub(super) fn debug_link(&self) -> Option<(String, u32)> {
        let (name, checksum) = self.object()?.gnu_debuglink().ok()??;
        Some((String::from_utf8_lossy(name).into_owned(), checksum))
    }

    /// The file that holds what this file's debug information shares with others, and its build id.
    pub(super) fn shared_link(&self) -> Option<(String, String)> {
        let (name, build_id) = self.object()?.gnu_debugaltlink().ok()??;
        Some((String::from_utf8_lossy(name).into_owned(), super::hexadecimal(build_id)))
    }

    pub(crate) fn object(&self) -> Option<object::File<'_>> {
        object::File::parse(self.bytes()).ok()
    }
}
