//! The bytes of an object file in memory, and its sections with compression undone.

#[cfg(target_os = "linux")]
use super::section::Held;
use super::section::SectionData;
use object::{Object as _, ObjectSection as _};
use std::fmt;
use std::sync::Arc;

/// An object file in memory: mapped, by whose owner's promise it does not change ([`ObjectFile::map`]), or
/// copied.
///
/// [`ObjectFile::map`]: super::ObjectFile::map
pub(crate) enum ObjectBytes {
    Mapped(memmap2::Mmap),
    Owned(Arc<[u8]>),
}

impl fmt::Debug for ObjectBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectBytes").field("length", &self.bytes().len()).finish_non_exhaustive()
    }
}

impl ObjectBytes {
    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        match self {
            ObjectBytes::Mapped(mapped) => mapped,
            ObjectBytes::Owned(owned) => owned,
        }
    }

    pub fn object(&self) -> Option<object::File<'_>> {
        object::File::parse(self.bytes()).ok()
    }

    /// A section's content, decompressed if need be; `None` if there is none of that name, or it is
    /// damaged, or takes up no room in the file.
    pub fn section(&self, name: &str) -> Option<SectionData<'_>> {
        let object = self.object()?;
        let section = object.section_by_name(name)?;
        SectionData::of(section.compressed_data().ok()?)
    }

    /// As [`ObjectBytes::section`], to be kept beside the file.
    #[cfg(target_os = "linux")]
    pub fn hold(&self, name: &str) -> Option<Held> {
        Some(self.section(name)?.hold(self.bytes()))
    }
}
