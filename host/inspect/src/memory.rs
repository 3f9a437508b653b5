//! Reads of this process's own memory that cannot fault: a bad address is an error.

use std::fmt;

/// An address range that could not be read, wholly or in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Fills `into` with the bytes at `address`.
///
/// # Errors
///
/// [`Unreadable`] if any byte of the range is not mapped for reading, or if the kernel refuses
/// `process_vm_readv` altogether.
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

/// Fills the beginning of `into` with as many of the bytes at `address` as can be read, and returns how
/// many those are. A range that runs into an unmapped page yields the bytes before it.
#[cfg(target_os = "linux")]
pub fn read_some(address: u64, into: &mut [u8]) -> usize {
    if into.is_empty() {
        return 0;
    }
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: into.len() };
    // SAFETY: the call always succeeds and takes nothing.
    let own = unsafe { libc::getpid() };
    // SAFETY: `local` is the exclusively borrowed `into`, so the kernel writes only there; the kernel
    // checks `remote` itself and reports an unmapped address instead of raising a signal.
    let read = unsafe { libc::process_vm_readv(own, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(read).unwrap_or(0)
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
        // The call was the last one that this thread made.
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
