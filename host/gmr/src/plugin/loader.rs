//! Looks at the folders and loads what is new, on a thread that lives only while there is something to do. Whatever
//! fails to load leaves what served before in its place.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use wasmtime::component::Component;

use super::cache::Cache;
use super::component::{self, Digest};
use super::loaded::{self, Host};
use super::shelf::{Entry, Fingerprint, Good, Shelf};
use super::watch::Watch;
use super::{Config, directory};

/// Loads plugins in the background.
pub(super) struct Loader {
    shared: Arc<Shared>,
}

struct Shared {
    host: Host,
    config: Config,
    cache: Option<Cache>,
    /// Made by the loading thread, so that notify's thread inherits its blocked signals.
    watch: Mutex<Option<Watch>>,
    desk: Mutex<Desk>,
    /// Rung when the desk changes.
    bell: Condvar,
}

/// What is to be done, and what has come of it.
#[derive(Default)]
struct Desk {
    /// Looks that were asked for, and of these the ones that are done.
    asked: u64,
    done: u64,
    running: bool,
    stopped: bool,
    shelf: Shelf,
}

/// What came of looking into a file.
enum Step {
    /// Its content is the one that serves already.
    AsBefore,
    /// It has so many bytes and is not in the cache.
    NeedsCompiling(u64),
    Loaded(Good),
}

/// Loading must not compete with the application: a fairly low priority.
const NICENESS: i32 = 10;

/// Compiling recurses over what the plugin's author has nested; pages that are not touched cost nothing.
const STACK_BYTES: usize = 8 << 20;

/// Compiling a plugin of more than this leaves the allocator so much free memory (550 MB of a JavaScript one of 12 MB)
/// that giving it back is worth the moment that other allocations may wait. A Rust plugin has a tenth of it.
const LARGE_BYTES: u64 = 1 << 20;

/// How often a file that changes while it is read is read again before the next event is waited for.
const ATTEMPTS: u32 = 5;

/// A compilation cannot be interrupted: stopping waits so long for one and then leaves it behind, since an application
/// that wants to end must not wait for a compiler.
const FAREWELL: Duration = Duration::from_secs(1);

impl Loader {
    /// Begins with a first look.
    pub(super) fn new(host: Host, config: Config) -> Loader {
        let cache = config.cache_dir.clone().map(|path| Cache::new(path, &host.engine));
        let (watch, desk, bell) = Default::default();
        let loader = Loader { shared: Arc::new(Shared { host, config, cache, watch, desk, bell }) };
        loader.shared.look();
        loader
    }

    pub(super) fn host(&self) -> &Host {
        &self.shared.host
    }

    pub(super) fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Asks for another look at the folders and waits until it is over, or `deadline`. Returns whether it is; looks
    /// that are asked for meanwhile are not waited for.
    pub(super) fn look(&self, deadline: Instant) -> bool {
        let ours = self.shared.look();
        let patience = deadline.saturating_duration_since(Instant::now());
        let busy = |desk: &mut Desk| desk.done < ours && desk.running;
        let waited = self.shared.bell.wait_timeout_while(self.shared.desk(), patience, busy);
        let (desk, _) = waited.unwrap_or_else(PoisonError::into_inner);
        desk.done >= ours
    }

    /// Looks at the plugins as they stand.
    pub(super) fn shelf<T>(&self, look: impl FnOnce(&Shelf) -> T) -> T {
        look(&self.shared.desk().shelf)
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.watch.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut desk = self.shared.desk();
        desk.stopped = true;
        self.shared.bell.notify_all();
        drop(self.shared.bell.wait_timeout_while(desk, FAREWELL, |desk| desk.running));
    }
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a look; returns which one it is.
    fn look(self: &Arc<Self>) -> u64 {
        let mut desk = self.desk();
        desk.asked += 1;
        let ours = desk.asked;
        if desk.running || desk.stopped {
            return ours;
        }
        let shared = self.clone();
        let thread = std::thread::Builder::new().name("gmr-loader".to_owned()).stack_size(STACK_BYTES);
        match thread.spawn(move || shared.work()) {
            Ok(_) => desk.running = true,
            Err(error) => desk.shelf.problems = vec![format!("plugins cannot be loaded, no thread: {error}")],
        }
        ours
    }

    fn work(self: Arc<Self>) {
        super::block_signals();
        // Refused in some sandboxes, which is no reason not to load.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
        loop {
            let target = {
                let mut desk = self.desk();
                if desk.stopped || desk.done == desk.asked {
                    desk.running = false;
                    self.bell.notify_all();
                    return;
                }
                desk.asked
            };
            let problems = catch_unwind(AssertUnwindSafe(|| self.go_round()));
            let mut desk = self.desk();
            desk.shelf.problems =
                problems.unwrap_or_else(|_| vec!["looking for plugins panicked".to_owned()]);
            desk.done = target;
            self.bell.notify_all();
        }
    }

    /// One look at all folders. Returns what is wrong with them.
    fn go_round(self: &Arc<Self>) -> Vec<String> {
        let mut problems = Vec::new();
        problems.extend(self.follow().err());
        let mut files = Vec::new();
        for folder in &self.config.directories {
            match directory::list(folder) {
                Ok(found) => files.extend(found),
                Err(error) => problems.push(format!("{} cannot be read: {error}", folder.display())),
            }
        }
        self.desk().shelf.retain(&files);
        let changed: Vec<PathBuf> = files.into_iter().filter(|file| self.admit(file)).collect();
        // First what needs no compiling, then the small ones: each report has as many as possible.
        let mut uncached = BTreeMap::new();
        for (index, file) in changed.into_iter().enumerate() {
            if let Some(size) = self.load(&file, false, &mut problems) {
                uncached.insert((size, index), file);
            }
        }
        let largest = uncached.keys().map(|(size, _)| *size).max().unwrap_or_default();
        for file in uncached.into_values() {
            if self.desk().stopped {
                break;
            }
            self.load(&file, true, &mut problems);
        }
        if largest > LARGE_BYTES {
            gmr_inspect::process::give_back();
        }
        problems
    }

    fn follow(self: &Arc<Self>) -> Result<(), String> {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if watch.is_none() {
            let weak = Arc::downgrade(self);
            let changed = move || {
                if let Some(shared) = weak.upgrade() {
                    let _ = shared.look();
                }
            };
            *watch = Some(Watch::new(self.config.directories.clone(), changed).map_err(unwatched)?);
        }
        watch.as_mut().map_or(Ok(()), |watch| watch.follow().map_err(unwatched))
    }

    /// Gives the file a place on the shelf. Returns whether it has to be looked into.
    fn admit(&self, file: &Path) -> bool {
        let fingerprint = std::fs::metadata(file).map(|metadata| Fingerprint::of(&metadata)).ok();
        let mut desk = self.desk();
        if !desk.shelf.entries.contains_key(file) {
            let entry = match directory::name_of(file) {
                Ok(name) => {
                    let enabled = self.config.plugin(&name).enabled;
                    let mut entry = Entry::new(name.clone(), enabled);
                    entry.problem = desk.shelf.other_of(&name, file).map(|other| {
                        format!("{} has the same name and comes first; rename one of them", other.display())
                    });
                    entry.enabled &= entry.problem.is_none();
                    entry
                }
                Err(problem) => {
                    let name = file.file_name().unwrap_or_default().to_string_lossy();
                    Entry { problem: Some(problem), ..Entry::new(name.into_owned(), false) }
                }
            };
            desk.shelf.entries.insert(file.to_owned(), entry);
        }
        let Some(entry) = desk.shelf.entries.get_mut(file) else { return false };
        let changed = entry.enabled && (fingerprint.is_none() || entry.seen != fingerprint);
        entry.loading |= changed;
        changed
    }

    /// Looks into a file. Returns its size if it would have to be compiled and that is not wanted yet.
    fn load(&self, file: &Path, compile: bool, problems: &mut Vec<String>) -> Option<u64> {
        let began = Instant::now();
        let (fingerprint, read) = match self.read(file) {
            Ok((fingerprint, bytes)) => (Some(fingerprint), Ok(bytes)),
            Err((fingerprint, reason)) => (fingerprint, Err(reason)),
        };
        let result = read.and_then(|bytes| {
            let digest = Digest::of(&bytes);
            if self.serves(file, digest) {
                return Ok(Step::AsBefore);
            }
            let cached = self.cache.as_ref().and_then(|cache| cache.get(&self.host.engine, digest));
            let from_cache = cached.is_some();
            if !compile && !from_cache {
                return Ok(Step::NeedsCompiling(bytes.len() as u64));
            }
            let component = match cached {
                Some(component) => component,
                None => self.compile(&bytes)?,
            };
            let good = self.good(file, digest, &component, began, from_cache)?;
            if let (false, Some(cache)) = (from_cache, &self.cache) {
                problems.extend(cache.put(digest, &component).err());
            }
            Ok(Step::Loaded(good))
        });
        let mut desk = self.desk();
        let entry = desk.shelf.entries.get_mut(file)?;
        match result {
            Ok(Step::NeedsCompiling(size)) => return Some(size),
            Ok(Step::Loaded(good)) => (entry.good, entry.problem) = (Some(good), None),
            Ok(Step::AsBefore) => entry.problem = None,
            Err(problem) => entry.problem = Some(problem),
        }
        (entry.seen, entry.loading) = (fingerprint, false);
        None
    }

    fn serves(&self, file: &Path, digest: Digest) -> bool {
        let desk = self.desk();
        let entry = desk.shelf.entries.get(file);
        entry.and_then(|entry| entry.good.as_ref()).is_some_and(|good| good.loaded.digest == digest)
    }

    fn compile(&self, bytes: &[u8]) -> Result<Component, String> {
        let compiled = catch_unwind(AssertUnwindSafe(|| component::compile(&self.host.engine, bytes)));
        compiled.unwrap_or_else(|_| Err("the compiler panicked on it".to_owned()))
    }

    fn good(
        &self,
        file: &Path,
        digest: Digest,
        component: &Component,
        began: Instant,
        from_cache: bool,
    ) -> Result<Good, String> {
        let name = directory::name_of(file)?;
        let shown = file.file_name().unwrap_or_default().to_string_lossy();
        let loaded = loaded::load(&self.host, &name, &shown, digest, component, self.config.plugin(&name))?;
        Ok(Good { loaded: Arc::new(loaded), took: began.elapsed(), from_cache })
    }

    /// The file's bytes, as they were at one moment.
    fn read(&self, file: &Path) -> Result<(Fingerprint, Vec<u8>), (Option<Fingerprint>, String)> {
        for _ in 0..ATTEMPTS {
            let (before, bytes, after) = read_once(file).map_err(|reason| (None, reason))?;
            if let Err(reason) = directory::refuse_too_large(bytes.len() as u64) {
                return Err((Some(after), reason));
            }
            match after.unsettled(SystemTime::now()) {
                None if before == after => return Ok((after, bytes)),
                // It was written a moment ago or meanwhile, and may be half written.
                unsettled => self.pause(unsettled.unwrap_or(Duration::from_millis(1))),
            }
        }
        Err((None, "it is being written all the time".to_owned()))
    }

    /// Waits, but not for one who wants to stop.
    fn pause(&self, time: Duration) {
        drop(self.bell.wait_timeout_while(self.desk(), time, |desk| !desk.stopped));
    }
}

fn unwatched(reason: String) -> String {
    format!("changes are found at the next report only: {reason}")
}

/// A file's bytes, with what it was before and after they were read.
type Reading = (Fingerprint, Vec<u8>, Fingerprint);

fn read_once(file: &Path) -> Result<Reading, String> {
    use std::os::unix::fs::OpenOptionsExt as _;
    // Not blocking: a pipe by this name would hold the loader up.
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let opened = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(file);
    let opened = opened.map_err(|error| error.to_string())?;
    read_to_end(&opened).map_err(|error| error.to_string())?.ok_or_else(|| "it is no file".to_owned())
}

fn read_to_end(file: &File) -> std::io::Result<Option<Reading>> {
    let before = file.metadata()?;
    if !before.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(directory::MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(Some((Fingerprint::of(&before), bytes, Fingerprint::of(&file.metadata()?))))
}
