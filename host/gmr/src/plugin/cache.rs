//! Compiled plugins on disk, so that a restart does not compile them again. Compiled code is run as it is, hence the
//! suspicion here: whatever is damaged, foreign, or could have been written by another user is a miss.
//!
//! An entry's name is the digest of the plugin, of the engine's settings and of this format; its content begins with
//! the digest of the compiled code that follows.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{AtFlags, Mode, OFlags};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::component::Digest;

/// Changes whenever what is written below changes.
const FORMAT: &[u8; 16] = b"gmr plugin 1\n\0\0\0";

/// What stands before the code: the format and the code's digest.
const HEAD_BYTES: usize = FORMAT.len() + 32;

/// A compiled component of 64 MiB of WebAssembly has two to three times that.
const MOST_BYTES: u64 = 256 << 20;

/// Entries that are kept; the oldest go. Enough for a few versions of each of a dozen plugins.
const MOST_ENTRIES: usize = 64;

/// A private directory of compiled plugins.
#[derive(Debug)]
pub(super) struct Cache {
    path: PathBuf,
    /// Of everything in the engine that compiled code depends on.
    engine: u64,
}

impl Cache {
    pub(super) fn new(path: PathBuf, engine: &Engine) -> Cache {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Cache { path, engine: hasher.finish() }
    }

    /// The compiled plugin of this digest; `None` if there is none that can be trusted.
    pub(super) fn get(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let directory = private(&self.path).ok()?;
        let entry = trusted(&directory, &self.name(digest))?;
        deserialize(engine, &entry[HEAD_BYTES..])
    }

    /// Keeps a compiled plugin.
    ///
    /// # Errors
    ///
    /// Why it cannot be kept, with the path. The plugin itself is not concerned.
    pub(super) fn put(&self, digest: Digest, component: &Component) -> Result<(), String> {
        self.write(digest, component)
            .map_err(|reason| format!("plugins are not cached in {}: {reason}", self.path.display()))
    }

    fn write(&self, digest: Digest, component: &Component) -> Result<(), String> {
        make_private(&self.path).map_err(|error| error.to_string())?;
        let directory = private(&self.path)?;
        let code = component.serialize().map_err(|error| format!("{error:#}"))?;
        let name = self.name(digest);
        let written = write(&directory, &name, &code).map_err(|error| error.to_string());
        self.drop_oldest();
        written
    }

    fn name(&self, digest: Digest) -> String {
        let key = [FORMAT.as_slice(), &self.engine.to_le_bytes(), &digest.0].concat();
        format!("{}.cwasm", Digest::of(&key).hexadecimal())
    }

    fn drop_oldest(&self) {
        let Ok(entries) = std::fs::read_dir(&self.path) else { return };
        let aged = entries.filter_map(|entry| {
            let path = entry.ok()?.path();
            let ours = path.extension().is_some_and(|extension| extension == "cwasm" || extension == "part");
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

fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens the directory, if it is ours alone.
fn private(path: &Path) -> Result<OwnedFd, String> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| error.to_string())?;
    match is_ours(&directory, 0o077) {
        true => Ok(directory),
        false => Err("others than this process's user own it or have access; it needs mode 0700".to_owned()),
    }
}

/// Owned by the user that this process acts as, with none of the `forbidden` permissions.
fn is_ours(file: &OwnedFd, forbidden: u32) -> bool {
    let own = rustix::process::geteuid().as_raw();
    rustix::fs::fstat(file)
        .is_ok_and(|stat| stat.st_uid == own && Mode::from_raw_mode(stat.st_mode).bits() & forbidden == 0)
}

/// An entry's bytes, head and code, if nobody else can have written it and it is whole.
fn trusted(directory: &OwnedFd, name: &str) -> Option<Vec<u8>> {
    // Not blocking, in case someone has put a pipe in its place.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::openat(directory, name, flags, Mode::empty()).ok()?;
    if !is_ours(&file, 0o022) {
        return None;
    }
    let file = File::from(file);
    let size =
        file.metadata().ok().filter(|metadata| metadata.is_file() && metadata.len() <= MOST_BYTES)?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(size).ok()?);
    file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    let (head, code) = bytes.split_at_checked(HEAD_BYTES)?;
    let whole = head.starts_with(FORMAT) && head[FORMAT.len()..] == Digest::of(code).0;
    whole.then_some(bytes)
}

/// Under another name first, so that nobody ever sees a part.
fn write(directory: &OwnedFd, name: &str, code: &[u8]) -> std::io::Result<()> {
    let part = format!("{name}.{}.part", std::process::id());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, &*part, flags, Mode::RUSR | Mode::WUSR)?;
    let mut file = File::from(file);
    let written = file
        .write_all(FORMAT)
        .and_then(|()| file.write_all(&Digest::of(code).0))
        .and_then(|()| file.write_all(code))
        .and_then(|()| Ok(rustix::fs::renameat(directory, &*part, directory, name)?));
    if written.is_err() {
        let _ = rustix::fs::unlinkat(directory, &*part, AtFlags::empty());
    }
    written
}

/// Wasmtime itself refuses code of another version or other settings.
#[expect(
    unsafe_code,
    reason = "running compiled code that was kept needs it, and nothing else outside gmr-inspect does"
)]
fn deserialize(engine: &Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: `code` is what `Component::serialize` returned: `trusted` took it from a file that only this process's
    // user can have written, in a directory that nobody else can enter, and its digest is the one written with it.
    let component = unsafe { Component::deserialize(engine, code) };
    component.ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    struct Kept {
        folder: tempfile::TempDir,
        engine: Engine,
        cache: Cache,
        digest: Digest,
    }

    impl Kept {
        fn new() -> Kept {
            let folder = tempfile::tempdir().unwrap();
            let engine = super::super::engine::engine().unwrap();
            let cache = Cache::new(folder.path().join("deep/cache"), &engine);
            let digest = Digest::of(b"source");
            let component = Component::new(&engine, "(component)").unwrap();
            cache.put(digest, &component).unwrap();
            assert!(cache.get(&engine, digest).is_some(), "what is kept is found");
            Kept { folder, engine, cache, digest }
        }

        fn entry(&self) -> PathBuf {
            self.cache.path.join(self.cache.name(self.digest))
        }

        #[track_caller]
        fn is_miss(&self) {
            assert!(self.cache.get(&self.engine, self.digest).is_none());
        }
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_directory_and_its_entries_are_private() {
        let kept = Kept::new();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&kept.cache.path), mode(&kept.entry())), (0o700, 0o600));
        let entries: Vec<_> = std::fs::read_dir(&kept.cache.path).unwrap().collect();
        assert_eq!(entries.len(), 1, "no part is left over");
    }

    #[test]
    fn another_plugin_or_engine_is_a_miss() {
        let kept = Kept::new();
        assert!(kept.cache.get(&kept.engine, Digest::of(b"other")).is_none());
        let other = Cache { engine: kept.cache.engine ^ 1, path: kept.cache.path.clone() };
        assert!(other.get(&kept.engine, kept.digest).is_none());
    }

    #[test]
    fn an_entry_that_is_damaged_or_cut_off_is_a_miss() {
        let kept = Kept::new();
        let whole = std::fs::read(kept.entry()).unwrap();
        for at in [0, FORMAT.len(), FORMAT.len() + 32, whole.len() / 2, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(kept.entry(), damaged).unwrap();
            kept.is_miss();
            std::fs::write(kept.entry(), &whole[..at]).unwrap();
            kept.is_miss();
        }
        std::fs::write(kept.entry(), whole).unwrap();
        assert!(kept.cache.get(&kept.engine, kept.digest).is_some());
    }

    #[test]
    fn what_others_may_have_written_is_a_miss() {
        let kept = Kept::new();
        set_mode(&kept.entry(), 0o660);
        kept.is_miss();
        set_mode(&kept.entry(), 0o600);
        for open in [0o770, 0o707, 0o750] {
            set_mode(&kept.cache.path, open);
            kept.is_miss();
            let component = Component::new(&kept.engine, "(component)").unwrap();
            let error = kept.cache.put(kept.digest, &component).unwrap_err();
            assert!(error.contains("deep/cache") && error.contains("mode 0700"), "{error}");
        }
        set_mode(&kept.cache.path, 0o700);
        assert!(kept.cache.get(&kept.engine, kept.digest).is_some());
    }

    #[test]
    fn links_are_not_followed() {
        let kept = Kept::new();
        let elsewhere = kept.folder.path().join("elsewhere");
        std::fs::rename(kept.entry(), &elsewhere).unwrap();
        symlink(&elsewhere, kept.entry()).unwrap();
        kept.is_miss();
        std::fs::rename(&elsewhere, kept.entry()).unwrap();
        let moved = kept.folder.path().join("moved");
        std::fs::rename(&kept.cache.path, &moved).unwrap();
        symlink(&moved, &kept.cache.path).unwrap();
        kept.is_miss();
    }

    #[test]
    fn the_oldest_entries_go() {
        let kept = Kept::new();
        for number in 0..=MOST_ENTRIES {
            std::fs::write(kept.cache.path.join(format!("{number}.cwasm")), "").unwrap();
        }
        kept.cache.drop_oldest();
        assert_eq!(std::fs::read_dir(&kept.cache.path).unwrap().count(), MOST_ENTRIES);
        kept.is_miss();
    }
}
