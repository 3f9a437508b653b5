//! Compiled code in a file, which is mapped and not read: the code first, as wasmtime wants it, then the format and the digest
//! of that code, since wasmtime itself looks at the beginning only. So what is cut off or damaged is told from what is whole.
//!
//! A compiler writes it into memory that has a descriptor, and the cache keeps it on disk. Mapped, either takes one descriptor.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write};
use std::os::fd::AsRawFd as _;

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::plugin::files::digest::Digest;

/// Changes whenever what is written below changes.
pub const FORMAT: &[u8; 16] = b"gmr plugin 3\n\0\0\0";

/// What stands after the code: the format and the code's digest.
pub const TAIL_BYTES: usize = FORMAT.len() + 32;

/// A compiled component of 64 MiB of WebAssembly has two to three times that.
pub const MOST_BYTES: u64 = 256 << 20;

/// As much is looked at at once as the nearer caches hold.
const CHUNK_BYTES: usize = 128 << 10;

/// Where an open file is found by its descriptor, so that the same file is looked at and mapped.
const DESCRIPTORS: &str = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };

/// A file of compiled code that was whole when it was last looked at.
#[derive(Debug)]
pub struct CompiledCode {
    file: File,
    bytes: u64,
}

impl CompiledCode {
    /// Compiled code in memory of this process, which nothing can change any more.
    ///
    /// # Errors
    ///
    /// If there is no memory or no descriptor.
    pub fn in_memory(code: &[u8]) -> io::Result<CompiledCode> {
        let mut file = memory()?;
        write(&mut file, code)?;
        CompiledCode::seal(file)?.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// What a compiler has written into a [`memory`]; `None` if it is not whole. Nothing can change it any more.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn seal(mut file: File) -> io::Result<Option<CompiledCode>> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::SealFlags;
            let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
            rustix::fs::fcntl_add_seals(&file, seals)?;
        }
        file.rewind()?;
        let bytes = file.metadata()?.len();
        let code = CompiledCode { file, bytes };
        Ok(code.is_whole()?.then_some(code))
    }

    /// A file that was whole before, by the word of its caller.
    pub fn known(file: File, bytes: u64) -> CompiledCode {
        CompiledCode { file, bytes }
    }

    pub fn into_file(self) -> File {
        self.file
    }

    /// Its size in bytes, as a file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether its end is the digest of what stands before. Reads all of it, from where the file stands.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn is_whole(&self) -> io::Result<bool> {
        let Some(code) = self.bytes.checked_sub(TAIL_BYTES as u64) else { return Ok(false) };
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut rest = (&self.file).take(code);
        loop {
            match rest.read(&mut chunk)? {
                0 => break,
                read => hash.update(&chunk[..read]),
            }
        }
        let mut tail = [0; TAIL_BYTES];
        match (&self.file).read_exact(&mut tail) {
            Ok(()) => Ok(tail.starts_with(FORMAT) && tail[FORMAT.len()..] == *hash.finalize()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Copies the file.
    ///
    /// # Errors
    ///
    /// If it cannot be read or written.
    pub fn copy(&self, to: &mut impl Write) -> io::Result<u64> {
        (&self.file).rewind()?;
        io::copy(&mut &self.file, to)
    }

    /// The component, whose code is mapped from the file. Wasmtime itself refuses code of another version, for other settings
    /// or another processor.
    ///
    /// # Errors
    ///
    /// Why it cannot be run.
    #[expect(
        unsafe_code,
        reason = "running compiled code that was kept needs it, and nothing else outside gmr-inspect does"
    )]
    pub fn map(&self, engine: &Engine) -> wasmtime::Result<Component> {
        let path = format!("{DESCRIPTORS}/{}", self.file.as_raw_fd());
        // SAFETY: the file holds what `Engine::precompile_component` returned, by its digest when it was last looked at as a
        // whole; what follows the code is no part of it to wasmtime. Either it is sealed memory, filled by this process
        // or by a compiler that is trusted as the executable is (`compiler::child` looks at who may write it). Or it is an
        // entry of the cache: only this process's user can have written it (`Entry::open` asked the descriptor that is
        // mapped here), in a directory that nobody else can enter, by the kernel's account it has not changed since, and
        // the cache never writes to an entry: it makes another one and renames it, so that what is mapped stays as it is.
        unsafe { Component::deserialize_file(engine, path) }
    }
}

/// Memory that is written and read as a file.
///
/// # Errors
///
/// If there is no descriptor, or the system refuses it.
pub fn memory() -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{MemfdFlags, memfd_create};
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // A system may insist on the flag, and one before Linux 6.3 does not know it. It concerns what is executed as a
        // program, not what is mapped.
        let file = memfd_create("gmr-plugin", flags | MemfdFlags::NOEXEC_SEAL)
            .or_else(|_| memfd_create("gmr-plugin", flags))?;
        Ok(file.into())
    }
    #[cfg(not(target_os = "linux"))]
    tempfile::tempfile()
}

/// Writes compiled code with what follows it.
///
/// # Errors
///
/// If it cannot be written.
pub fn write(to: &mut impl Write, code: &[u8]) -> io::Result<()> {
    [code, FORMAT.as_slice(), &Digest::of(code).0].iter().try_for_each(|part| to.write_all(part))
}
