//! The second of the loader's threads: it compiles what a look has put on the list, one plugin at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use wasmtime::component::Component;

use super::loading::{Shared, Step, take};
use crate::plugin::files::catalogue::Fingerprint;
use crate::plugin::sandbox::component;
use crate::plugin::sandbox::component::Digest;

/// Compiling must not compete with the application: a fairly low priority. Looking takes moments, and reports wait for it.
const NICENESS: i32 = 10;

/// Compiling a plugin of more than this leaves the allocator so much free memory (550 MB of a JavaScript one of 12 MB)
/// that giving it back is worth the moment that other allocations may wait. A Rust plugin has a tenth of it.
const LARGE_BYTES: u64 = 1 << 20;

impl Shared {
    /// Compiles for as long as there is something on the list.
    pub fn compile_on(self: &Arc<Self>) {
        // Refused in some sandboxes, which is no reason not to compile.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
        let mut largest = 0;
        loop {
            let next = {
                let mut desk = self.desk();
                desk.queue.pop_first().filter(|_| !desk.stopped)
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
            let mut desk = self.desk();
            if desk.queue.is_empty() || desk.stopped {
                desk.compiling = false;
                self.bell.notify_all();
                return;
            }
        }
    }

    /// Compiles a file that was put on the list, as it is now.
    fn compile(&self, file: &Path) {
        let began = Instant::now();
        let read = self.read(file).map_err(|(_, reason)| reason);
        let seen = {
            let mut desk = self.desk();
            let Some(entry) = desk.shelf.entries.get_mut(file) else { return };
            let Some(pending) = &mut entry.pending else { return };
            pending.seen = read.as_ref().map_or(pending.seen, |(seen, _)| *seen);
            pending.since = Some(Timestamp::now());
            pending.seen
        };
        let compiled = read.and_then(|(_, bytes)| {
            let digest = Digest::of(&bytes);
            let component = component::compile(&self.host(file).engine, &bytes)?;
            Ok((self.good(file, digest, &component, began, false)?, digest, component))
        });
        let (result, kept) = match compiled {
            Ok((good, digest, component)) => (Ok(Step::Loaded(good)), Some((digest, component))),
            Err(problem) => (Err(problem), None),
        };
        {
            let mut desk = self.desk();
            let Some(entry) = desk.shelf.entries.get_mut(file) else { return };
            match entry.pending {
                Some(pending) if pending.seen == seen => take(entry, result, Some(seen)),
                // A look has found yet another content, which is on the list. This one serves until then, so that a
                // file that changes all the time is not stuck at an old one.
                Some(_) => {
                    if let Ok(Step::Loaded(good)) = result {
                        entry.good = Some(good);
                    }
                    return;
                }
                // A look has found content that serves already.
                None => return,
            }
        }
        if let Some((digest, component)) = kept {
            self.keep(file, seen, digest, component);
        }
    }

    fn give_up(&self, file: &Path) {
        if let Some(entry) = self.desk().shelf.entries.get_mut(file) {
            let seen = entry.pending.map(|pending| pending.seen);
            take(entry, Err("the compiler panicked on it".to_owned()), seen);
        }
    }

    /// Puts compiled code into the cache. From then on the plugin runs from there: what is mapped from a file takes no
    /// memory but for the pages that are used.
    fn keep(&self, file: &Path, source: Fingerprint, digest: Digest, component: Component) {
        let Some(cache) = &self.cache else { return };
        let host = self.host(file);
        let put = cache.put(&host.engine, digest, &component);
        drop(component);
        self.desk().shelf.not_cached = put.err();
        // Until a further change of the entry would show in its times.
        self.pause(Fingerprint::TICK);
        let Some(component) = cache.get(&host.engine, digest, &source) else { return };
        let mut desk = self.desk();
        let Some(good) = desk.shelf.entries.get_mut(file).and_then(|entry| entry.good.as_mut()) else {
            return;
        };
        if good.loaded.digest == digest
            && let Ok(loaded) = good.loaded.with_code(host, &component)
        {
            good.loaded = Arc::new(loaded);
        }
    }
}
