//! The plugins' sections of one report: every plugin that is ready is called, several at a time.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use gmr_report::{Report, Section};

use super::about;
use super::outcome::SectionHead;
use crate::error::Error;
use crate::plugin::files::catalogue::Last;
use crate::plugin::files::loading::Loader;
use crate::plugin::interface::subject::Subject;
use crate::plugin::sandbox::engine::Sandboxes;
use crate::plugin::sandbox::parallel::{self, Job};
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
        let jobs = ready.iter().map(|(_, ready, record)| {
            let (callee, subject) = (ready.plugin.callee.clone(), subject.clone());
            let patience = ready.plugin.config().limits.deadline;
            Job::new(patience, &record.caller, move |until| callee.render(subject, until))
        });
        let (jobs, engines) = (jobs.collect(), self.loader.sandboxes().engines());
        parallel::run(&engines, jobs, self.at_once(), deadline, |index, result| {
            let (_, ready, record) = &ready[index];
            let head = SectionHead::of(&ready.plugin);
            let section = match result {
                Ok(outcome) => {
                    let last =
                        Last { took: about::rounded(outcome.took), memory_bytes: outcome.memory_bytes };
                    *record.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
                    head.section(&ready.plugin.config().limits, outcome)
                }
                Err(lost) => head.failed(&lost.reason()),
            };
            record.calls.fetch_add(1, Ordering::Relaxed);
            record.failures.fetch_add(u64::from(section.failure.is_some()), Ordering::Relaxed);
            each(section);
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

#[cfg(test)]
impl Plugins {
    /// Waits until what lies in the folders now is loaded, or has failed to. Returns whether it is so in time.
    pub(in crate::plugin) fn settle(&self, deadline: Instant) -> bool {
        self.loader.settle(deadline)
    }
}
