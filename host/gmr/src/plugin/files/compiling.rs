//! The compiling thread: it compiles what a look has queued, one plugin at a time, and keeps the code in the cache.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use gmr_inspect::process::MemoryClaim;
use jiff::Timestamp;

use super::catalogue::Ready;
use super::digest::Digest;
use super::fingerprint::Fingerprint;
use super::loading::{Shared, Thread};
use crate::plugin::compiler::Failure;
use crate::plugin::sandbox::compiled::CompiledCode;
use crate::plugin::sandbox::component::Compilable;
use crate::plugin::sandbox::refusal;
use crate::section::memory::memory_shortage;

/// Compiling must not compete with the application, and yet end on a busy machine: among six busy processes a processor
/// this leaves it a twentieth. Looking takes moments, and reports wait for it.
const NICENESS: i32 = 5;

/// Compiling a plugin of more than this leaves the allocator so much free memory (550 MB of a JavaScript one of 12 MB)
/// that giving it back is worth the moment that other allocations may wait. A Rust plugin has a tenth of it.
const LARGE_BYTES: u64 = 1 << 20;

/// A plugin that is ready, with its code for the cache.
type Compiled = (Ready, Digest, CompiledCode);

impl Shared {
    /// Compiles for as long as there is something in the queue.
    pub fn compile_while_queued(self: &Arc<Self>) {
        gmr_inspect::process::lower_priority(NICENESS);
        let mut largest = 0;
        loop {
            let next = {
                let mut work = self.work();
                work.queue.pop_first().filter(|_| !work.stopped)
            };
            match next {
                Some((size, file)) => {
                    largest = largest.max(size);
                    if catch_unwind(AssertUnwindSafe(|| self.compile(&file))).is_err() {
                        self.give_up(&file);
                    }
                    continue;
                }
                None if largest > LARGE_BYTES => {
                    largest = 0;
                    gmr_inspect::process::give_back();
                }
                None => {}
            }
            let mut work = self.work();
            if work.queue.is_empty() || work.stopped {
                return self.end(Thread::Compiling, &mut work);
            }
        }
    }

    /// Compiles a file that was queued, as it is now.
    fn compile(&self, file: &Path) {
        let began = Instant::now();
        let read = self.read(file, |time| self.pause(time)).map_err(|(_, reason)| reason);
        let seen = {
            let mut work = self.work();
            let Some(entry) = work.catalogue.entries.get_mut(file) else { return };
            let Some(pending) = &mut entry.pending else { return };
            pending.seen = read.as_ref().map_or(pending.seen, |(seen, _)| *seen);
            pending.since = Some(Timestamp::now());
            pending.seen
        };
        let size = read.as_ref().map_or(0, |(_, bytes)| bytes.len() as u64);
        let _claim = match MemoryClaim::of(self.compiler.demand(size)) {
            Ok(claim) => claim,
            Err(shortage) => {
                return self.put_off(file, &format!("it is not compiled: {}", memory_shortage(&shortage)));
            }
        };
        let compiled = match read.map(|(_, bytes)| self.compile_bytes(file, &bytes, began)) {
            Ok(Err(Failure::Postponed(reason))) => return self.put_off(file, &reason),
            Ok(Err(Failure::Refused(reason))) | Err(reason) => Err(reason),
            Ok(Ok(compiled)) => Ok(compiled),
        };
        if let Some((digest, code)) = self.settle(file, seen, compiled) {
            self.keep(file, seen, digest, &code);
        }
    }

    fn compile_bytes(&self, file: &Path, bytes: &[u8], began: Instant) -> Result<Compiled, Failure> {
        let digest = Digest::of(bytes);
        self.refuse_another_digest(file, digest).map_err(Failure::Refused)?;
        let engine = &self.sandbox(file).engine;
        let compilable = Compilable::new(bytes, &self.plugin_of(file).file).map_err(Failure::Refused)?;
        let remark = |reason| self.work().catalogue.no_child = Some(reason);
        let compiled = self.compiler.compile(engine, &compilable, || self.work().stopped, remark)?;
        let component = compiled.code.map(engine);
        let component = component.map_err(|error| Failure::Refused(refusal::not_loaded(&error)))?;
        let ready = self.make_ready(file, digest, &component, began, false).map_err(Failure::Refused)?;
        Ok((ready, digest, compiled.code))
    }

    /// Says of a file that it cannot be compiled now, and that the next look is to try again.
    fn put_off(&self, file: &Path, reason: &str) {
        if let Some(entry) = self.work().catalogue.entries.get_mut(file) {
            entry.settle(Err(reason.to_owned()), None);
        }
    }

    /// Enters what came of a file into the catalogue. Returns what is to be kept.
    fn settle(
        &self,
        file: &Path,
        seen: Fingerprint,
        compiled: Result<Compiled, String>,
    ) -> Option<(Digest, CompiledCode)> {
        let mut work = self.work();
        let entry = work.catalogue.entries.get_mut(file)?;
        // Without it a look has found content that serves already.
        let pending = entry.pending?;
        let (result, kept) = match compiled {
            Ok((ready, digest, component)) => (Ok(Some(ready)), Some((digest, component))),
            Err(problem) => (Err(problem), None),
        };
        if pending.seen == seen {
            entry.settle(result, Some(seen));
            return kept;
        }
        // A look has found yet another content, which is queued. This one serves until then, so that a file that
        // changes all the time is not stuck at an old one.
        if let Ok(Some(ready)) = result {
            entry.ready = Some(ready);
        }
        None
    }

    fn give_up(&self, file: &Path) {
        if let Some(entry) = self.work().catalogue.entries.get_mut(file) {
            let seen = entry.pending.map(|pending| pending.seen);
            entry.settle(Err("the compiler panicked on it".to_owned()), seen);
        }
    }

    /// Puts compiled code into the cache. From then on the plugin runs from there: what is mapped from a file takes no
    /// memory but for the pages that are used.
    fn keep(&self, file: &Path, source: Fingerprint, digest: Digest, code: &CompiledCode) {
        let Some(cache) = &self.cache else { return };
        let sandbox = self.sandbox(file);
        let in_use: Vec<Digest> = {
            let work = self.work();
            let ready = work.catalogue.entries.values().filter_map(|entry| entry.ready.as_ref());
            ready.map(|ready| ready.plugin.digest).collect()
        };
        let put = cache.put(digest, code, &in_use);
        self.work().catalogue.not_cached = put.err();
        // Until a further change of the entry would show in its times.
        self.pause(Fingerprint::TICK);
        let Some(component) = cache.get(&sandbox.engine, digest, &source) else { return };
        let mut work = self.work();
        let Some(ready) = work.catalogue.entries.get_mut(file).and_then(|entry| entry.ready.as_mut()) else {
            return;
        };
        if ready.plugin.digest == digest
            && let Ok(plugin) = ready.plugin.with_code(sandbox, &component)
        {
            ready.plugin = Arc::new(plugin);
        }
    }
}
