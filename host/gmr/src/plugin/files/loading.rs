//! Looks at the folders and loads what is new, on two threads that live only while there is something to do: one looks,
//! takes what it can from the cache, and lists the rest; the other compiles. So a look never waits for a compilation, and
//! a report, which waits for a look, neither. Whatever fails to load leaves what served before in its place.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use wasmtime::component::Component;

use crate::plugin::Config;
use crate::plugin::files::cache::Cache;
use crate::plugin::files::catalogue::{Entry, Fingerprint, Good, Pending, Shelf};
use crate::plugin::files::folder as directory;
use crate::plugin::files::watch::Watch;
use crate::plugin::sandbox::component::Digest;
use crate::plugin::sandbox::handle as loaded;
use crate::plugin::sandbox::handle::{Host, Hosts};

/// Loads plugins in the background.
pub struct Loader {
    shared: Arc<Shared>,
}

pub struct Shared {
    hosts: Hosts,
    pub config: Config,
    pub cache: Option<Cache>,
    /// Made by the looking thread, so that notify's thread inherits its blocked signals.
    watch: Mutex<Option<Watch>>,
    pub desk: Mutex<Desk>,
    /// Rung when the desk changes.
    pub bell: Condvar,
}

/// What is to be done, and what has come of it.
#[derive(Default)]
pub struct Desk {
    /// Looks that were asked for, and of these the ones that are done.
    asked: u64,
    done: u64,
    looking: bool,
    pub compiling: bool,
    pub stopped: bool,
    /// What has to be compiled, the small ones first: each report has as many as possible.
    pub queue: BTreeSet<(u64, PathBuf)>,
    pub shelf: Shelf,
}

impl Desk {
    fn forget(&mut self, file: &Path) {
        self.queue.retain(|(_, queued)| queued != file);
    }
}

/// What came of looking into a file.
pub enum Step {
    /// Its content is the one that serves already.
    AsBefore,
    /// It has so many bytes and is not in the cache.
    NeedsCompiling(u64),
    Loaded(Good),
}

/// Compiling recurses over what the plugin's author has nested; pages that are not touched cost nothing.
const STACK_BYTES: usize = 8 << 20;

/// How often a file that changes while it is read is read again before the next event is waited for.
const ATTEMPTS: u32 = 5;

/// A compilation cannot be interrupted: stopping waits so long for one and then leaves it behind, since an application
/// that wants to end must not wait for a compiler.
const FAREWELL: Duration = Duration::from_secs(1);

impl Loader {
    /// Begins with a first look.
    pub fn new(hosts: Hosts, config: Config) -> Loader {
        let cache = config.cache_dir.clone().map(Cache::new);
        let (watch, desk, bell) = Default::default();
        let loader = Loader { shared: Arc::new(Shared { hosts, config, cache, watch, desk, bell }) };
        loader.shared.look();
        loader
    }

    pub fn hosts(&self) -> &Hosts {
        &self.shared.hosts
    }

    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Asks for another look at the folders and waits until it is over, or `deadline`. Returns whether it is; looks
    /// that are asked for meanwhile are not waited for, and nothing that is compiled.
    pub fn look(&self, deadline: Instant) -> bool {
        let ours = self.shared.look();
        self.shared.wait(deadline, |desk| desk.done < ours && desk.looking).done >= ours
    }

    /// The same, and waits for what has to be compiled too.
    #[cfg(test)]
    pub fn settle(&self, deadline: Instant) -> bool {
        let ours = self.shared.look();
        let busy = |desk: &Desk| desk.done < ours && desk.looking || desk.compiling;
        let desk = self.shared.wait(deadline, busy);
        desk.done >= ours && !desk.compiling
    }

    /// Looks at the plugins as they stand.
    pub fn shelf<T>(&self, look: impl FnOnce(&Shelf) -> T) -> T {
        look(&self.shared.desk().shelf)
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.watch.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.shared.desk().stopped = true;
        self.shared.bell.notify_all();
        drop(self.shared.wait(Instant::now() + FAREWELL, |desk| desk.looking || desk.compiling));
    }
}

impl Shared {
    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the desk is `busy`, but not longer than until `deadline`.
    fn wait(&self, deadline: Instant, busy: impl Fn(&Desk) -> bool) -> MutexGuard<'_, Desk> {
        let patience = deadline.saturating_duration_since(Instant::now());
        let waited = self.bell.wait_timeout_while(self.desk(), patience, |desk| busy(desk));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Asks for a look; returns which one it is.
    fn look(self: &Arc<Self>) -> u64 {
        let mut desk = self.desk();
        desk.asked += 1;
        if !desk.looking && !desk.stopped {
            match self.start("gmr-loader", Shared::look_on) {
                Ok(()) => desk.looking = true,
                Err(problem) => desk.shelf.problems = vec![problem],
            }
        }
        desk.asked
    }

    /// Starts a thread for one of the two kinds of work.
    fn start(self: &Arc<Self>, name: &str, work: fn(&Arc<Self>)) -> Result<(), String> {
        let shared = self.clone();
        let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
        let started = thread.spawn(move || {
            crate::plugin::block_signals();
            work(&shared);
        });
        started.map(drop).map_err(|error| format!("plugins cannot be loaded, no thread: {error}"))
    }

    /// Looks for as long as looks are asked for.
    fn look_on(self: &Arc<Self>) {
        loop {
            let target = {
                let mut desk = self.desk();
                if desk.stopped || desk.done == desk.asked {
                    desk.looking = false;
                    self.bell.notify_all();
                    return;
                }
                desk.asked
            };
            let problems = catch_unwind(AssertUnwindSafe(|| self.go_round()));
            let mut problems = problems.unwrap_or_else(|_| vec!["looking for plugins panicked".to_owned()]);
            let mut desk = self.desk();
            if !desk.queue.is_empty() && !desk.compiling && !desk.stopped {
                match self.start("gmr-compiler", Shared::compile_on) {
                    Ok(()) => desk.compiling = true,
                    Err(problem) => problems.push(problem),
                }
            }
            desk.shelf.problems = problems;
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
        {
            let mut desk = self.desk();
            desk.shelf.retain(&files);
            desk.queue.retain(|(_, queued)| files.contains(queued));
        }
        files.iter().filter(|file| self.admit(file)).for_each(|file| self.look_into(file));
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
        let fingerprint = fingerprint(file);
        let mut desk = self.desk();
        if !desk.shelf.entries.contains_key(file) {
            let entry = match directory::name_of(file, &self.config.taken) {
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
        let Some(entry) = desk.shelf.entries.get(file) else { return false };
        let seen = entry.pending.map(|pending| pending.seen).or(entry.seen);
        entry.enabled && (fingerprint.is_none() || seen != fingerprint)
    }

    /// Loads the file, unless it has to be compiled: then it is put on the list.
    fn look_into(&self, file: &Path) {
        let began = Instant::now();
        let (fingerprint, result) = match self.recall(file, began) {
            Some((fingerprint, result)) => (Some(fingerprint), result),
            None => match self.read(file) {
                Ok((fingerprint, bytes)) => (Some(fingerprint), self.step(file, began, fingerprint, &bytes)),
                Err((fingerprint, reason)) => (fingerprint, Err(reason)),
            },
        };
        let mut desk = self.desk();
        desk.forget(file);
        let Some(entry) = desk.shelf.entries.get_mut(file) else { return };
        match (result, fingerprint) {
            (Ok(Step::NeedsCompiling(size)), Some(seen)) => {
                (entry.pending, entry.problem) = (Some(Pending { seen, since: None }), None);
                desk.queue.insert((size, file.to_owned()));
            }
            (result, seen) => take(entry, result, seen),
        }
    }

    /// The plugin, if the cache knows this very file: then it need not be read.
    fn recall(&self, file: &Path, began: Instant) -> Option<(Fingerprint, Result<Step, String>)> {
        let fingerprint = fingerprint(file)?;
        let (digest, component) = self.cache.as_ref()?.recall(&self.host(file).engine, &fingerprint)?;
        if self.serves(file, digest) {
            return Some((fingerprint, Ok(Step::AsBefore)));
        }
        Some((fingerprint, self.good(file, digest, &component, began, true).map(Step::Loaded)))
    }

    fn step(
        &self,
        file: &Path,
        began: Instant,
        fingerprint: Fingerprint,
        bytes: &[u8],
    ) -> Result<Step, String> {
        let digest = Digest::of(bytes);
        if self.serves(file, digest) {
            return Ok(Step::AsBefore);
        }
        let host = self.host(file);
        match self.cache.as_ref().and_then(|cache| cache.get(&host.engine, digest, &fingerprint)) {
            Some(component) => self.good(file, digest, &component, began, true).map(Step::Loaded),
            None => Ok(Step::NeedsCompiling(bytes.len() as u64)),
        }
    }

    fn serves(&self, file: &Path, digest: Digest) -> bool {
        let desk = self.desk();
        let entry = desk.shelf.entries.get(file);
        entry.and_then(|entry| entry.good.as_ref()).is_some_and(|good| good.loaded.digest == digest)
    }

    pub fn host(&self, file: &Path) -> &Host {
        let name = directory::name_of(file, &[]).unwrap_or_default();
        self.hosts.of(&self.config.plugin(&name).limits)
    }

    pub fn good(
        &self,
        file: &Path,
        digest: Digest,
        component: &Component,
        began: Instant,
        from_cache: bool,
    ) -> Result<Good, String> {
        let name = directory::name_of(file, &self.config.taken)?;
        let shown = file.file_name().unwrap_or_default().to_string_lossy();
        let config = self.config.plugin(&name);
        let loaded = loaded::load(self.host(file), &name, &shown, digest, component, config)?;
        Ok(Good { loaded: Arc::new(loaded), took: began.elapsed(), from_cache })
    }

    /// The file's bytes, as they were at one moment.
    pub fn read(&self, file: &Path) -> Result<(Fingerprint, Vec<u8>), (Option<Fingerprint>, String)> {
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
    pub fn pause(&self, time: Duration) {
        drop(self.bell.wait_timeout_while(self.desk(), time, |desk| !desk.stopped));
    }
}

/// What came of a file, as it was when it was looked into.
pub fn take(entry: &mut Entry, result: Result<Step, String>, seen: Option<Fingerprint>) {
    (entry.pending, entry.seen) = (None, seen);
    entry.problem = match result {
        Ok(Step::Loaded(good)) => {
            entry.good = Some(good);
            None
        }
        Ok(Step::AsBefore | Step::NeedsCompiling(_)) => None,
        Err(problem) => Some(problem),
    };
}

fn unwatched(reason: String) -> String {
    format!("changes are found at the next report only: {reason}")
}

fn fingerprint(file: &Path) -> Option<Fingerprint> {
    std::fs::metadata(file).map(|metadata| Fingerprint::of(&metadata)).ok()
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
