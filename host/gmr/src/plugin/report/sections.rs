//! The plugins of this process as a report sees them: their sections, and the section about them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::Error;
use crate::plugin::files::catalogue::{Entry, Good, Last, Record};
use crate::plugin::files::loading::Loader;
use crate::plugin::report::outcome as section;
use crate::plugin::report::outcome::Face;
use crate::plugin::sandbox::call::Outcome;
use crate::plugin::sandbox::handle as loaded;
use crate::plugin::sandbox::handle::Hosts;
use crate::plugin::sandbox::parallel as run;
use crate::plugin::sandbox::parallel::Job;
use crate::plugin::{Config, Facts, Grant};
use crate::report::{Block, Field, NativeSection, Report, Section, Value};

/// The plugins of this process. While nothing happens it has one thread, notify's.
pub(crate) struct Plugins {
    loader: Loader,
    facts: Arc<Facts>,
}

/// How long a report waits for a look at the folders, so that it shows what has just come, changed or gone. That takes
/// a moment, 20 ms if a file was written just now, and nothing is compiled meanwhile; only a folder on a network that
/// does not answer takes longer.
const GRACE: Duration = Duration::from_millis(500);

/// Of what is left of the report's time, the part that this may take.
const GRACE_SHARE: u32 = 4;

impl Plugins {
    /// Looks at the folders, and begins to load what lies there, in the background.
    ///
    /// # Errors
    ///
    /// If this processor has no compiler in the engine, a plugin's WebAssembly stack has a size out of its range, or a
    /// folder's path cannot be made absolute.
    pub(crate) fn start(mut config: Config, facts: Arc<Facts>) -> Result<Plugins, Error> {
        for directory in &mut config.directories {
            // The process may change its directory later.
            *directory = std::path::absolute(&directory).map_err(|error| {
                Error::system(
                    format!("the plugin folder {} has no absolute path", directory.display()),
                    error,
                )
            })?;
        }
        let hosts = Hosts::new(config.plugins.values()).map_err(|error| {
            Error::system("the WebAssembly engine cannot be started", format!("{error:#}"))
        })?;
        Ok(Plugins { loader: Loader::new(hosts, config), facts })
    }

    /// Makes the sections of all plugins that are ready, and hands each over as soon as it and those before it are
    /// there. Returns at the latest about 0.1 s after `deadline`, whatever the plugins do.
    ///
    /// `so_far` is what plugins see that have the grant `report`.
    pub(crate) fn render(&self, so_far: &Report, deadline: Instant, mut each: impl FnMut(Section)) {
        let now = Instant::now();
        let share = deadline.saturating_duration_since(now) / GRACE_SHARE;
        self.loader.look(now + GRACE.min(share));
        let ready = self.loader.shelf(|shelf| shelf.ready());
        let subject = Arc::new(loaded::subject(visible(so_far, &ready), self.facts.clone()));
        let jobs = ready.iter().map(|(_, good, record)| {
            let (callee, subject, record) = (good.loaded.callee.clone(), subject.clone(), record.clone());
            let patience = callee.identity.config.limits.deadline;
            let work = move |until| {
                // The call before, in another report, may hang in the kernel: one thread lost is enough.
                if record.busy.swap(true, Ordering::AcqRel) {
                    return None;
                }
                let outcome = callee.render(subject, until);
                record.busy.store(false, Ordering::Release);
                Some(outcome)
            };
            Job { patience, work: Box::new(work) as Box<_> }
        });
        let jobs = jobs.collect();
        run::run(&self.loader.hosts().engines(), jobs, self.threads(), deadline, |index, result| {
            let (_, good, record) = &ready[index];
            let face = face(good);
            let limits = &good.loaded.callee.identity.config.limits;
            let section = match result {
                Ok(Some(outcome)) => {
                    *record.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last(&outcome));
                    section::of(&face, limits, outcome)
                }
                Ok(None) => section::lost(&face, "its call for an earlier report has not come back"),
                Err(lost) => section::lost(&face, lost.reason()),
            };
            record.calls.fetch_add(1, Ordering::Relaxed);
            record.failures.fetch_add(u64::from(section.failure.is_some()), Ordering::Relaxed);
            each(section);
        });
    }

    fn threads(&self) -> usize {
        match self.loader.config().parallel {
            0 => std::thread::available_parallelism().map_or(1, usize::from).min(4),
            threads => threads,
        }
    }

    /// The section about the plugins: which there are, from where, and what is wrong with them.
    pub(crate) fn section(&self) -> Section {
        let mut section = Section::native(NativeSection::Plugins);
        self.loader.shelf(|shelf| {
            if shelf.entries.is_empty() {
                let folders: Vec<String> = self
                    .loader
                    .config()
                    .directories
                    .iter()
                    .map(|folder| folder.display().to_string())
                    .collect();
                section.blocks.push(Block::paragraph(format!("no plugins in {}", folders.join(", "))));
            } else {
                section.blocks.push(table(&shelf.entries));
            }
            for (path, entry) in &shelf.entries {
                if let Some(problem) = &entry.problem {
                    let serves = if entry.good.is_some() { "; the version before it serves" } else { "" };
                    let file = path.file_name().unwrap_or_default().to_string_lossy();
                    section.remarks.push(format!("{file} does not load: {problem}{serves}"));
                }
            }
            section.remarks.extend(shelf.problems.iter().chain(&shelf.not_cached).cloned());
            let problems: Vec<Field> =
                section.remarks.iter().map(|remark| Field::new("problem", remark.as_str())).collect();
            let wishes = wishes(&shelf.entries);
            for fields in [problems, wishes].into_iter().filter(|fields| !fields.is_empty()) {
                section.blocks.push(Block::fields(fields));
            }
            // Told above all sections, since nothing stands where theirs will, or an older one does.
            let pending = |has_older: bool| {
                let pending = |entry: &&Entry| {
                    let is_first = entry.good.is_none() && entry.problem.is_none();
                    entry.enabled
                        && entry.good.is_some() == has_older
                        && (entry.pending.is_some() || is_first)
                };
                let names = shelf.entries.values().filter(pending).map(|entry| entry.name.as_str());
                names.collect::<Vec<&str>>().join(", ")
            };
            section.remarks.extend(match pending(false) {
                names if names.is_empty() => None,
                names => Some(format!("no section yet of {names}: still being compiled")),
            });
            section.remarks.extend(match pending(true) {
                names if names.is_empty() => None,
                names => Some(format!("an older section of {names}: the new one is still being compiled")),
            });
        });
        section
    }
}

/// The report that plugins see: copied for them, since a stuck one may hold on to it; without its sections if none may
/// see them.
fn visible(so_far: &Report, ready: &[(PathBuf, Good, Arc<Record>)]) -> Report {
    let granted = |good: &Good| good.loaded.callee.identity.config.grants.contains(&Grant::Report);
    match ready.iter().any(|(_, good, _)| granted(good)) {
        true => so_far.clone(),
        false => Report::new(so_far.header.clone()),
    }
}

fn face(good: &Good) -> Face<'_> {
    let loaded = &good.loaded;
    Face { name: &loaded.callee.identity.name, title: &loaded.description.title, source: &loaded.source }
}

fn last<T>(outcome: &Outcome<T>) -> Last {
    Last { took: loaded::rounded(outcome.took), memory_bytes: outcome.memory_bytes }
}

fn table(entries: &BTreeMap<PathBuf, Entry>) -> Block {
    let columns =
        ["plugin", "state", "version", "digest", "loaded in", "calls", "failed", "took", "memory", "file"];
    let rows = entries.iter().map(|(path, entry)| {
        let good = entry.good.as_ref();
        let last = entry.record.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        vec![
            Value::from(entry.name.as_str()),
            Value::from(state(entry)),
            good.map(|good| good.loaded.description.version.clone()).into(),
            good.map(|good| good.loaded.digest.short()).into(),
            good.map(|good| loaded::rounded(good.took)).into(),
            Value::from(entry.record.calls.load(Ordering::Relaxed)),
            Value::from(entry.record.failures.load(Ordering::Relaxed)),
            last.as_ref().map(|last| last.took).into(),
            last.map_or(Value::None, |last| Value::Bytes(last.memory_bytes)),
            Value::from(path.display().to_string()),
        ]
    });
    Block::table(columns, rows)
}

fn state(entry: &Entry) -> String {
    if let Some(pending) = entry.pending {
        let serves = if entry.good.is_some() { ", an older version serves" } else { "" };
        return match pending.since {
            Some(since) => format!("compiling since {}{serves}", since.strftime("%H:%M:%S UTC")),
            None => format!("waiting to be compiled{serves}"),
        };
    }
    let state = match (&entry.good, &entry.problem) {
        (None, None) if !entry.enabled => "disabled",
        (None, None) => "loading",
        (None, Some(_)) => "failed",
        (Some(_), Some(_)) => "an older version",
        (Some(good), None) if good.from_cache => "ready, from the cache",
        (Some(_), None) => "ready",
    };
    state.to_owned()
}

/// What plugins would like to see and are not granted, for whoever decides.
fn wishes(entries: &BTreeMap<PathBuf, Entry>) -> Vec<Field> {
    let wish = |entry: &Entry| {
        let loaded = &entry.good.as_ref()?.loaded;
        let granted = &loaded.callee.identity.config.grants;
        let missing = |wanted: &&String| !granted.iter().any(|grant| grant.to_string() == **wanted);
        let missing: Vec<&str> =
            loaded.description.wants.iter().filter(missing).map(String::as_str).collect();
        let wishes = format!("{} would like to see: {}", entry.name, missing.join(", "));
        (!missing.is_empty()).then(|| Field::new("not granted", wishes))
    };
    entries.values().filter_map(wish).collect()
}

#[cfg(test)]
impl Plugins {
    /// Waits until what lies in the folders now is loaded, or has failed to. Returns whether it is so in time.
    pub fn settle(&self, deadline: Instant) -> bool {
        self.loader.settle(deadline)
    }
}
