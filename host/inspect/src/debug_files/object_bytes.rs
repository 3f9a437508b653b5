//! The bytes of an object file in memory, and its sections with compression undone.

#[cfg(target_os = "linux")]
use super::section::Held;
use super::section::{SectionData, SectionFault};
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

    /// A section's content, decompressed if need be; `None` if there is none of that name.
    ///
    /// # Errors
    ///
    /// If it is damaged, or there is no memory for it.
    pub fn section(&self, name: &str) -> Result<Option<SectionData<'_>>, SectionFault> {
        let object = self.object().ok_or(SectionFault::Damaged)?;
        let Some(section) = object.section_by_name(name) else { return Ok(None) };
        let data = section.compressed_data().map_err(|_| SectionFault::Damaged)?;
        SectionData::of(data).map(Some)
    }

    /// As [`ObjectBytes::section`], to be kept beside the file.
    ///
    /// # Errors
    ///
    /// As for [`ObjectBytes::section`].
    #[cfg(target_os = "linux")]
    pub fn hold(&self, name: &str) -> Result<Option<Held>, SectionFault> {
        Ok(self.section(name)?.map(|section| section.hold(self.bytes())))
    }
}
