//! What is kept is found again, and whatever is damaged or foreign is not.

use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use super::*;
use crate::plugin::Limits;
use crate::plugin::sandbox::compiled::{FORMAT, TAIL_BYTES};
use crate::plugin::sandbox::engine::engine;

fn code(engine: &Engine) -> CompiledCode {
    CompiledCode::in_memory(&engine.precompile_component(&wat::parse_str("(component)").unwrap()).unwrap())
        .unwrap()
}

struct Kept {
    folder: tempfile::TempDir,
    engine: Engine,
    cache: Cache,
    digest: Digest,
}

/// What a plugin was compiled from; each number is another file.
fn source(number: i64) -> Fingerprint {
    Fingerprint::for_tests(number)
}

impl Kept {
    fn new() -> Kept {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(Limits::default().wasm_stack_bytes).unwrap();
        let cache = Cache::new(folder.path().join("deep/cache"));
        let digest = Digest::of(b"source");
        cache.put(digest, &code(&engine), &[]).unwrap();
        let kept = Kept { folder, engine, cache, digest };
        assert!(kept.get(), "what is kept is found");
        kept
    }

    fn entry(&self) -> PathBuf {
        self.cache.path.join(name(self.digest))
    }

    fn get(&self) -> bool {
        self.cache.get(&self.engine, self.digest, &source(1)).is_some()
    }

    fn recall(&self, source: &Fingerprint) -> bool {
        let recalled = self.cache.recall(&self.engine, source);
        recalled.is_some_and(|(digest, _)| digest == self.digest)
    }

    /// Waits until a change of the entry shows in its times, and leaves a receipt then.
    fn receipt(&self) {
        while !self.recall(&source(1)) {
            assert!(self.get());
            std::thread::yield_now();
        }
    }

    #[track_caller]
    fn is_miss(&self) {
        assert!(!self.get());
        assert!(!self.recall(&source(1)));
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_directory_and_its_entries_are_private() {
    let kept = Kept::new();
    kept.receipt();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&kept.cache.path), 0o700);
    let entries = std::fs::read_dir(&kept.cache.path).unwrap();
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(paths.len(), 2, "an entry and its receipt, and no part is left over: {paths:?}");
    assert!(paths.iter().all(|path| mode(path) == 0o600), "{paths:?}");
}

#[test]
fn another_plugin_or_engine_is_a_miss() {
    let kept = Kept::new();
    kept.receipt();
    assert!(kept.cache.get(&kept.engine, Digest::of(b"other"), &source(1)).is_none());
    let other = Engine::default();
    assert!(kept.cache.get(&other, kept.digest, &source(1)).is_none());
    assert!(kept.cache.recall(&other, &source(1)).is_none());
    let deeper = engine(2 * Limits::default().wasm_stack_bytes).unwrap();
    assert!(kept.cache.get(&deeper, kept.digest, &source(1)).is_some(), "the stack's size is no part of it");
}

#[test]
fn an_entry_that_is_damaged_or_cut_off_is_a_miss() {
    let kept = Kept::new();
    kept.receipt();
    let whole = std::fs::read(kept.entry()).unwrap();
    let code = whole.len() - TAIL_BYTES;
    for at in [0, code / 2, code - 1, code, code + FORMAT.len(), whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(kept.entry(), damaged).unwrap();
        kept.is_miss();
        std::fs::write(kept.entry(), &whole[..at]).unwrap();
        kept.is_miss();
    }
    std::fs::write(kept.entry(), whole).unwrap();
    assert!(kept.get());
}

#[test]
fn a_receipt_is_for_one_file_one_entry_and_one_boot() {
    let kept = Kept::new();
    kept.receipt();
    assert!(!kept.recall(&source(2)), "another file");
    let next = Cache { path: kept.cache.path.clone(), boot: Some("another boot".into()) };
    assert!(next.recall(&kept.engine, &source(1)).is_none());
    let receipt = kept.cache.path.join(kept.cache.receipt(&source(1)).unwrap());
    let whole = std::fs::read(&receipt).unwrap();
    assert_eq!(whole.len(), RECEIPT_BYTES);
    for at in [0, 31, 32, RECEIPT_BYTES - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(&receipt, damaged).unwrap();
        assert!(!kept.recall(&source(1)));
        std::fs::write(&receipt, &whole[..at]).unwrap();
        assert!(!kept.recall(&source(1)));
    }
    std::fs::write(&receipt, [&whole[..], b"x"].concat()).unwrap();
    assert!(!kept.recall(&source(1)));
    std::fs::write(&receipt, whole).unwrap();
    assert!(kept.recall(&source(1)));
    set_mode(&receipt, 0o622);
    assert!(!kept.recall(&source(1)), "others may have written it");
}

#[test]
fn what_others_may_have_written_is_a_miss() {
    let kept = Kept::new();
    kept.receipt();
    set_mode(&kept.entry(), 0o660);
    kept.is_miss();
    set_mode(&kept.entry(), 0o600);
    for open in [0o770, 0o707, 0o750] {
        set_mode(&kept.cache.path, open);
        kept.is_miss();
        let error = kept.cache.put(kept.digest, &code(&kept.engine), &[]).unwrap_err();
        assert!(error.contains("deep/cache") && error.contains("mode 0700"), "{error}");
    }
    set_mode(&kept.cache.path, 0o700);
    assert!(kept.get());
}

#[test]
fn what_another_user_owns_is_a_miss() {
    const SOMEBODY: Option<u32> = Some(12345);
    if !rustix::process::geteuid().is_root() {
        return gmr_test_support::skip("only root can give files away");
    }
    let own = Some(rustix::process::geteuid().as_raw());
    let kept = Kept::new();
    kept.receipt();
    for path in [kept.entry(), kept.cache.path.clone()] {
        chown(&path, SOMEBODY, None).unwrap();
        kept.is_miss();
        chown(&path, own, None).unwrap();
        assert!(kept.get());
    }
    kept.receipt();
    let receipt = kept.cache.path.join(kept.cache.receipt(&source(1)).unwrap());
    chown(receipt, SOMEBODY, None).unwrap();
    assert!(!kept.recall(&source(1)));
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

/// The names in the directory, without receipts.
fn left(kept: &Kept) -> BTreeSet<String> {
    let names = std::fs::read_dir(&kept.cache.path).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| !name.ends_with("receipt")).collect()
}

#[test]
fn the_oldest_entries_go_but_none_that_is_in_use() {
    let kept = Kept::new();
    std::fs::remove_file(kept.entry()).unwrap();
    let now = SystemTime::now();
    for (name, bytes, age) in [("a.cwasm", 10, 4), ("b.cwasm", 10, 3), ("c.cwasm", 10, 2), ("d.cwasm", 10, 1)]
    {
        let path = kept.cache.path.join(name);
        std::fs::write(&path, vec![0; bytes]).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(now - Duration::from_secs(age)).unwrap();
    }
    let names = |names: &[&str]| names.iter().map(|name| format!("{name}.cwasm")).collect::<BTreeSet<_>>();
    kept.cache.tidy(&names(&["a"]), 40, now);
    assert_eq!(left(&kept), names(&["a", "b", "c", "d"]), "they have as much as they may");
    kept.cache.tidy(&names(&["a"]), 39, now);
    assert_eq!(left(&kept), names(&["a", "c", "d"]));
    kept.cache.tidy(&names(&["a", "c", "d"]), 0, now);
    assert_eq!(left(&kept), names(&["a", "c", "d"]), "however much those in use have");
}

#[test]
fn many_small_entries_displace_no_large_one() {
    let kept = Kept::new();
    for number in 0..1000 {
        std::fs::write(kept.cache.path.join(format!("{number}.cwasm")), "").unwrap();
    }
    kept.cache.put(Digest::of(b"another"), &code(&kept.engine), &[]).unwrap();
    assert!(kept.get());
}

#[test]
fn parts_of_processes_that_have_ended_and_the_oldest_receipts_go() {
    let kept = Kept::new();
    let part = kept.cache.path.join("a.cwasm.1.part");
    std::fs::write(&part, "").unwrap();
    let none = BTreeSet::new();
    kept.cache.tidy(&none, u64::MAX, SystemTime::now());
    assert!(part.exists());
    for number in 0..=MOST_RECEIPTS {
        std::fs::write(kept.cache.path.join(format!("{number}.receipt")), "").unwrap();
    }
    kept.cache.tidy(&none, u64::MAX, SystemTime::now() + 2 * PART_AGE);
    assert!(!part.exists());
    let receipts = std::fs::read_dir(&kept.cache.path).unwrap().count() - left(&kept).len();
    assert_eq!(receipts, MOST_RECEIPTS);
}

#[test]
fn a_cache_that_is_mounted_noexec_is_told_and_not_written_to() {
    const NAME: &str =
        "plugin::files::cache::tests::a_cache_that_is_mounted_noexec_is_told_and_not_written_to";
    const MOUNTED: &str = "GMR_TEST_NOEXEC";
    if let Some(mounted) = std::env::var_os(MOUNTED) {
        let engine = engine(Limits::default().wasm_stack_bytes).unwrap();
        let cache = Cache::new(PathBuf::from(mounted));
        let error = cache.put(Digest::of(b"source"), &code(&engine), &[]).unwrap_err();
        assert!(error.contains(": it is mounted noexec"), "{error}");
        assert_eq!(std::fs::read_dir(&cache.path).unwrap().count(), 0);
        return;
    }
    // In a mount namespace of its own, and as root of a user namespace.
    let folder = tempfile::tempdir().unwrap();
    let unshared = |script: &str| {
        let mut command = std::process::Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-ec", script, "sh"]).arg(folder.path());
        command.arg(std::env::current_exe().unwrap()).arg(NAME).env(MOUNTED, folder.path());
        command.output()
    };
    let mount = "mount -t tmpfs -o noexec,mode=700 none \"$1\"";
    if !unshared(mount).is_ok_and(|output| output.status.success()) {
        return gmr_test_support::skip("no mount namespace is to be had");
    }
    let output = unshared(&format!("{mount}; \"$2\" --exact \"$3\"")).unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
