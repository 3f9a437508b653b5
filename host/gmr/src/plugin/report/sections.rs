//! The plugins' sections of one report: every plugin that is ready is called, several at a time.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use gmr_report::{Report, Section};

use super::about;
use super::outcome::SectionHead;
use super::totals::{Output, Room};
use crate::error::Error;
use crate::plugin::files::catalogue::{Callable, Last};
use crate::plugin::files::loading::Loader;
use crate::plugin::interface::bindings::section::Failure;
use crate::plugin::interface::bindings::wit::document::Block;
use crate::plugin::interface::subject::Subject;
use crate::plugin::sandbox::call::Outcome;
use crate::plugin::sandbox::engine::Sandboxes;
use crate::plugin::sandbox::parallel::{self, Ended, Job, Lost, Turn};
use crate::plugin::{Config, Facts, Grant, PluginConfig};

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
    /// If this processor has no compiler in the engine, a plugin's WebAssembly stack has a size out of its range, a
    /// folder's path cannot be made absolute, or settings do not fit what a plugin in the cache says of them.
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
        let sandboxes = Sandboxes::new(config.plugins.values()).map_err(|error| {
            Error::system("the WebAssembly engine cannot be started", format!("{error:#}"))
        })?;
        let plugins = Plugins { loader: Loader::new(sandboxes, config), facts };
        plugins.refuse_settings()?;
        Ok(plugins)
    }

    /// Refuses settings that do not fit what their plugin says of them, where that is known without compiling: of plugins
    /// that are in the cache. A plugin that is compiled first is judged then, and its section says what this would have.
    fn refuse_settings(&self) -> Result<(), Error> {
        let config = self.loader.config();
        let has_settings = |plugin: &PluginConfig| plugin.enabled && !plugin.settings.is_empty();
        if config.cache_dir.is_none() || !config.plugins.values().any(has_settings) {
            return Ok(());
        }
        self.loader.first_look(Instant::now() + GRACE);
        let ready = self.loader.catalogue(|catalogue| catalogue.ready());
        let mut refused = ready.iter().filter_map(|(_, ready, _)| ready.plugin.refused_settings());
        refused.next().map_or(Ok(()), |reason| Err(Error::settings(reason)))
    }

    /// Makes the sections of all plugins that are ready, and hands each over as soon as it and those before it are
    /// there. Returns at the latest about 0.1 s after `deadline`, whatever the plugins do.
    ///
    /// `so_far` is what plugins see that have the grant `report`, as [`Plugins::visible`] has made it.
    pub(crate) fn render(&self, so_far: Report, deadline: Instant, mut each: impl FnMut(Section)) {
        let now = Instant::now();
        let share = deadline.saturating_duration_since(now) / GRACE_SHARE;
        self.loader.look(now + GRACE.min(share));
        let ready = self.loader.catalogue(|catalogue| catalogue.ready());
        let subject = Arc::new(Subject::new(so_far, self.facts.clone()));
        let order = order_of_calls(&ready);
        let limits = ready.iter().map(|(_, ready, _)| ready.plugin.config().limits.memory_bytes);
        let room = Room::now(&limits.collect::<Vec<u64>>(), self.at_once());
        let jobs = order.iter().map(|index| {
            let (_, ready, record) = &ready[*index];
            let (callee, subject) = (ready.plugin.callee.clone(), subject.clone());
            let patience = ready.plugin.config().limits.deadline / (1 << record.halvings());
            Job::new(patience, &record.caller, move |turn: Turn| {
                callee.render(subject, turn.until, room.memory_of(turn))
            })
        });
        let (jobs, engines) = (jobs.collect(), self.loader.sandboxes().engines());
        let mut output = Output::new(self.loader.config().output_bytes, ready.len());
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        parallel::run(&engines, jobs, room.width, deadline, |ended| {
            let index = order[ended.index];
            // At once, so that what is too much is gone before others come.
            waiting.insert(index, section(&ready[index], ended, &mut output));
            while let Some(section) = waiting.remove(&next) {
                next += 1;
                each(section);
            }
        });
    }

    /// The report that plugins see: copied for them, since a stuck one may hold on to it; without its sections if none may
    /// see them.
    pub(crate) fn visible(&self, so_far: &Report) -> Report {
        let mut grants = self.loader.config().plugins.values().flat_map(|plugin| &plugin.grants);
        if grants.any(|grant| *grant == Grant::Report) {
            so_far.clone()
        } else {
            Report::new(so_far.header.clone())
        }
    }

    fn at_once(&self) -> usize {
        match self.loader.config().parallel {
            0 => std::thread::available_parallelism().map_or(1, usize::from).min(4),
            plugins => plugins,
        }
    }

    /// The section about the plugins: which there are, from where, and what is wrong with them.
    pub(crate) fn section(&self) -> Section {
        self.loader.catalogue(|catalogue| about::section(catalogue, &self.loader.config().directories))
    }
}

/// In which order plugins are called: quick ones first, then those of which nothing is known, and last those that have
/// overrun their time, the oftener the later. So that nobody's turn depends on what others do with theirs.
fn order_of_calls(ready: &[Callable]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ready.len()).collect();
    order.sort_by_key(|index| {
        let record = &ready[*index].2;
        let took = record.last().map(|last| last.took);
        (record.overruns.load(Ordering::Relaxed), took.is_none(), took)
    });
    order
}

/// The section that a call gives; its record has what came of it.
fn section(
    (_, ready, record): &Callable,
    ended: Ended<Outcome<Result<Vec<Block>, Failure>>>,
    output: &mut Output,
) -> Section {
    let head = SectionHead::of(&ready.plugin);
    let share = output.next();
    let has_run = !matches!(ended.result, Err(Lost::NoTurn));
    let section = match ended.result {
        Ok(outcome) => {
            let last = Last { took: about::rounded(outcome.took), memory_bytes: outcome.memory_bytes };
            *record.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
            let (section, bytes) = head.section(&ready.plugin.config().limits, share, outcome);
            output.taken(bytes);
            section
        }
        Err(lost) => head.failed(&lost.reason()),
    };
    if has_run {
        record.ended(ended.overran);
    }
    record.calls.fetch_add(1, Ordering::Relaxed);
    record.failures.fetch_add(u64::from(section.failure.is_some()), Ordering::Relaxed);
    section
}

#[cfg(test)]
impl Plugins {
    /// Waits until what lies in the folders now is loaded, or has failed to. Returns whether it is so in time.
    pub(in crate::plugin) fn settle(&self, deadline: Instant) -> bool {
        self.loader.settle(deadline)
    }
}
