//! Reads of this process's own memory that cannot fault: a bad address is an error.
//!
//! The kernel copies (`process_vm_readv`; where a sandbox refuses that, `/proc/self/mem`) and checks each
//! address itself. Nothing here follows a pointer, and a value may have changed by the time it is returned.

use std::fmt;

#[cfg(target_os = "linux")]
pub(crate) mod held_file;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::read_words;
#[cfg(stacks)]
pub(crate) use linux::{is_refusal, refusal};
#[cfg(target_os = "linux")]
pub use linux::{read_many, read_some};

/// An address range that could not be read, wholly or in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadable {
    /// Where the range begins.
    pub address: u64,
    /// Its length.
    pub length: usize,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at {:#x} cannot be read", self.length, self.address)
    }
}

impl std::error::Error for Unreadable {}

/// An address range to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Where it begins.
    pub address: u64,
    /// Its length in bytes.
    pub length: usize,
}

/// Fills `into` with the bytes at `address`.
///
/// # Errors
///
/// [`Unreadable`] if any byte of the range is not mapped for reading, or if the kernel refuses both ways
/// of reading altogether.
///
/// ```
/// let value = 42_u64;
/// let mut bytes = [0; 8];
/// # #[cfg(target_os = "linux")] {
/// gmr_inspect::memory::read(&raw const value as u64, &mut bytes).unwrap();
/// assert_eq!(u64::from_ne_bytes(bytes), 42);
/// assert!(gmr_inspect::memory::read(8, &mut bytes).is_err());
/// # }
/// ```
pub fn read(address: u64, into: &mut [u8]) -> Result<(), Unreadable> {
    match read_some(address, into) {
        read if read == into.len() => Ok(()),
        _ => Err(Unreadable { address, length: into.len() }),
    }
}

#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "tasks are read on Linux only"))]
/// The eight bytes at `address` as a number; `None` if they cannot be read.
pub(crate) fn read_word(address: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    read(address, &mut bytes).ok()?;
    Some(u64::from_ne_bytes(bytes))
}

/// Elsewhere than on Linux nothing can be read.
#[cfg(not(target_os = "linux"))]
pub fn read_some(_address: u64, _into: &mut [u8]) -> usize {
    0
}

/// Whether [`read`] works at all here: a seccomp filter may refuse the call that it rests on.
///
/// # Errors
///
/// What the kernel said.
#[cfg(target_os = "linux")]
pub fn probe() -> std::io::Result<()> {
    let mut byte = [0; 1];
    let known = 0_u8;
    match read_some(&raw const known as u64, &mut byte) {
        1 => Ok(()),
        // The call's: the file, the second way, is read without the C library, which would note an error of that.
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Elsewhere than on Linux nothing can be read.
///
/// # Errors
///
/// Always `Unsupported`.
#[cfg(not(target_os = "linux"))]
pub fn probe() -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Elsewhere than on Linux nothing can be read.
#[cfg(not(target_os = "linux"))]
pub fn read_many(ranges: &[Range], into: &mut Vec<u8>, readable: &mut Vec<bool>) {
    into.clear();
    into.resize(ranges.iter().map(|range| range.length).sum(), 0);
    readable.clear();
    readable.resize(ranges.len(), false);
}
