//! The catalogue of plugin files: which there are, which of them are ready, what is wrong with the others. Plain
//! bookkeeping; [`loading`](super::loading) fills it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use super::fingerprint::Fingerprint;
use crate::bounded_call::Caller;
use crate::plugin::sandbox::handle::PluginHandle;

/// All plugin files.
#[derive(Default)]
pub struct Catalogue {
    pub entries: BTreeMap<PathBuf, Entry>,
    /// What is wrong with the folders or the watch, each in one line.
    pub problems: Vec<String>,
    /// Why the plugin that was compiled last is not in the cache.
    pub not_cached: Option<String>,
    /// Why plugins were compiled in this process, if a child should do it.
    pub no_child: Option<String>,
}

/// A plugin file.
pub struct Entry {
    /// The plugin's name; the file's if that is none.
    pub name: String,
    pub enabled: bool,
    /// What the file was when it was last looked into.
    pub seen: Option<Fingerprint>,
    /// The last version that loaded. It serves until another loads or the file is gone.
    pub ready: Option<Ready>,
    /// Why the file, as it is now, does not load.
    pub problem: Option<String>,
    /// The file has to be compiled first.
    pub pending: Option<Pending>,
    pub record: Arc<Record>,
}

/// A compilation that is to come or goes on.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// What the file was when it was last looked into.
    pub seen: Fingerprint,
    /// When its turn came; until then it waits for others.
    pub since: Option<Timestamp>,
}

/// A plugin that is ready, and how it became so.
#[derive(Clone)]
pub struct Ready {
    pub plugin: Arc<PluginHandle>,
    pub took: Duration,
    pub from_cache: bool,
}

/// What happened in the calls of a plugin, across its versions.
#[derive(Debug, Default)]
pub struct Record {
    pub calls: AtomicU64,
    pub failures: AtomicU64,
    /// Keeps a plugin from being called that has not come back from an earlier call.
    pub caller: Caller,
    pub last: Mutex<Option<Last>>,
}

/// The last call.
#[derive(Clone, Debug)]
pub struct Last {
    pub took: Duration,
    pub memory_bytes: u64,
}

impl Entry {
    pub fn new(name: String, enabled: bool) -> Entry {
        let record = Arc::new(Record::default());
        Entry { name, enabled, seen: None, ready: None, problem: None, pending: None, record }
    }

    /// Takes in what came of the file, as it was when it was looked into: another version that is ready, the same as
    /// before, or why it does not load.
    pub fn settle(&mut self, result: Result<Option<Ready>, String>, seen: Option<Fingerprint>) {
        (self.pending, self.seen) = (None, seen);
        match result {
            Ok(Some(ready)) => (self.ready, self.problem) = (Some(ready), None),
            Ok(None) => self.problem = None,
            Err(problem) => self.problem = Some(problem),
        }
    }
}

/// A plugin to be called: where it lies, what it is, and what became of its calls.
pub type Callable = (PathBuf, Ready, Arc<Record>);

impl Catalogue {
    /// Forgets files that are gone.
    pub fn retain(&mut self, files: &[PathBuf]) {
        self.entries.retain(|path, _| files.contains(path));
    }

    /// The plugins that are ready, in the order of their sections.
    pub fn ready(&self) -> Vec<Callable> {
        let enabled = self.entries.iter().filter(|(_, entry)| entry.enabled);
        let ready = enabled
            .filter_map(|(path, entry)| Some((path.clone(), entry.ready.clone()?, entry.record.clone())));
        let mut ready: Vec<Callable> = ready.collect();
        ready.sort_by(|(_, a, _), (_, b, _)| {
            let key = |ready: &Ready| (ready.plugin.description.order, ready.plugin.name().to_owned());
            key(a).cmp(&key(b))
        });
        ready
    }

    /// The file that has this name already.
    pub fn other_of(&self, name: &str, path: &Path) -> Option<PathBuf> {
        self.entries
            .iter()
            .find(|(other, entry)| entry.name == name && *other != path)
            .map(|(other, _)| other.clone())
    }
}
