//! Loading in the background, on two threads that live only while there is something to do: one looks at the folders,
//! the other compiles. So a look never waits for a compilation, and a report, which waits for a look, does not either.
//! A file that fails to load leaves in place what served before.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wasmtime::component::Component;

use super::cache::Cache;
use super::catalogue::{Catalogue, Ready};
use super::digest::Digest;
use super::fingerprint::Fingerprint;
use super::watch::Watch;
use super::{folder, reading};
use crate::plugin::compiler::Compiler;
use crate::plugin::sandbox::engine::{Sandbox, Sandboxes};
use crate::plugin::sandbox::handle::PluginHandle;
use crate::plugin::sandbox::refusal;
use crate::plugin::{Config, PluginConfig};

/// Loads plugins in the background.
pub struct Loader {
    shared: Arc<Shared>,
}

/// What the loader's threads share with it.
pub struct Shared {
    sandboxes: Sandboxes,
    pub config: Config,
    pub cache: Option<Cache>,
    pub compiler: Compiler,
    /// Made by the looking thread, so that notify's thread inherits its blocked signals.
    pub watch: Mutex<Option<Watch>>,
    work: Mutex<Work>,
    /// Told when the work changes.
    changed: Condvar,
}

/// What is to be done, and what has come of it.
#[derive(Default)]
pub struct Work {
    /// Looks that were asked for, and of these the ones that are done.
    pub asked: u64,
    pub done: u64,
    /// When to look again without being asked, at files that changed while they rested.
    pub again: Option<Instant>,
    /// The threads that there are.
    pub threads: BTreeSet<Thread>,
    /// Nothing more is begun.
    pub stopped: bool,
    /// What has to be compiled, the small ones first: each report has as many as possible.
    pub queue: BTreeSet<(u64, PathBuf)>,
    pub catalogue: Catalogue,
}

/// The kinds of work that have a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thread {
    /// Looks at the folders for as long as looks are asked for.
    Looking,
    /// Compiles for as long as something is queued.
    Compiling,
}

/// Compiling recurses over what the plugin's author has nested; pages that are not touched cost nothing.
const STACK_BYTES: usize = 8 << 20;

/// Text is for those who write it by hand: its parser is one more thing that a file could attack.
const NO_TEXT: &str = "it is WebAssembly text, which `plugin_text = true` in [gmr] would allow: put the component in the \
                       binary format there, as `wasm-tools parse` makes it";

/// A compilation in this process cannot be interrupted: stopping waits so long for one and then leaves it behind, since an
/// application that wants to end must not wait for a compiler.
const FAREWELL: Duration = Duration::from_secs(1);

impl Loader {
    /// Begins with a first look.
    pub fn new(sandboxes: Sandboxes, config: Config) -> Loader {
        let cache = config.cache_dir.clone().map(Cache::new);
        let compiler = Compiler::new(config.compiler.clone());
        let (watch, work, changed) = Default::default();
        let shared = Shared { sandboxes, config, cache, compiler, watch, work, changed };
        let loader = Loader { shared: Arc::new(shared) };
        loader.shared.look();
        loader
    }

    pub fn sandboxes(&self) -> &Sandboxes {
        &self.shared.sandboxes
    }

    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Asks for another look at the folders and waits until it is over, or `deadline`. Returns whether it is; looks
    /// that are asked for meanwhile are not waited for, and nothing that is compiled.
    pub fn look(&self, deadline: Instant) -> bool {
        let ours = self.shared.look();
        self.shared.wait(deadline, |work| work.is_looking_for(ours)).done >= ours
    }

    /// Waits until the look that a new loader begins with is over, or `deadline`.
    pub fn first_look(&self, deadline: Instant) {
        drop(self.shared.wait(deadline, |work| work.is_looking_for(1)));
    }

    /// As [`Loader::look`], and waits for what has to be compiled too.
    #[cfg(test)]
    pub fn settle(&self, deadline: Instant) -> bool {
        let ours = self.shared.look();
        let is_compiling = |work: &Work| work.threads.contains(&Thread::Compiling);
        let is_busy = |work: &Work| work.is_looking_for(ours) || work.again.is_some() || is_compiling(work);
        let work = self.shared.wait(deadline, is_busy);
        work.done >= ours && !is_busy(&work)
    }

    /// Looks at the plugins as they stand.
    pub fn catalogue<T>(&self, look: impl FnOnce(&Catalogue) -> T) -> T {
        look(&self.shared.work().catalogue)
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.work().stopped = true;
        self.shared.changed.notify_all();
        drop(self.shared.wait(Instant::now() + FAREWELL, |work| !work.threads.is_empty()));
        // A look that does not come back, as from a file system that does not answer, has it: then it stays.
        if let Ok(mut watch) = self.shared.watch.try_lock() {
            watch.take();
        }
    }
}

impl Work {
    /// Whether the look of this number is still to come.
    fn is_looking_for(&self, look: u64) -> bool {
        self.done < look && self.threads.contains(&Thread::Looking)
    }

    pub fn unqueue(&mut self, file: &Path) {
        self.queue.retain(|(_, queued)| queued != file);
    }

    /// Takes off the queue what is gone or is refused.
    pub fn forget_what_is_not_pending(&mut self) {
        let entries = &self.catalogue.entries;
        self.queue.retain(|(_, queued)| entries.get(queued).is_some_and(|entry| entry.pending.is_some()));
    }
}

impl Shared {
    pub fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the threads that wait for the work to change.
    pub fn tell(&self) {
        self.changed.notify_all();
    }

    /// Waits while the work is `busy`, but not longer than until `deadline`.
    fn wait(&self, deadline: Instant, busy: impl Fn(&Work) -> bool) -> MutexGuard<'_, Work> {
        let patience = deadline.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(self.work(), patience, |work| busy(work));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits until something changes, but not longer than this.
    pub fn wait_for_change<'w>(&self, work: MutexGuard<'w, Work>, time: Duration) -> MutexGuard<'w, Work> {
        self.changed.wait_timeout(work, time).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits, but not if all is to stop.
    pub fn pause(&self, time: Duration) {
        drop(self.changed.wait_timeout_while(self.work(), time, |work| !work.stopped));
    }

    /// Asks for a look; returns which one it is.
    pub fn look(self: &Arc<Self>) -> u64 {
        let mut work = self.work();
        work.asked += 1;
        // The thread may be waiting for a file to have rested.
        self.tell();
        if let Err(problem) = self.start(Thread::Looking, &mut work) {
            work.catalogue.problems = vec![problem];
        }
        work.asked
    }

    /// Starts a thread, unless it is there already.
    ///
    /// # Errors
    ///
    /// If the system refuses it.
    pub fn start(self: &Arc<Self>, thread: Thread, work: &mut Work) -> Result<(), String> {
        if work.stopped || work.threads.contains(&thread) {
            return Ok(());
        }
        let (name, run): (_, fn(&Arc<Shared>)) = match thread {
            Thread::Looking => ("gmr-loader", Shared::look_while_asked),
            Thread::Compiling => ("gmr-compiler", Shared::compile_while_queued),
        };
        let shared = self.clone();
        let builder = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
        let started = builder.spawn(move || {
            crate::plugin::block_signals();
            run(&shared);
        });
        started.map_err(|error| format!("plugins cannot be loaded, no thread: {error}"))?;
        work.threads.insert(thread);
        Ok(())
    }

    /// Takes a thread off, which ends now.
    pub fn end(&self, thread: Thread, work: &mut Work) {
        work.threads.remove(&thread);
        self.tell();
    }

    pub fn sandbox(&self, file: &Path) -> &Sandbox {
        self.sandboxes.of(&self.plugin_of(file).limits)
    }

    /// What the application says about the plugin of this file.
    pub fn plugin_of(&self, file: &Path) -> PluginConfig {
        self.config.plugin(&folder::name_of(file, &[]).unwrap_or_default())
    }

    /// Makes a plugin ready of compiled code.
    ///
    /// # Errors
    ///
    /// Why the plugin cannot be used, in one line.
    pub fn make_ready(
        &self,
        file: &Path,
        digest: Digest,
        component: &Component,
        began: Instant,
        from_cache: bool,
    ) -> Result<Ready, String> {
        let name = folder::name_of(file, &self.config.taken)?;
        let shown = file.file_name().unwrap_or_default().to_string_lossy();
        let config = self.config.plugin(&name);
        config.refuse_another_digest(&name, digest)?;
        let plugin = PluginHandle::load(self.sandbox(file), &name, &shown, digest, component, config)?;
        let title = folder::title_of(plugin.description.title.clone(), &name, &self.config.taken);
        Ok(Ready { plugin: Arc::new(plugin.with_title(title)), took: began.elapsed(), from_cache })
    }

    /// # Errors
    ///
    /// That the settings pin the plugin to another content.
    pub fn refuse_another_digest(&self, file: &Path, digest: Digest) -> Result<(), String> {
        let name = folder::name_of(file, &self.config.taken)?;
        self.config.plugin(&name).refuse_another_digest(&name, digest)
    }

    /// The file's bytes, as they were at one moment.
    ///
    /// # Errors
    ///
    /// As [`reading::read`], or that plugins in text are not taken.
    pub fn read(
        &self,
        file: &Path,
        pause: impl Fn(Duration),
    ) -> Result<(Fingerprint, Vec<u8>), (Option<Fingerprint>, String)> {
        let (seen, bytes) = reading::read(file, pause)?;
        if !self.config.text && refusal::is_text(&bytes) {
            return Err((Some(seen), NO_TEXT.to_owned()));
        }
        Ok((seen, bytes))
    }
}
