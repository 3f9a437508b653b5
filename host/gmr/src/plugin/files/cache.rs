//! The cache of compiled plugins on disk, so that a restart does not compile them again. Compiled code is run as it is,
//! hence the suspicion here: whatever is damaged, foreign, or could have been written by another user is a miss.
//!
//! An entry's name is the digest of the plugin, of the engine and of the format; what is in it, [`compiled`] says.
//!
//! Two digests over tens of megabytes, of the plugin's file and of its entry, would take a hundred times as long as all
//! the rest. So a receipt is kept of what was found right: the file and the entry as the kernel accounts for them (device,
//! inode, size, times), in this boot. What a power failure or a bad disk has done is found at the first look after a boot.
//!
//! A mapped entry that its own user truncates, or a disk that fails under it, faults as with any executable: the directory
//! should be on a local disk.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Mode, OFlags, StatVfsMountFlags};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::digest::Digest;
use super::fingerprint::Fingerprint;
use crate::plugin::sandbox::compiled::{self, CompiledCode};
use crate::plugin::sandbox::engine;

/// The plugin's digest, then the entry's fingerprint.
const RECEIPT_BYTES: usize = 32 + Fingerprint::BYTES;

/// How much all entries together may have: thirty times what a Python component takes. The oldest go, but none of a plugin
/// that lies in a folder now.
const MOST_BYTES: u64 = 2 << 30;

/// Receipts that are kept, of a hundred bytes each.
const MOST_RECEIPTS: usize = 4096;

/// A part that is older was left behind by a process that has ended.
const PART_AGE: Duration = Duration::from_secs(60 * 60);

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
        let receipt = Entry::open(&directory, &self.receipt(source)?)?;
        let mut bytes = Vec::with_capacity(RECEIPT_BYTES);
        receipt.code.into_file().take(RECEIPT_BYTES as u64 + 1).read_to_end(&mut bytes).ok()?;
        let (digest, seen) = bytes.split_first_chunk::<32>()?;
        let digest = Digest(*digest);
        let entry = Entry::open(&directory, &name(digest))?;
        if entry.fingerprint.to_bytes() != *seen {
            return None;
        }
        Some((digest, entry.code.map(engine).ok()?))
    }

    /// The compiled plugin of this digest, if there is an entry that can be trusted; all of it is looked at. `source` is the
    /// file that the digest was taken of: [`Cache::recall`] then knows both.
    pub fn get(&self, engine: &Engine, digest: Digest, source: &Fingerprint) -> Option<Component> {
        let directory = private(&self.path).ok()?;
        let entry = Entry::open(&directory, &name(digest))?;
        let settled = entry.fingerprint.unsettled(SystemTime::now()).is_none();
        if !entry.code.is_whole().unwrap_or(false) {
            return None;
        }
        if settled && let Some(receipt) = self.receipt(source) {
            // Without it the next start takes longer, no more.
            let parts = [digest.0.as_slice(), &entry.fingerprint.to_bytes()].concat();
            let _ = write(&directory, &receipt, |file| file.write_all(&parts));
        }
        entry.code.map(engine).ok()
    }

    /// How many bytes the entry of this plugin has, if there is one that can be trusted.
    pub fn size(&self, digest: Digest) -> Option<u64> {
        Some(Entry::open(&private(&self.path).ok()?, &name(digest))?.code.bytes())
    }

    /// Keeps a compiled plugin, and those that are `in_use`, whatever else has to go for it.
    ///
    /// # Errors
    ///
    /// Why it cannot be kept, with the path. The plugin itself is not concerned.
    pub fn put(&self, digest: Digest, code: &CompiledCode, in_use: &[Digest]) -> Result<(), String> {
        self.keep(digest, code, in_use)
            .map_err(|reason| format!("plugins are not cached in {}: {reason}", self.path.display()))
    }

    fn keep(&self, digest: Digest, code: &CompiledCode, in_use: &[Digest]) -> Result<(), String> {
        make_private(&self.path).map_err(|error| error.to_string())?;
        let directory = private(&self.path)?;
        let written = write(&directory, &name(digest), |file| code.copy(file).map(drop));
        let in_use = in_use.iter().chain([&digest]).map(|digest| name(*digest)).collect();
        self.tidy(&in_use, MOST_BYTES, SystemTime::now());
        written.map_err(|error| error.to_string())
    }

    fn receipt(&self, source: &Fingerprint) -> Option<String> {
        let boot = self.boot.as_ref()?;
        let key = [engine::key().as_bytes(), boot.as_bytes(), &source.to_bytes()].concat();
        Some(format!("{}.receipt", Digest::of(&key).hexadecimal()))
    }

    /// Removes entries beyond so many bytes, receipts beyond their number, and parts that were left behind.
    fn tidy(&self, in_use: &BTreeSet<String>, most_bytes: u64, now: SystemTime) {
        let Ok(files) = std::fs::read_dir(&self.path) else { return };
        let (mut entries, mut receipts, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for file in files.filter_map(Result::ok) {
            let path = file.path();
            let Ok(metadata) = path.symlink_metadata() else { continue };
            let age = metadata.modified().ok().and_then(|modified| now.duration_since(modified).ok());
            let age = age.unwrap_or_default();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("cwasm") => {
                    let is_used = file.file_name().to_str().is_some_and(|name| in_use.contains(name));
                    entries.push((!is_used, age, metadata.len(), path));
                }
                Some("receipt") => receipts.push((age, path)),
                Some("part") if age > PART_AGE => gone.push(path),
                _ => {}
            }
        }
        entries.sort();
        receipts.sort();
        let mut sum = 0;
        for (is_unused, _, bytes, path) in entries {
            sum += bytes;
            if is_unused && sum > most_bytes {
                gone.push(path);
            }
        }
        gone.extend(receipts.into_iter().skip(MOST_RECEIPTS).map(|(_, path)| path));
        for path in gone {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn name(digest: Digest) -> String {
    let key = [engine::key().as_bytes(), &digest.0].concat();
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
    code: CompiledCode,
    fingerprint: Fingerprint,
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
        let metadata = file
            .metadata()
            .ok()
            .filter(|metadata| metadata.is_file() && metadata.len() <= compiled::MOST_BYTES)?;
        let fingerprint = Fingerprint::of(&metadata);
        Some(Entry { code: CompiledCode::known(file, metadata.len()), fingerprint })
    }
}

/// Under another name first, so that nobody ever sees a part.
fn write(
    directory: &OwnedFd,
    name: &str,
    fill: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let part = format!("{name}.{}.part", std::process::id());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, &*part, flags, Mode::RUSR | Mode::WUSR)?;
    let mut file = File::from(file);
    let written =
        fill(&mut file).and_then(|()| Ok(rustix::fs::renameat(directory, &*part, directory, name)?));
    if written.is_err() {
        let _ = rustix::fs::unlinkat(directory, &*part, AtFlags::empty());
    }
    written
}

#[cfg(test)]
mod tests;
