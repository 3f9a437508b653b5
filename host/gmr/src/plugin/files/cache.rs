//! The cache of compiled plugins on disk, so that a restart does not compile them again. Compiled code is run as it is,
//! hence the suspicion here: whatever is damaged, foreign, or could have been written by another user is a miss.
//!
//! An entry's name is the digest of the plugin, of the engine's settings and of this format. It is mapped and not read:
//! code first, as wasmtime wants it, then the digest of that code, since wasmtime itself looks at the beginning only.
//!
//! Two digests over tens of megabytes, of the plugin's file and of its entry, would take a hundred times as long as all
//! the rest. So a receipt is kept of what was found right: the file and the entry as the kernel accounts for them (device,
//! inode, size, times), in this boot. What a power failure or a bad disk has done is found at the first look after a boot.
//!
//! A mapped entry that its own user truncates, or a disk that fails under it, faults as with any executable: the directory
//! should be on a local disk.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{AtFlags, Mode, OFlags, StatVfsMountFlags};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::digest::Digest;
use super::fingerprint::Fingerprint;

/// Changes whenever what is written below changes.
const FORMAT: &[u8; 16] = b"gmr plugin 2\n\0\0\0";

/// What stands after the code: the format and the code's digest.
const TAIL_BYTES: usize = FORMAT.len() + 32;

/// The plugin's digest, then the entry's fingerprint.
const RECEIPT_BYTES: usize = 32 + Fingerprint::BYTES;

/// A compiled component of 64 MiB of WebAssembly has two to three times that.
const MOST_BYTES: u64 = 256 << 20;

/// Entries that are kept, and receipts; the oldest go. Enough for a few versions of each of a dozen plugins.
const MOST_ENTRIES: usize = 64;

/// As much of an entry is looked at at once as the nearer caches hold.
const CHUNK_BYTES: usize = 128 << 10;

/// Where an open file is found by its descriptor, so that the same file is looked at and mapped.
const DESCRIPTORS: &str = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };

/// A private directory of compiled plugins.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    /// This boot's name; without one there are no receipts.
    boot: Option<String>,
}

impl Cache {
    pub fn new(path: PathBuf) -> Cache {
        Cache { path, boot: std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok() }
    }

    /// The compiled plugin of the file that has this fingerprint, if there is a receipt for both. Nothing is read but
    /// the receipt and the pages that the engine needs.
    pub fn recall(&self, engine: &Engine, source: &Fingerprint) -> Option<(Digest, Component)> {
        // A file that has just changed may have changed once more within the same tick of the kernel's clock.
        if source.unsettled(SystemTime::now()).is_some() {
            return None;
        }
        let directory = private(&self.path).ok()?;
        let receipt = Entry::open(&directory, &self.receipt(engine, source)?)?;
        let mut bytes = Vec::with_capacity(RECEIPT_BYTES);
        receipt.file.take(RECEIPT_BYTES as u64 + 1).read_to_end(&mut bytes).ok()?;
        let (digest, seen) = bytes.split_first_chunk::<32>()?;
        let digest = Digest(*digest);
        let entry = Entry::open(&directory, &name(engine, digest))?;
        if entry.fingerprint.to_bytes() != *seen {
            return None;
        }
        Some((digest, entry.map(engine)?))
    }

    /// The compiled plugin of this digest, if there is an entry that can be trusted; all of it is looked at. `source` is the
    /// file that the digest was taken of: [`Cache::recall`] then knows both.
    pub fn get(&self, engine: &Engine, digest: Digest, source: &Fingerprint) -> Option<Component> {
        let directory = private(&self.path).ok()?;
        let entry = Entry::open(&directory, &name(engine, digest))?;
        let settled = entry.fingerprint.unsettled(SystemTime::now()).is_none();
        if !entry.is_whole() {
            return None;
        }
        if settled && let Some(receipt) = self.receipt(engine, source) {
            // Without it the next start takes longer, no more.
            let _ = write(&directory, &receipt, &[&digest.0, &entry.fingerprint.to_bytes()]);
        }
        entry.map(engine)
    }

    /// Keeps a compiled plugin.
    ///
    /// # Errors
    ///
    /// Why it cannot be kept, with the path. The plugin itself is not concerned.
    pub fn put(&self, engine: &Engine, digest: Digest, component: &Component) -> Result<(), String> {
        self.keep(engine, digest, component)
            .map_err(|reason| format!("plugins are not cached in {}: {reason}", self.path.display()))
    }

    fn keep(&self, engine: &Engine, digest: Digest, component: &Component) -> Result<(), String> {
        make_private(&self.path).map_err(|error| error.to_string())?;
        let directory = private(&self.path)?;
        let code = component.serialize().map_err(|error| format!("{error:#}"))?;
        let parts = [&code, FORMAT.as_slice(), &Digest::of(&code).0];
        let written = write(&directory, &name(engine, digest), &parts).map_err(|error| error.to_string());
        for kind in ["cwasm", "receipt", "part"] {
            self.drop_oldest(kind);
        }
        written
    }

    fn receipt(&self, engine: &Engine, source: &Fingerprint) -> Option<String> {
        let boot = self.boot.as_ref()?;
        let key = [FORMAT.as_slice(), &key(engine), boot.as_bytes(), &source.to_bytes()].concat();
        Some(format!("{}.receipt", Digest::of(&key).hexadecimal()))
    }

    fn drop_oldest(&self, kind: &str) {
        let Ok(entries) = std::fs::read_dir(&self.path) else { return };
        let aged = entries.filter_map(|entry| {
            let path = entry.ok()?.path();
            let ours = path.extension().is_some_and(|extension| extension == kind);
            Some((ours.then(|| path.symlink_metadata().ok()?.modified().ok())??, path))
        });
        let mut aged: Vec<(SystemTime, PathBuf)> = aged.collect();
        aged.sort();
        let excess = aged.len().saturating_sub(MOST_ENTRIES);
        for (_, path) in &aged[..excess] {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Of everything in the engine that compiled code depends on.
fn key(engine: &Engine) -> [u8; 8] {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish().to_le_bytes()
}

fn name(engine: &Engine, digest: Digest) -> String {
    let key = [FORMAT.as_slice(), &key(engine), &digest.0].concat();
    format!("{}.cwasm", Digest::of(&key).hexadecimal())
}

fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens the directory, if it is ours alone and what it holds may be run.
fn private(path: &Path) -> Result<OwnedFd, String> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| error.to_string())?;
    if !is_ours(&directory, 0o077) {
        return Err("others than this process's user own it or have access; it needs mode 0700".to_owned());
    }
    let flags = rustix::fs::fstatvfs(&directory).map(|mounted| mounted.f_flag);
    if flags.is_ok_and(|flags| flags.contains(StatVfsMountFlags::NOEXEC)) {
        return Err("it is mounted noexec, and compiled plugins are run from there".to_owned());
    }
    Ok(directory)
}

/// Owned by the user that this process acts as, with none of the `forbidden` permissions.
fn is_ours(file: &OwnedFd, forbidden: u32) -> bool {
    let own = rustix::process::geteuid().as_raw();
    rustix::fs::fstat(file)
        .is_ok_and(|stat| stat.st_uid == own && Mode::from_raw_mode(stat.st_mode).bits() & forbidden == 0)
}

/// A file of the directory that nobody else can have written.
struct Entry {
    file: File,
    fingerprint: Fingerprint,
    bytes: u64,
}

impl Entry {
    fn open(directory: &OwnedFd, name: &str) -> Option<Entry> {
        // Not blocking, in case someone has put a pipe in its place.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(directory, name, flags, Mode::empty()).ok()?;
        if !is_ours(&file, 0o022) {
            return None;
        }
        let file = File::from(file);
        let metadata =
            file.metadata().ok().filter(|metadata| metadata.is_file() && metadata.len() <= MOST_BYTES)?;
        Some(Entry { file, fingerprint: Fingerprint::of(&metadata), bytes: metadata.len() })
    }

    /// Whether its end is the digest of what stands before.
    fn is_whole(&self) -> bool {
        self.digest_is_right().unwrap_or(false)
    }

    fn digest_is_right(&self) -> std::io::Result<bool> {
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
        (&self.file).read_exact(&mut tail)?;
        Ok(tail.starts_with(FORMAT) && tail[FORMAT.len()..] == *hash.finalize())
    }

    /// Wasmtime itself refuses code of another version or other settings.
    #[expect(
        unsafe_code,
        reason = "running compiled code that was kept needs it, and nothing else outside gmr-inspect does"
    )]
    fn map(&self, engine: &Engine) -> Option<Component> {
        let path = format!("{DESCRIPTORS}/{}", self.file.as_raw_fd());
        // SAFETY: the file holds what `Component::serialize` returned. Only this process's user can have written it
        // (`open` asked the descriptor that is mapped here), in a directory that nobody else can enter; what follows the
        // code is no part of it to wasmtime. Its digest was right when it was last looked at as a whole, and by the
        // kernel's account it has not changed since. This cache never writes to an entry: it makes another one and
        // renames it, so that what is mapped stays as it is.
        let component = unsafe { Component::deserialize_file(engine, path) };
        component.ok()
    }
}

/// Under another name first, so that nobody ever sees a part.
fn write(directory: &OwnedFd, name: &str, parts: &[&[u8]]) -> std::io::Result<()> {
    let part = format!("{name}.{}.part", std::process::id());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, &*part, flags, Mode::RUSR | Mode::WUSR)?;
    let mut file = File::from(file);
    let written = parts
        .iter()
        .try_for_each(|part| file.write_all(part))
        .and_then(|()| Ok(rustix::fs::renameat(directory, &*part, directory, name)?));
    if written.is_err() {
        let _ = rustix::fs::unlinkat(directory, &*part, AtFlags::empty());
    }
    written
}

#[cfg(test)]
mod tests;
