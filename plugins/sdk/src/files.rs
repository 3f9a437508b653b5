//! Files of the host, read only.
//!
//! Granted by path: `read:/proc/self/limits` is one file, `read:/etc/app` a directory with everything below it.

pub use crate::bindings::gmr::plugin::files::FileError;
use crate::imports;

/// A file's bytes. The path is absolute.
///
/// # Errors
///
/// See [`FileError`].
pub fn read(path: &str) -> Result<Vec<u8>, FileError> {
    imports::files::read(path)
}

/// A file as text; bytes that are no UTF-8 are replaced.
///
/// # Errors
///
/// See [`FileError`].
pub fn text(path: &str) -> Result<String, FileError> {
    imports::files::text(path)
}

/// The names in a directory, sorted.
///
/// # Errors
///
/// See [`FileError`].
pub fn names(path: &str) -> Result<Vec<String>, FileError> {
    imports::files::names(path)
}
