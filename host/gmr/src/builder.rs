//! From a package, settings and a configuration to a running reporter.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use gmr_inspect::symbols::Symbolizer;
use gmr_inspect::{tasks, threads};
use serde::Serialize;
use tokio::runtime::Handle;

use crate::collect::{Collector, Lost, OwnSection};
use crate::error::Error;
use crate::mask::Secrets;
#[cfg(feature = "plugin")]
use crate::plugin::{Config, Facts, Plugins};
use crate::report::{Block, Report};
use crate::section::Errand;
use crate::section::configuration::Configuration;
use crate::section::package::Package;
use crate::settings::Settings;
use crate::sink::Directory;
use crate::trigger::{FileTrigger, Mailbox, SignalTrigger};
use crate::worker::Worker;

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
    package: Package,
    settings: Result<Settings, Error>,
    configuration: Configuration,
    secrets: Vec<String>,
    runtimes: Vec<Handle>,
    own: Vec<OwnSection>,
    #[cfg(feature = "plugin")]
    facts: Facts,
}

/// Whether this process has a reporter: handlers, and what reports are about, belong to all of it.
static INSTALLED: AtomicBool = AtomicBool::new(false);

impl Builder {
    /// Begins with what is running; [`package!`](crate::package) reads it from the manifest.
    pub fn new(package: Package) -> Builder {
        Builder {
            package,
            settings: Ok(Settings::default()),
            configuration: Configuration::Absent,
            secrets: Vec::new(),
            runtimes: Vec::new(),
            own: Vec::new(),
            #[cfg(feature = "plugin")]
            facts: Facts::new(),
        }
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
    /// `password`, `api_key` or `token`, passwords inside URLs, and [`Builder::secret`]s.
    pub fn configuration(mut self, value: &impl Serialize) -> Builder {
        self.configuration = Configuration::fixed(value);
        self
    }

    /// Shows what this closure returns at the time of each report, for a configuration that changes. It is
    /// called on a thread of its own; if it panics, or takes longer than a second, the section says so.
    pub fn configuration_with<T: Serialize>(
        mut self,
        value: impl Fn() -> T + Send + Sync + 'static,
    ) -> Builder {
        self.configuration = Configuration::asked(value);
        self
    }

    /// Masks a configuration key that no pattern finds, by its dotted path: `storage.dsn`. `*` stands for
    /// any characters.
    pub fn secret(mut self, key: impl Into<String>) -> Builder {
        self.secrets.push(key.into());
        self
    }

    /// Shows the tasks of this tokio runtime. The one that [`Builder::install`] is called in needs no
    /// mention.
    pub fn runtime(mut self, handle: Handle) -> Builder {
        self.runtimes.push(handle);
        self
    }

    /// Adds a section that the application fills itself. The closure is called on a thread of its own at
    /// each report; if it panics, or takes longer than a second, its section says so.
    ///
    /// The section's name is its title in lower case, with `_` for what is no letter or digit. A plugin that
    /// has the same name is refused, and the Plugins section says so.
    pub fn section(
        mut self,
        title: impl Into<String>,
        blocks: impl Fn() -> Vec<Block> + Send + Sync + 'static,
    ) -> Builder {
        let title = title.into();
        let name = title.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "_");
        self.own.push(OwnSection { name, title, ask: Errand::new(blocks) });
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
        self.facts.add(name, fact);
        self
    }

    /// Starts the reporter: its thread, and its triggers. The reporter lives as long as the guard.
    ///
    /// # Errors
    ///
    /// If a setting is wrong ([`Error::is_settings`]), if this process has a reporter already
    /// ([`Error::is_already_installed`]), or if the system refuses a thread or a signal
    /// ([`Error::is_system`]). Nothing stays behind then.
    pub fn install(self) -> Result<Guard, Error> {
        let settings = self.settings?.with_environment()?;
        let claim = Claim::new()?;
        let refused = |error| Error::system("cannot make the reporter's pipe", error);
        let (mailbox, bell) = Mailbox::new().map_err(refused)?;
        let mailbox = Arc::new(mailbox);
        let threads = threads::Options::default().with_signal(settings.thread_signal.number());
        let prepared = threads::prepare(&threads)
            .map_err(|error| Error::system("running threads cannot be asked for their stacks", error))?;
        let service = settings.service.clone().unwrap_or_else(|| self.package.name.clone());
        let mut runtimes = self.runtimes;
        if let Ok(current) = Handle::try_current()
            && runtimes.iter().all(|handle| handle.id() != current.id())
        {
            runtimes.insert(0, current);
        }
        #[cfg(feature = "plugin")]
        let plugins = match settings.plugin_dir.is_empty() {
            true => None,
            false => Some((
                Config {
                    directories: settings.plugin_dir,
                    cache_dir: settings.cache_dir,
                    plugins: settings.plugins,
                    taken: self.own.iter().map(|own| own.name.clone()).collect(),
                    parallel: 0,
                },
                Arc::new(self.facts),
            )),
        };
        let has_runtimes = !runtimes.is_empty();
        let tasks = tasks::Inspector::new(runtimes);
        let worker = Worker {
            mailbox: mailbox.clone(),
            bell,
            _prepared: prepared,
            signal: SignalTrigger::new(settings.signal)?,
            file: None,
            directory: settings.log_dir.map(|path| Directory::new(path, &service, settings.keep)),
            format: settings.format,
            collector: Collector {
                service,
                package: self.package,
                configuration: self.configuration,
                secrets: Secrets::declared([self.secrets, settings.secrets].concat()),
                symbolizer: Symbolizer::new(threads.symbol_budget_bytes),
                threads,
                tasks,
                has_runtimes,
                own: self.own,
                #[cfg(feature = "plugin")]
                plugins: None,
                deadline: settings.deadline,
                lost: Lost::default(),
            },
        };
        let file = settings.file_event_handler;
        let interval = settings.file_event_handler_interval;
        let (ready, is_ready) = sync_channel(0);
        let run = move || {
            gmr_inspect::signals::block_all_in_this_thread();
            let mut worker = worker;
            // Made here, so that notify's thread inherits the blocked signals.
            worker.file = file.map(|path| FileTrigger::new(&path, interval, worker.mailbox.clone()));
            #[cfg(feature = "plugin")]
            if let Some((config, facts)) = plugins {
                match Plugins::start(config, facts) {
                    Ok(plugins) => worker.collector.plugins = Some(plugins),
                    Err(error) => return drop(ready.send(Err(error))),
                }
            }
            if has_runtimes {
                worker.collector.tasks.prepare();
            }
            let _ = ready.send(Ok(()));
            worker.run();
        };
        let thread = std::thread::Builder::new()
            .name("gmr".to_owned())
            .spawn(run)
            .map_err(|error| Error::system("cannot start the reporter's thread", error))?;
        // A change of the watched file that follows this call must not be missed.
        is_ready.recv().unwrap_or_else(|gone| Err(Error::system("the reporter's thread has ended", gone)))?;
        Ok(Guard { mailbox, thread: Some(thread), process: std::process::id(), _claim: claim })
    }
}

/// The claim to be this process's only reporter.
struct Claim;

impl Claim {
    fn new() -> Result<Claim, Error> {
        match INSTALLED.swap(true, Ordering::AcqRel) {
            true => Err(Error::already_installed()),
            false => Ok(Claim),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        INSTALLED.store(false, Ordering::Release);
    }
}

/// A reporter that is installed. Dropping it uninstalls it: a report that is being made is finished, the
/// threads end, and the signal asks for nothing any more. It stays caught, though, so that a late
/// `kill -USR2` does not end the process.
#[must_use = "dropping it uninstalls the reporter"]
pub struct Guard {
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
    /// The process that it was installed in. A forked child has a copy of the guard, but no thread.
    process: u32,
    _claim: Claim,
}

impl Guard {
    /// Asks for a report as a signal would, and returns at once. In a forked child it does nothing.
    pub fn trigger(&self) {
        if self.is_forked() {
            return;
        }
        self.mailbox.put(|asked| asked.triggers = asked.triggers.saturating_add(1));
    }

    /// Makes a report and returns it; nothing is printed. Blocks the caller for as long as that takes, at
    /// most the deadline after the reports that are being made: in async code call it through
    /// `spawn_blocking`.
    ///
    /// # Errors
    ///
    /// If the reporter's thread is gone, as in a forked child ([`Error::is_system`]).
    pub fn report(&self) -> Result<Report, Error> {
        if self.is_forked() {
            return Err(Error::system(
                "no report of this process",
                "it was forked from the one that the reporter was installed in, whose thread it does not have",
            ));
        }
        let (answer, answered) = sync_channel(1);
        self.mailbox.put(|asked| asked.reports.push(answer));
        answered.recv().map_err(|error| Error::system("the reporter's thread is gone", error))
    }

    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.is_forked() {
            // The pipe is shared with the parent, whose reporter must not stop.
            return;
        }
        self.mailbox.stop();
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed by the panic hook; there is nobody to tell here.
            let _ = thread.join();
        }
    }
}
