//! The builder of a reporter, from a package, settings and a configuration to a running thread.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use gmr_inspect::proc_self;
use gmr_inspect::process::{AvailableMemory, MemoryDemand};
use gmr_inspect::symbols::Symbolizer;
use gmr_inspect::tasks::tokio::is_same_runtime;
use gmr_inspect::{tasks, threads};
use gmr_report::mask::Secrets;
use gmr_report::{Block, NativeSection};
use serde::Serialize;
use tokio::runtime::Handle;

use crate::bounded_call::{Caller, Closure};
use crate::collect::{Collector, Lost, OwnSection};
use crate::emergency::{Emergency, EmergencyReports};
use crate::error::Error;
use crate::guard::{Claim, Guard};
#[cfg(feature = "plugin")]
use crate::plugin::{CompilerConfig, Config, Facts, Plugins};
use crate::section::configuration::Configuration;
use crate::section::diagnosis::Standing;
use crate::section::memory::memory_shortage;
use crate::section::package::Package;
use crate::settings::Settings;
use crate::sink::{Directory, OwnOutput};
use crate::trigger::{self, Mailbox};
use crate::worker::{self, READER, Worker};

/// Gathers what a reporter needs, then installs it.
///
/// ```no_run
/// #[derive(serde::Serialize)]
/// struct Options {
///     listen: String,
///     database_password: String,
/// }
///
/// let options = Options { listen: "0.0.0.0:80".into(), database_password: "hunter2".into() };
/// let gmr = gmr::Builder::new(gmr::package!())
///     .settings_file("shop.toml")
///     .configuration(&options)
///     .install()?;
/// // ... the program runs; `kill -USR2` prints a report ...
/// drop(gmr);
/// # Ok::<(), gmr::Error>(())
/// ```
#[must_use = "nothing is installed before `install`"]
pub struct Builder {
    settings: Result<Settings, Error>,
    contents: Contents,
}

/// What the application gives to its reports.
struct Contents {
    package: Package,
    configuration: Configuration,
    secrets: Vec<String>,
    shown: Vec<String>,
    runtimes: Vec<Handle>,
    own: Vec<OwnSection>,
    #[cfg(feature = "plugin")]
    facts: Facts,
}

/// What a reporter takes of the address space at the least: a thread's stack of 2 MiB, the second thread's, and what that
/// one has to have beforehand.
const LEAST_BYTES: u64 = 3 << 20;

impl Builder {
    /// Begins with what is running; [`package!`](crate::package) reads it from the manifest.
    pub fn new(package: Package) -> Builder {
        let contents = Contents {
            package,
            configuration: Configuration::Absent,
            secrets: Vec::new(),
            shown: Vec::new(),
            runtimes: Vec::new(),
            own: Vec::new(),
            #[cfg(feature = "plugin")]
            facts: Facts::new(),
        };
        Builder { settings: Ok(Settings::default()), contents }
    }

    /// Takes the settings as they are made in code. The environment still wins over them.
    pub fn settings(mut self, settings: Settings) -> Builder {
        self.settings = Ok(settings);
        self
    }

    /// Takes the settings from the `[gmr]` table of a TOML file, which may be the application's own. What is
    /// wrong with it is told by [`Builder::install`].
    pub fn settings_file(mut self, path: impl AsRef<Path>) -> Builder {
        self.settings = Settings::from_file(path);
        self
    }

    /// Shows this value in the Configuration section, as it is now. Secrets are masked: keys such as
    /// `password`, `api_key` or `token`, passwords inside URLs, and [`Builder::secret`]s;
    /// [`mask`](gmr_report::mask) has the rules. A value that cannot be shown, such as a path that is not
    /// UTF-8, costs itself alone.
    pub fn configuration(mut self, value: &impl Serialize) -> Builder {
        self.contents.configuration = Configuration::fixed(value);
        self
    }

    /// Shows what this closure returns at the time of each report, for a configuration that changes. It is
    /// called on a thread of its own; if it panics, or takes longer than a second, the section says so.
    pub fn configuration_with<T: Serialize>(
        mut self,
        value: impl Fn() -> T + Send + Sync + 'static,
    ) -> Builder {
        self.contents.configuration = Configuration::asked(value);
        self
    }

    /// Masks a key that no rule finds, with all below it, by its dotted path: `storage.dsn` in the
    /// configuration, `pool.owner` for the field `owner` of a section or a fact of the name `pool`. `*` stands
    /// for any characters.
    pub fn secret(mut self, key: impl Into<String>) -> Builder {
        self.contents.secrets.push(key.into());
        self
    }

    /// Takes a key out of the mask, by the same path as [`Builder::secret`] has: its value is shown as it is,
    /// whatever it looks like. A table's own name hides nothing any more then, and what lies below it is judged
    /// for itself. What is both shown and secret is shown.
    ///
    /// ```
    /// let builder = gmr::Builder::new(gmr::package!()).show("scheduler.seed").show("auth.scheme");
    /// ```
    pub fn show(mut self, key: impl Into<String>) -> Builder {
        self.contents.shown.push(key.into());
        self
    }

    /// Shows the tasks of this tokio runtime. The runtime that [`Builder::install`] is called in needs no
    /// mention.
    pub fn runtime(mut self, handle: Handle) -> Builder {
        self.contents.runtimes.push(handle);
        self
    }

    /// Adds a section that the application fills itself. The closure is called on a thread of its own at
    /// each report; if it panics, or takes longer than a second, its section says so.
    ///
    /// The section's name is its title in lower case, with `_` for what is no letter or digit. No other
    /// section may have it: neither one that the application fills nor one of the report's own, such as
    /// `threads`. A plugin that has the same name is refused, and the Plugins section says so.
    pub fn section(
        mut self,
        title: impl Into<String>,
        blocks: impl Fn() -> Vec<Block> + Send + Sync + 'static,
    ) -> Builder {
        let title = title.into();
        let name = title.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "_");
        self.contents.own.push(OwnSection { name, title, blocks: Closure::new(blocks) });
        self
    }

    /// Tells plugins a value under this name, such as `pool.size`, if they are granted it. The closure is
    /// called when a plugin asks, on a thread of its own; if it panics, or takes longer than 250 ms, the
    /// plugin is told so.
    #[cfg(feature = "plugin")]
    pub fn fact<T: Serialize>(
        self,
        name: impl Into<String>,
        fact: impl Fn() -> T + Send + Sync + 'static,
    ) -> Builder {
        self.contents.facts.add(name, fact);
        self
    }

    /// Starts the reporter: its thread, and its triggers. The reporter lives as long as the guard.
    ///
    /// # Errors
    ///
    /// If a setting is wrong ([`Error::is_settings`]), also by what a plugin says of its settings that is in the cache; if two sections would have the same name
    /// ([`Error::is_section`]), if this process has a reporter already ([`Error::is_already_installed`]), or
    /// if the system refuses a thread, a signal or what plugins need, or less than 6 MiB of memory are left
    /// ([`Error::is_system`]). Nothing stays
    /// behind then but the compilation of a plugin that had begun: the reporter's thread has ended. The last is also the error if that thread is not ready
    /// within twenty seconds, as while another one hangs in `dlopen`; it ends as soon as it can.
    pub fn install(self) -> Result<Guard, Error> {
        let Builder { settings, mut contents } = self;
        let settings = settings?.with_environment()?;
        contents.refuse_equal_names()?;
        let claim = Claim::new()?;
        AvailableMemory::now().allows(MemoryDemand::new(0, LEAST_BYTES)).map_err(|shortage| {
            Error::system("there is no memory for a reporter", memory_shortage(&shortage).to_string())
        })?;
        contents.add_current_runtime();
        let held = proc_self::hold();
        let threads = threads::Options::default().with_signal(settings.thread_signal.number());
        let prepared = threads::prepare(&threads)
            .map_err(|error| Error::system("running threads cannot be asked for their stacks", error))?;
        let mailbox =
            Mailbox::new().map_err(|error| Error::system("cannot make the reporter's bell", error))?;
        let mailbox = Arc::new(mailbox);
        let guarded = mailbox.clone();
        let patience = settings.deadline + READER;
        let thread = worker::start(move || {
            let service = settings.service.clone().unwrap_or_else(|| contents.package.name.clone());
            let output = Arc::<OwnOutput>::default();
            // First, since a signal that comes before it is listened to ends the process.
            let triggers = trigger::set_up(&settings, &mailbox, &output)?;
            let directory = settings.log_dir.clone().map(|path| {
                let until = Instant::now() + settings.deadline;
                Directory::new(path, &service, settings.keep, output.clone(), until)
            });
            let emergency =
                Emergency::start(mailbox.watchdog().clone(), &settings, &contents.package, &service);
            Ok(Worker {
                triggers,
                directory,
                output,
                format: settings.format,
                collector: contents.collector(service, threads, settings, emergency.reports.clone())?,
                _emergency: emergency,
                mailbox,
                _prepared: prepared,
            })
        })?;
        Ok(Guard::new(guarded, thread, patience, held, claim))
    }
}

impl Contents {
    /// A section is found by its name, by plugins, by `gmr diff` and by people.
    fn refuse_equal_names(&self) -> Result<(), Error> {
        let mut taken: Vec<(&str, &str)> =
            NativeSection::ALL.iter().map(|section| (section.name(), section.title())).collect();
        for OwnSection { name, title, .. } in &self.own {
            if let Some((_, other)) = taken.iter().find(|(known, _)| known == name) {
                return Err(Error::section(format!(
                    "the sections \"{other}\" and \"{title}\" would both have the name `{name}`"
                )));
            }
            taken.push((name, title));
        }
        Ok(())
    }

    /// The runtime that is being installed in comes first, unless it was given.
    fn add_current_runtime(&mut self) {
        if let Ok(current) = Handle::try_current()
            && !self.runtimes.iter().any(|handle| is_same_runtime(handle, &current))
        {
            self.runtimes.insert(0, current);
        }
    }

    /// What makes the reports. Plugins are being compiled, and debug information is being read, when it
    /// returns.
    fn collector(
        self,
        service: String,
        threads: threads::Options,
        settings: Settings,
        emergency: EmergencyReports,
    ) -> Result<Collector, Error> {
        let has_runtimes = !self.runtimes.is_empty();
        let tasks = tasks::Inspector::new(self.runtimes);
        #[cfg(feature = "plugin")]
        let config = Config {
            directories: settings.plugin_dir,
            cache_dir: settings.cache_dir,
            compiler: CompilerConfig {
                compile: settings.compile,
                program: settings.compiler,
                memory_bytes: settings.compile_memory,
                time: settings.compile_time,
            },
            plugins: settings.plugins,
            taken: self.own.iter().map(|own| own.name.clone()).collect(),
            text: settings.plugin_text,
            output_bytes: settings.plugin_output,
            parallel: 0,
        };
        let secrets = Secrets::declared([self.secrets, settings.secrets].concat())
            .showing([self.shown, settings.shown].concat());
        #[cfg(feature = "plugin")]
        let plugins = plugins(config, self.facts.masked_by(secrets.clone()))?;
        #[cfg(not(feature = "plugin"))]
        let plugins = None::<crate::no_plugin::Plugins>;
        let collector = Collector {
            service,
            package: self.package,
            configuration: self.configuration,
            secrets,
            symbolizer: Symbolizer::new(threads.symbol_budget_bytes),
            threads,
            tasks,
            standing: Standing::new(Instant::now()),
            has_runtimes,
            own: self.own,
            plugins: plugins.map(Arc::new),
            plugins_caller: Caller::default(),
            deadline: settings.deadline,
            lost: Lost::default(),
            emergency,
        };
        if has_runtimes {
            collector.tasks.prepare();
        }
        Ok(collector)
    }
}

/// The host of plugins, if the settings name a folder.
#[cfg(feature = "plugin")]
fn plugins(config: Config, facts: Facts) -> Result<Option<Plugins>, Error> {
    if config.directories.is_empty() {
        return Ok(None);
    }
    Plugins::start(config, Arc::new(facts)).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(titles: &[&str]) -> Option<String> {
        let builder = Builder::new(Package::new("p", "1"));
        let builder = titles.iter().fold(builder, |builder, title| builder.section(*title, Vec::new));
        // Refused before anything is installed.
        builder.contents.refuse_equal_names().err().map(|error| {
            assert!(error.is_section());
            error.to_string()
        })
    }

    #[test]
    fn two_sections_of_one_name_are_refused_with_both_titles() {
        assert_eq!(refused(&["Pool", "Queue", "Pool 2"]), None);
        assert_eq!(
            refused(&["Job Pool", "Queue", "Job-Pool"]).unwrap(),
            "the sections \"Job Pool\" and \"Job-Pool\" would both have the name `job_pool`"
        );
        assert_eq!(
            refused(&["THREADS"]).unwrap(),
            "the sections \"Threads\" and \"THREADS\" would both have the name `threads`"
        );
        assert!(refused(&["Plugin Sections"]).is_some());
    }
}
