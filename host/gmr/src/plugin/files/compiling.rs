//! The compiling thread: it compiles what a look has queued, one plugin at a time, and keeps the code in the cache.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use gmr_inspect::process::{MemoryClaim, MemoryDemand, MemoryShortage};
use jiff::Timestamp;
use wasmtime::component::Component;

use super::catalogue::Ready;
use super::digest::Digest;
use super::fingerprint::Fingerprint;
use super::loading::{Shared, Thread};
use crate::plugin::sandbox::component;
use crate::section::memory::memory_shortage;

/// Compiling must not compete with the application: a fairly low priority. Looking takes moments, and reports wait for it.
const NICENESS: i32 = 10;

/// Compiling a plugin of more than this leaves the allocator so much free memory (550 MB of a JavaScript one of 12 MB)
/// that giving it back is worth the moment that other allocations may wait. A Rust plugin has a tenth of it.
const LARGE_BYTES: u64 = 1 << 20;

/// So many bytes of memory a compilation takes for each byte of the plugin, by the largest that were measured.
const MEMORY_PER_BYTE: u64 = 50;

/// What it takes however small the plugin is.
const MEMORY_BYTES: u64 = 8 << 20;

/// A plugin that is ready, with its code for the cache.
type Compiled = (Ready, Digest, Component);

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
        let _claim = match MemoryClaim::of(demand(size)) {
            Ok(claim) => claim,
            Err(shortage) => return self.put_off(file, &shortage),
        };
        let compiled = read.and_then(|(_, bytes)| {
            let digest = Digest::of(&bytes);
            self.refuse_another_digest(file, digest)?;
            let component = component::compile(&self.sandbox(file).engine, &bytes)?;
            Ok((self.make_ready(file, digest, &component, began, false)?, digest, component))
        });
        if let Some((digest, component)) = self.settle(file, seen, compiled) {
            self.keep(file, seen, digest, component);
        }
    }

    /// Says of a file that there is no memory to compile it, and that the next look is to try again.
    fn put_off(&self, file: &Path, shortage: &MemoryShortage) {
        let reason = format!("it is not compiled: {}", memory_shortage(shortage));
        if let Some(entry) = self.work().catalogue.entries.get_mut(file) {
            entry.settle(Err(reason), None);
        }
    }

    /// Enters what came of a file into the catalogue. Returns what is to be kept.
    fn settle(
        &self,
        file: &Path,
        seen: Fingerprint,
        compiled: Result<Compiled, String>,
    ) -> Option<(Digest, Component)> {
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
    fn keep(&self, file: &Path, source: Fingerprint, digest: Digest, component: Component) {
        let Some(cache) = &self.cache else { return };
        let sandbox = self.sandbox(file);
        let put = cache.put(&sandbox.engine, digest, &component);
        drop(component);
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

/// What it takes to compile a plugin of that size.
fn demand(size_bytes: u64) -> MemoryDemand {
    MemoryDemand::new(size_bytes.saturating_mul(MEMORY_PER_BYTE).saturating_add(MEMORY_BYTES), 0)
}
