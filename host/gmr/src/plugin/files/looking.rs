//! The looking thread: it lists the folders, takes what is compiled already from the cache, and queues the rest, the small
//! files first.
//!
//! Looking and compiling are two threads, each there only while it has something to do, so that a report can wait for a
//! look, for half a second at the most, and never shows what is gone, but need not wait for a compiler.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::catalogue::{Entry, Pending, Ready};
use super::digest::Digest;
use super::fingerprint::Fingerprint;
use super::folder;
use super::loading::{Shared, Thread, Work};
use super::watch::Watch;

/// What came of looking into a file.
enum Found {
    /// Its content is the one that serves already.
    AsBefore,
    /// It has so many bytes and is not in the cache.
    NeedsCompiling(u64),
    /// It is not in the cache, and nothing is compiled.
    NotCompiled,
    Loaded(Ready),
}

impl Shared {
    /// Looks for as long as looks are asked for.
    pub fn look_while_asked(self: &Arc<Self>) {
        while let Some(target) = self.next_look() {
            let problems = catch_unwind(AssertUnwindSafe(|| self.look_at_folders()));
            let mut problems = problems.unwrap_or_else(|_| vec!["looking for plugins panicked".to_owned()]);
            let mut work = self.work();
            if !work.queue.is_empty() {
                problems.extend(self.start(Thread::Compiling, &mut work).err());
            }
            work.catalogue.problems = problems;
            work.done = target;
            self.tell();
        }
    }

    /// The look that is asked for; `None` if there is none, and the thread ends.
    fn next_look(&self) -> Option<u64> {
        let mut work = self.work();
        if work.stopped || work.done == work.asked {
            self.end(Thread::Looking, &mut work);
            return None;
        }
        Some(work.asked)
    }

    /// One look at all folders. Returns what is wrong with them.
    fn look_at_folders(self: &Arc<Self>) -> Vec<String> {
        let mut problems = Vec::new();
        problems.extend(self.follow().err());
        let mut files = Vec::new();
        for directory in &self.config.directories {
            problems.extend(folder::open_to_all(directory));
            match folder::list(directory) {
                Ok(found) => files.extend(found),
                Err(error) => problems.push(format!("{} cannot be read: {error}", directory.display())),
            }
        }
        {
            let mut work = self.work();
            work.catalogue.retain(&files);
            work.queue.retain(|(_, queued)| files.contains(queued));
        }
        files.iter().filter(|file| self.enter(file)).for_each(|file| self.look_into(file));
        problems
    }

    fn follow(self: &Arc<Self>) -> Result<(), String> {
        let unwatched = |reason| format!("changes are found at the next report only: {reason}");
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if watch.as_ref().is_none_or(Watch::is_closed) {
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

    /// Enters the file into the catalogue. Returns whether it has to be looked into.
    fn enter(&self, file: &Path) -> bool {
        let fingerprint = fingerprint(file);
        let mut work = self.work();
        if !work.catalogue.entries.contains_key(file) {
            let entry = self.entry(file, &work);
            work.catalogue.entries.insert(file.to_owned(), entry);
        }
        let Some(entry) = work.catalogue.entries.get(file) else { return false };
        let seen = entry.pending.map(|pending| pending.seen).or(entry.seen);
        entry.enabled && (fingerprint.is_none() || seen != fingerprint)
    }

    fn entry(&self, file: &Path, work: &Work) -> Entry {
        let name = match folder::name_of(file, &self.config.taken) {
            Ok(name) => name,
            Err(problem) => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                return Entry { problem: Some(problem), ..Entry::new(name.into_owned(), false) };
            }
        };
        let problem = work.catalogue.other_of(&name, file).map(|other| {
            format!("{} has the same name and comes first; rename one of them", other.display())
        });
        let enabled = self.config.plugin(&name).enabled && problem.is_none();
        Entry { problem, ..Entry::new(name, enabled) }
    }

    /// Loads the file, unless it has to be compiled: then it is queued.
    fn look_into(&self, file: &Path) {
        let began = Instant::now();
        let (fingerprint, result) = match self.recall(file, began) {
            Some((fingerprint, result)) => (Some(fingerprint), result),
            None => match self.read(file) {
                Ok((fingerprint, bytes)) => (Some(fingerprint), self.find(file, began, fingerprint, &bytes)),
                Err((fingerprint, reason)) => (fingerprint, Err(reason)),
            },
        };
        let mut work = self.work();
        work.unqueue(file);
        let Some(entry) = work.catalogue.entries.get_mut(file) else { return };
        match (result, fingerprint) {
            (Ok(Found::NeedsCompiling(size)), Some(seen)) => {
                (entry.pending, entry.problem) = (Some(Pending { seen, since: None }), None);
                work.queue.insert((size, file.to_owned()));
            }
            (Ok(Found::Loaded(ready)), seen) => entry.settle(Ok(Some(ready)), seen),
            // The cache may have it by the next look, though the file stays the same.
            (Ok(Found::NotCompiled), _) => entry.settle(Err(self.not_compiled(file)), None),
            (Ok(Found::AsBefore | Found::NeedsCompiling(_)), seen) => entry.settle(Ok(None), seen),
            (Err(problem), seen) => entry.settle(Err(problem), seen),
        }
    }

    /// The plugin, if the cache knows this very file: then it need not be read.
    fn recall(&self, file: &Path, began: Instant) -> Option<(Fingerprint, Result<Found, String>)> {
        let fingerprint = fingerprint(file)?;
        let (digest, component) = self.cache.as_ref()?.recall(&self.sandbox(file).engine, &fingerprint)?;
        if self.serves(file, digest) {
            return Some((fingerprint, Ok(Found::AsBefore)));
        }
        Some((fingerprint, self.make_ready(file, digest, &component, began, true).map(Found::Loaded)))
    }

    /// The plugin, if the cache knows this content.
    fn find(
        &self,
        file: &Path,
        began: Instant,
        fingerprint: Fingerprint,
        bytes: &[u8],
    ) -> Result<Found, String> {
        let digest = Digest::of(bytes);
        if self.serves(file, digest) {
            return Ok(Found::AsBefore);
        }
        let engine = &self.sandbox(file).engine;
        match self.cache.as_ref().and_then(|cache| cache.get(engine, digest, &fingerprint)) {
            Some(component) => self.make_ready(file, digest, &component, began, true).map(Found::Loaded),
            None if self.compiler.is_off() => Ok(Found::NotCompiled),
            None => Ok(Found::NeedsCompiling(bytes.len() as u64)),
        }
    }

    /// That only what is in the cache runs, and how it comes in there.
    fn not_compiled(&self, file: &Path) -> String {
        let cache = self.config.cache_dir.as_deref().unwrap_or(Path::new("DIR"));
        format!(
            "it is not in the cache, and `compile` is \"never\": run `gmr plugin compile {} --cache-dir {}`",
            file.display(),
            cache.display()
        )
    }

    fn serves(&self, file: &Path, digest: Digest) -> bool {
        let work = self.work();
        let entry = work.catalogue.entries.get(file);
        entry.and_then(|entry| entry.ready.as_ref()).is_some_and(|ready| ready.plugin.digest == digest)
    }
}

fn fingerprint(file: &Path) -> Option<Fingerprint> {
    std::fs::metadata(file).map(|metadata| Fingerprint::of(&metadata)).ok()
}
