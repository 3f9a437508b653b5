//! The looking thread: it lists the folders, takes what is compiled already from the cache, and queues the rest, the small
//! files first.
//!
//! Looking and compiling are two threads, each there only while it has something to do, so that a report can wait for a
//! look, for half a second at the most, and never shows what is gone, but need not wait for a compiler. Files are listed
//! and asked for what they are without the lock that reports take: of any number of files, these are the first.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::catalogue::{Found, Pending, Ready};
use super::digest::Digest;
use super::fingerprint::Fingerprint;
use super::folder::Rank;
use super::loading::{Shared, Thread};
use super::ownership::{self, Writers};
use super::watch::Watch;
use super::{folder, reading};

/// What came of looking into a file.
enum Content {
    /// It is the one that serves already.
    AsBefore,
    /// It has so many bytes and is not in the cache.
    NeedsCompiling(u64),
    /// It is not in the cache, and nothing is compiled.
    NotCompiled,
    Loaded(Ready),
}

/// What came of looking into a file, and what the file was.
type Outcome = (Option<Fingerprint>, Result<Content, String>);

/// After a file was read it rests for so many times as long as that took: one that changes all the time takes at most a
/// tenth of a processor.
const REST: u32 = 9;

/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// What lies in the folders.
#[derive(Default)]
struct Listed {
    files: Vec<Found>,
    left_out: usize,
    problems: Vec<String>,
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

    /// The look that is asked for, or that a file that rests needs; `None` if there is none, and the thread ends.
    fn next_look(&self) -> Option<u64> {
        let mut work = self.work();
        loop {
            let resting = work.again.map(|again| again.saturating_duration_since(Instant::now()));
            match resting {
                _ if work.stopped => break,
                _ if work.done != work.asked => return Some(work.asked),
                None => break,
                Some(Duration::ZERO) => {
                    work.again = None;
                    return Some(work.asked);
                }
                Some(time) => work = self.wait_for_change(work, time),
            }
        }
        self.end(Thread::Looking, &mut work);
        None
    }

    /// One look at all folders. Returns what is wrong with them.
    fn look_at_folders(self: &Arc<Self>) -> Vec<String> {
        let unwatched = self.follow().err();
        let listed = self.list();
        let changed = {
            let mut work = self.work();
            let (changed, again) = work.catalogue.enter(&listed.files, Instant::now());
            (work.catalogue.left_out, work.again) = (listed.left_out, again);
            work.forget_what_is_not_pending();
            changed
        };
        changed.iter().for_each(|file| self.look_into(file));
        unwatched.into_iter().chain(listed.problems).collect()
    }

    /// What lies in the folders, in their order: of two files that give the same name the first has it.
    fn list(&self) -> Listed {
        let mut listed = Listed::default();
        let mut owners = HashMap::new();
        for directory in &self.config.directories {
            listed.problems.extend(ownership::open_to_all(directory));
            let serving = self.work().catalogue.serving(directory);
            let rank = |file: &Path| {
                if self.config.plugins.contains_key(folder::stem(file)) {
                    Rank::Named
                } else if serving.contains(file.as_os_str()) {
                    Rank::Serving
                } else {
                    Rank::Unknown
                }
            };
            match folder::list(directory, rank) {
                Ok(listing) => {
                    listed.left_out += listing.left_out;
                    let found = listing.files.into_iter().map(|file| self.found(file, &mut owners));
                    listed.files.extend(found);
                }
                Err(error) => {
                    listed.problems.push(format!("{} cannot be read: {error}", directory.display()));
                }
            }
        }
        listed
    }

    fn found(&self, path: PathBuf, owners: &mut HashMap<String, PathBuf>) -> Found {
        let fingerprint = reading::look(&path).map_or_else(|(seen, _)| seen, Some);
        let (name, refused) = match folder::name_of(&path, &self.config.taken) {
            Ok(name) => {
                let refused = owners.get(&name).map(|other| {
                    format!("{} has the same name and comes first; rename one of them", other.display())
                });
                owners.entry(name.clone()).or_insert_with(|| path.clone());
                (name, refused)
            }
            Err(problem) => {
                (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), Some(problem))
            }
        };
        let config = self.config.plugin(&name);
        // Of a plugin that sees nothing, or that its digest tells from any other, it does not matter.
        let matters = !config.grants.is_empty() && config.digest.is_none();
        let writers = if matters { ownership::of_file(&path) } else { Writers::Trusted };
        Found { path, name, enabled: config.enabled, refused, writers, fingerprint }
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

    /// Loads the file, unless it has to be compiled: then it is queued.
    fn look_into(&self, file: &Path) {
        let began = Instant::now();
        let (reading, (fingerprint, result)) = match self.recall(file, began) {
            Some(outcome) => (Duration::ZERO, outcome),
            None => self.read_and_find(file, began),
        };
        let mut work = self.work();
        work.unqueue(file);
        let Some(entry) = work.catalogue.entries.get_mut(file) else { return };
        entry.rests_until = Some(Instant::now() + (reading * REST).min(LONGEST_REST));
        match (result, fingerprint) {
            (Ok(Content::NeedsCompiling(size)), Some(seen)) => {
                (entry.pending, entry.problem) = (Some(Pending { seen, since: None }), None);
                work.queue.insert((size, file.to_owned()));
            }
            (Ok(Content::Loaded(ready)), seen) => entry.settle(Ok(Some(ready)), seen),
            // The cache may have it by the next look, though the file stays the same.
            (Ok(Content::NotCompiled), _) => entry.settle(Err(self.not_compiled(file)), None),
            (Ok(Content::AsBefore), seen) => {
                // It was touched, which is how an operator clears what the plugin remembers.
                entry.ready.iter().for_each(|ready| ready.plugin.callee.state.clear());
                entry.settle(Ok(None), seen);
            }
            (Ok(Content::NeedsCompiling(_)), seen) => entry.settle(Ok(None), seen),
            (Err(problem), seen) => entry.settle(Err(problem), seen),
        }
    }

    /// The plugin, if the cache knows this very file: then it need not be read.
    fn recall(&self, file: &Path, began: Instant) -> Option<Outcome> {
        let fingerprint = reading::look(file).ok()?;
        let (digest, component) = self.cache.as_ref()?.recall(&self.sandbox(file).engine, &fingerprint)?;
        if self.serves(file, digest) {
            return Some((Some(fingerprint), Ok(Content::AsBefore)));
        }
        let ready = self.make_ready(file, digest, &component, began, true);
        Some((Some(fingerprint), ready.map(Content::Loaded)))
    }

    /// What comes of the file's bytes, and how long it took to read and digest them.
    fn read_and_find(&self, file: &Path, began: Instant) -> (Duration, Outcome) {
        let paused = Cell::new(Duration::ZERO);
        let read = self.read(file, |time| {
            let asleep = Instant::now();
            self.pause(time);
            paused.set(paused.get() + asleep.elapsed());
        });
        let digested = read.map(|(fingerprint, bytes)| (fingerprint, Digest::of(&bytes), bytes.len()));
        let reading = began.elapsed().saturating_sub(paused.get());
        let outcome = match digested {
            Ok((fingerprint, digest, size)) => {
                (Some(fingerprint), self.find(file, began, fingerprint, digest, size as u64))
            }
            Err((fingerprint, reason)) => (fingerprint, Err(reason)),
        };
        (reading, outcome)
    }

    /// The plugin, if the cache knows this content.
    fn find(
        &self,
        file: &Path,
        began: Instant,
        fingerprint: Fingerprint,
        digest: Digest,
        size: u64,
    ) -> Result<Content, String> {
        if self.serves(file, digest) {
            return Ok(Content::AsBefore);
        }
        self.refuse_another_digest(file, digest)?;
        let engine = &self.sandbox(file).engine;
        match self.cache.as_ref().and_then(|cache| cache.get(engine, digest, &fingerprint)) {
            Some(component) => self.make_ready(file, digest, &component, began, true).map(Content::Loaded),
            None if self.compiler.is_off() => Ok(Content::NotCompiled),
            None => Ok(Content::NeedsCompiling(size)),
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
