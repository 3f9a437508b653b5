//! The catalogue of plugin files: which there are, which of them are ready, what is wrong with the others. Plain
//! bookkeeping; [`loading`](super::loading) fills it.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::fingerprint::Fingerprint;
use super::ownership::Writers;
use crate::bounded_call::Caller;
use crate::plugin::PluginConfig;
use crate::plugin::interface::output_limits::cut;
use crate::plugin::sandbox::handle::PluginHandle;

/// All plugin files.
#[derive(Default)]
pub struct Catalogue {
    pub entries: BTreeMap<PathBuf, Entry>,
    /// What is wrong with the folders or the watch, each in one line.
    pub problems: Vec<String>,
    /// How many files of the folders are not looked into, since there are too many.
    pub left_out: usize,
    /// Why the plugin that was compiled last is not in the cache.
    pub not_cached: Option<String>,
    /// Why plugins were compiled in this process, if a child should do it.
    pub no_child: Option<String>,
}

/// A plugin file.
pub struct Entry {
    /// The plugin's name; the file's if that is none.
    pub name: String,
    /// Whether the settings let it run.
    pub enabled: bool,
    /// Why no plugin is made of the file whatever it contains: its name, or another file's that comes first.
    pub refused: Option<String>,
    /// Who may put another file in its place.
    pub writers: Writers,
    /// What the file was when it was last looked into.
    pub seen: Option<Fingerprint>,
    /// The last version that loaded. It serves until another loads or the file is gone.
    pub ready: Option<Ready>,
    /// Why the file, as it is now, does not load.
    pub problem: Option<String>,
    /// The file has to be compiled first.
    pub pending: Option<Pending>,
    /// Until when it is not read again, however often it changes.
    pub rests_until: Option<Instant>,
    pub record: Arc<Record>,
}

/// A file as a look at the folders finds it.
#[derive(Debug)]
pub struct Found {
    pub path: PathBuf,
    /// The plugin's name; the file's if that is none.
    pub name: String,
    pub enabled: bool,
    pub refused: Option<String>,
    pub writers: Writers,
    /// What the file is; `None` if it cannot be told.
    pub fingerprint: Option<Fingerprint>,
}

/// Bytes in which it is said why a file does not load.
const PROBLEM_BYTES: u64 = 1000;

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
    /// How many calls in a row have overrun their time.
    pub overruns: AtomicU32,
}

impl Record {
    /// The last call.
    pub fn last(&self) -> Option<Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many halvings of its time a plugin has for having overrun it. Each eighth time it has all of it again, so that
    /// one that needs more than a part can show that it is well.
    pub fn halvings(&self) -> u32 {
        const MOST: u32 = 3;
        (self.overruns.load(Ordering::Relaxed) % 8).min(MOST)
    }

    /// Counts a call that overran its time; one that did not restores all of it.
    pub fn ended(&self, overran: bool) {
        let overruns = if overran { self.overruns.load(Ordering::Relaxed).saturating_add(1) } else { 0 };
        self.overruns.store(overruns, Ordering::Relaxed);
    }
}

/// The last call.
#[derive(Clone, Debug)]
pub struct Last {
    pub took: Duration,
    pub memory_bytes: u64,
}

impl Entry {
    fn of(found: &Found) -> Entry {
        Entry {
            name: found.name.clone(),
            enabled: found.enabled,
            refused: None,
            writers: Writers::Trusted,
            seen: None,
            ready: None,
            problem: None,
            pending: None,
            rests_until: None,
            record: Arc::default(),
        }
    }

    /// Why there is no plugin of the file, as it is now.
    pub fn trouble(&self) -> Option<&str> {
        self.refused.as_deref().or(self.problem.as_deref())
    }

    /// Takes in how the file stands among the others. A file that is refused has nothing that serves.
    fn judge(&mut self, found: &Found) {
        (self.refused, self.writers) = (found.refused.clone(), found.writers.clone());
        if self.refused.is_some() {
            (self.seen, self.ready, self.problem, self.pending) = (None, None, None, None);
        }
    }

    /// Whether the file is another one than was looked into last, or than waits to be compiled.
    fn is_changed(&self, found: &Found) -> bool {
        let seen = self.pending.map(|pending| pending.seen).or(self.seen);
        found.fingerprint.is_none() || seen != found.fingerprint
    }

    /// Whether the plugin goes without its grants: everyone may put another file in its place, and no digest tells them
    /// apart.
    pub fn is_without_grants(&self) -> bool {
        let is_open = matches!(self.writers, Writers::Everyone(_));
        is_open && self.config().is_some_and(|config| !config.grants.is_empty() && config.digest.is_none())
    }

    pub fn config(&self) -> Option<&PluginConfig> {
        self.ready.as_ref().map(|ready| ready.plugin.config())
    }

    /// Takes in what came of the file, as it was when it was looked into: another version that is ready, the same as
    /// before, or why it does not load.
    pub fn settle(&mut self, result: Result<Option<Ready>, String>, seen: Option<Fingerprint>) {
        (self.pending, self.seen) = (None, seen);
        match result {
            Ok(Some(ready)) => (self.ready, self.problem) = (Some(ready), None),
            Ok(None) => self.problem = None,
            // Names and messages of a file may be of any length.
            Err(problem) => self.problem = Some(cut(problem, PROBLEM_BYTES)),
        }
    }
}

/// A plugin to be called: where it lies, what it is, and what became of its calls.
pub type Callable = (PathBuf, Ready, Arc<Record>);

impl Catalogue {
    /// Takes in what lies in the folders now. Returns the files that have to be looked into, and when to look again at
    /// those that rest.
    pub fn enter(&mut self, all: &[Found], now: Instant) -> (Vec<PathBuf>, Option<Instant>) {
        let paths: HashSet<&Path> = all.iter().map(|found| found.path.as_path()).collect();
        self.entries.retain(|path, _| paths.contains(path.as_path()));
        let (mut changed, mut again) = (Vec::new(), None::<Instant>);
        for found in all {
            let entry = self.entries.entry(found.path.clone()).or_insert_with(|| Entry::of(found));
            entry.judge(found);
            if !entry.enabled || entry.refused.is_some() || !entry.is_changed(found) {
                continue;
            }
            match entry.rests_until.filter(|until| *until > now) {
                Some(until) => again = Some(again.map_or(until, |again| again.min(until))),
                None => changed.push(found.path.clone()),
            }
        }
        (changed, again)
    }

    /// The names of a folder's files that serve.
    pub fn serving(&self, directory: &Path) -> HashSet<OsString> {
        let is_serving = |(path, entry): &(&PathBuf, &Entry)| {
            entry.ready.is_some() && entry.refused.is_none() && path.parent() == Some(directory)
        };
        let serving = self.entries.iter().filter(is_serving);
        serving.filter_map(|(path, _)| path.file_name().map(OsString::from)).collect()
    }

    /// The plugins that are ready, in the order of their sections.
    pub fn ready(&self) -> Vec<Callable> {
        let enabled = self.entries.iter().filter(|(_, entry)| entry.enabled && entry.refused.is_none());
        let ready = enabled.filter_map(|(path, entry)| {
            let mut ready = entry.ready.clone()?;
            if entry.is_without_grants() {
                ready.plugin = Arc::new(ready.plugin.without_grants());
            }
            Some((path.clone(), ready, entry.record.clone()))
        });
        let mut ready: Vec<Callable> = ready.collect();
        ready.sort_by(|(_, a, _), (_, b, _)| {
            let key = |ready: &Ready| (ready.plugin.description.order, ready.plugin.name().to_owned());
            key(a).cmp(&key(b))
        });
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, number: i64) -> Found {
        Found {
            path: path.into(),
            name: "p".to_owned(),
            enabled: true,
            refused: None,
            writers: Writers::Trusted,
            fingerprint: Some(Fingerprint::for_tests(number)),
        }
    }

    fn entry(catalogue: &mut Catalogue) -> &mut Entry {
        catalogue.entries.get_mut(Path::new("p.wasm")).unwrap()
    }

    #[test]
    fn a_file_is_looked_into_when_it_changes_and_has_rested() {
        let (mut catalogue, now) = (Catalogue::default(), Instant::now());
        let changed = || (vec![PathBuf::from("p.wasm")], None);
        assert_eq!(catalogue.enter(&[found("p.wasm", 1)], now), changed());
        entry(&mut catalogue).settle(Ok(None), Some(Fingerprint::for_tests(1)));
        assert_eq!(catalogue.enter(&[found("p.wasm", 1)], now), (vec![], None), "it is the same");
        let rested = now + Duration::from_secs(1);
        entry(&mut catalogue).rests_until = Some(rested);
        assert_eq!(catalogue.enter(&[found("p.wasm", 1)], now), (vec![], None));
        assert_eq!(
            catalogue.enter(&[found("p.wasm", 2)], now),
            (vec![], Some(rested)),
            "it has changed, and rests"
        );
        assert_eq!(catalogue.enter(&[found("p.wasm", 2)], rested), changed());
        assert_eq!(catalogue.enter(&[], rested), (vec![], None));
        assert!(catalogue.entries.is_empty(), "what is gone is forgotten");
    }

    #[test]
    fn what_is_refused_keeps_nothing_and_is_looked_into_again_when_it_is_not() {
        let (mut catalogue, now) = (Catalogue::default(), Instant::now());
        catalogue.enter(&[found("p.wasm", 1)], now);
        entry(&mut catalogue).settle(Err("no plugin".to_owned()), Some(Fingerprint::for_tests(1)));
        let refused = Found { refused: Some("another has its name".to_owned()), ..found("p.wasm", 1) };
        assert_eq!(catalogue.enter(&[refused], now), (vec![], None));
        assert_eq!(entry(&mut catalogue).trouble(), Some("another has its name"));
        let again = catalogue.enter(&[found("p.wasm", 1)], now);
        assert_eq!(again, (vec![PathBuf::from("p.wasm")], None));
        assert_eq!(entry(&mut catalogue).trouble(), None);
    }

    #[test]
    fn time_is_halved_for_each_overrun_and_given_back_by_a_call_that_keeps_to_it() {
        let record = Record::default();
        let halvings: Vec<u32> = (0..10)
            .map(|_| {
                let halvings = record.halvings();
                record.ended(true);
                halvings
            })
            .collect();
        assert_eq!(halvings, [0, 1, 2, 3, 3, 3, 3, 3, 0, 1], "each eighth time it has all of it");
        record.ended(false);
        assert_eq!(record.halvings(), 0);
    }

    #[test]
    fn why_a_file_does_not_load_is_a_short_text() {
        let mut catalogue = Catalogue::default();
        catalogue.enter(&[found("p.wasm", 1)], Instant::now());
        entry(&mut catalogue).settle(Err("long ".repeat(1 << 20)), None);
        assert!(entry(&mut catalogue).trouble().unwrap().len() < 1010);
    }
}
