//! `gmr plugin dev`: a plugin is built, checked and dropped into a running service at each change of its sources, and its
//! section of that service's report is printed.
//!
//! What goes wrong in a round is told, and the next change begins another one. Only a component that loads here is
//! dropped, under its whole content at once, so that the service keeps the version before until then.

mod service;
mod sources;
mod watch;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow, bail};
use gmr::plugin::{CheckOptions, Checked};
use gmr::report::example;
use gmr::report::format::text::{self, escape};
use gmr::report::words::duration;
use rustix::process::{Pid, Signal, kill_process_group};

use self::service::Service;
use self::sources::Sources;
use self::watch::{Event, Watch};
use super::cache::Cache;
use super::project::Project;
use super::{check, made_up, short};
use crate::output;

/// Build, check and show a plugin at each change of its sources
///
/// With --pid, the plugin goes into the service's plugin folder, and what is printed is its section of a report of that
/// service. The folder, and the one where reports go, are what --config and the process's own variables GMR_PLUGIN_DIR
/// and GMR_LOG_DIR say. Ctrl-C ends it; the plugin stays where it was dropped.
#[derive(clap::Args)]
pub struct Dev {
    /// The project's folder
    #[arg(default_value = ".", value_name = "DIR")]
    project: PathBuf,
    /// The service's process
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..))]
    pid: Option<i32>,
    /// The service's settings, with its folders and the table [gmr.plugins.NAME]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The plugin folder; default: the service's first one
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// The shell command that builds it; default: by what lies in the folder, `build.sh`, `Cargo.toml`, `package.json`
    /// or `Makefile`
    #[arg(long, value_name = "COMMAND")]
    build: Option<String>,
    /// The component that is built; default: the newest *.wasm in the folder or where cargo leaves it
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// A file or folder of this name is no source, such as a log that the build writes; may be repeated
    #[arg(long, value_name = "NAME")]
    ignore: Vec<String>,
    /// End after one round, with 1 if it failed
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    cache: Cache,
}

impl Dev {
    pub fn run(self) -> Result<()> {
        let project = Project::open(&self.project)?;
        let command = match &self.build {
            Some(command) => command.clone(),
            None => project.build_command()?.to_owned(),
        };
        let service = Service::find(self.pid, self.config.as_deref())?;
        let into = self.into.clone().or_else(|| service.plugin_folder());
        if let (Some(pid), None) = (self.pid, &into) {
            bail!(
                "it is not known where process {pid} has its plugins, since it has no variable GMR_PLUGIN_DIR: name \
                 its settings by --config, or the folder by --into"
            );
        }
        let (tell, events) = mpsc::channel();
        watch::end_by_signals(tell.clone())?;
        let sources = Sources::of(project.folder.clone(), self.ignore.clone());
        let mut watch = Watch::new(tell.clone())?;
        watch.follow(&sources.folders())?;
        Session {
            dev: self,
            project,
            command,
            service,
            into,
            tell,
            events,
            sources,
            watch,
            changed: Vec::new(),
        }
        .run()
    }
}

/// Why a round is given up.
enum Stop {
    Failed(Error),
    /// The sources have changed meanwhile.
    Changed,
    /// Ctrl-C.
    Ended,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error)
    }
}

/// Changes that come so soon after each other are one, for so long at most.
const QUIET: Duration = Duration::from_millis(100);
const UNREST: Duration = Duration::from_secs(1);

/// How often the folder of reports is looked at while one is awaited, and how long beyond a report's own deadline.
const LOOK: Duration = Duration::from_millis(50);
const GRACE: Duration = Duration::from_secs(5);

/// Pauses before the service is asked for a report. It loads a plugin in its own time, and a report that comes before
/// has the version before.
const PAUSES: [u64; 9] = [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000];

/// How long a build may take to end that was asked to.
const FAREWELL: Duration = Duration::from_secs(5);

struct Session {
    dev: Dev,
    project: Project,
    command: String,
    service: Service,
    into: Option<PathBuf>,
    tell: Sender<Event>,
    events: Receiver<Event>,
    sources: Sources,
    watch: Watch,
    /// Sources that have changed since the last build began.
    changed: Vec<PathBuf>,
}

impl Session {
    fn run(mut self) -> Result<()> {
        loop {
            match self.round() {
                Err(Stop::Failed(error)) if self.dev.once => return Err(error),
                Err(Stop::Failed(error)) => output::note(&format!("{error:#}")),
                Err(Stop::Ended) => break,
                Ok(()) if self.dev.once => break,
                Ok(()) | Err(Stop::Changed) => {}
            }
            match self.next_change() {
                Err(Stop::Failed(error)) => return Err(error),
                Err(_) => break,
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn round(&mut self) -> Result<(), Stop> {
        self.changed.clear();
        self.build()?;
        let component = match &self.dev.component {
            Some(component) => component.clone(),
            None => self.project.component()?,
        };
        let checked = self.check(&component)?;
        if let Some(into) = &self.into {
            let dropped = drop_into(into, &component)?;
            say(&format!("dropped into {}", dropped.display()))?;
        }
        let section = match self.dev.pid {
            Some(_) => self.section_of_service(&component, &checked)?,
            None => text::section(&checked.section),
        };
        output::print(&format!("\n{section}\n"))?;
        Ok(())
    }

    /// Runs the build's command. What it writes is shown as it is.
    fn build(&mut self) -> Result<(), Stop> {
        say(&format!("building: {}", self.command))?;
        let began = Instant::now();
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.command).current_dir(&self.project.folder).stdin(Stdio::null());
        // A group of its own, so that all of it can be ended, and by nobody else.
        let mut child = command.process_group(0).spawn().context("cannot start the build")?;
        let group = Pid::from_child(&child);
        let tell = self.tell.clone();
        std::thread::spawn(move || tell.send(Event::Built(child.wait())));
        let status = loop {
            match self.events.recv() {
                Ok(Event::Built(status)) => break status.context("the build cannot be waited for")?,
                // What has changed by the build's end is seen then.
                Ok(Event::Changed) => {}
                Ok(Event::End) | Err(_) => {
                    self.end_build(group);
                    return Err(Stop::Ended);
                }
            }
        };
        self.sources.built();
        self.watch.follow(&self.sources.folders())?;
        if !status.success() {
            return Err(anyhow!("the build failed ({status}); the next change begins it again").into());
        }
        say(&format!("built in {}", duration(began.elapsed())))?;
        Ok(())
    }

    fn end_build(&self, group: Pid) {
        for signal in [Signal::TERM, Signal::KILL] {
            // It may be gone already.
            let _ = kill_process_group(group, signal);
            let until = Instant::now() + FAREWELL;
            loop {
                match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(Event::Built(_)) | Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => break,
                    Ok(_) => {}
                }
            }
        }
    }

    /// Loads the component and makes its section here, as `gmr plugin check` does.
    fn check(&self, component: &Path) -> Result<Checked> {
        let name = component.file_stem().unwrap_or_default().to_string_lossy();
        let given = self.service.plugin(&name);
        let mut config = given.clone().unwrap_or_default();
        if self.dev.pid.is_some() && !config.enabled {
            bail!("[gmr.plugins.{name}] of the service has `enabled = false`");
        }
        let plugin = self.dev.cache.load(component, &config)?;
        if given.is_some() || self.dev.config.is_some() {
            let missing: Vec<&str> = plugin
                .wants()
                .iter()
                .filter(|want| !config.grants.iter().any(|grant| grant.to_string() == **want))
                .map(String::as_str)
                .collect();
            if !missing.is_empty() {
                say(&format!("not granted by [gmr.plugins.{name}]: {}", missing.join(", ")))?;
            }
        }
        let (harmless, _) = check::wanted(plugin.wants(), &config.grants);
        config.grants.extend(harmless);
        let facts = made_up::facts(&config.grants);
        let options =
            CheckOptions::default().with_config(config).with_facts(facts).with_report(example::report());
        let checked = plugin.check(options);
        let from = if checked.code.from_cache { "from the cache" } else { "compiled" };
        say(&format!("{from} in {}, digest {}", duration(checked.code.took), short(&checked.digest)))?;
        Ok(checked)
    }

    /// The plugin's section of a report of the service that has this version of it.
    fn section_of_service(&self, component: &Path, checked: &Checked) -> Result<String, Stop> {
        if self.service.reports().is_none() {
            self.service.trigger()?;
            say("the service's reports go to its standard error; made here, the section is this")?;
            return Ok(text::section(&checked.section));
        }
        let refused =
            format!("{} does not load: ", component.file_name().unwrap_or_default().to_string_lossy());
        let (mut report, mut is_loaded) = (String::new(), false);
        for pause in PAUSES {
            self.pause(Duration::from_millis(pause))?;
            report = self.report()?;
            // While a report is made, a version may come whose section only the next one has.
            let was_loaded = std::mem::replace(&mut is_loaded, report.contains(short(&checked.digest)));
            if was_loaded && is_loaded {
                return section(&report, &checked.title);
            }
            if report.contains(&refused) {
                break;
            }
        }
        if let Some(plugins) = service::section(&report, "Plugins") {
            output::print(&format!("\n{plugins}\n"))?;
        }
        Err(anyhow!("the service has not loaded this version: see its report's section Plugins").into())
    }

    /// Asks for a report and waits for it.
    fn report(&self) -> Result<String, Stop> {
        let known: BTreeSet<OsString> = self.service.report_names()?;
        self.service.trigger()?;
        let until = Instant::now() + self.service.deadline() + GRACE;
        loop {
            let names = self.service.report_names()?;
            if let Some(name) = names.difference(&known).next() {
                return Ok(self.service.report(name)?);
            }
            if Instant::now() > until {
                let folder = self.service.reports().unwrap_or_default();
                return Err(anyhow!("no report came in {}", folder.display()).into());
            }
            self.pause(LOOK)?;
        }
    }

    /// Waits, unless there is something else to do.
    fn pause(&self, time: Duration) -> Result<(), Stop> {
        let until = Instant::now() + time;
        loop {
            match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Ok(Event::End) | Err(RecvTimeoutError::Disconnected) => return Err(Stop::Ended),
                Ok(Event::Changed) if self.sources.have_changed() => return Err(Stop::Changed),
                Ok(_) => {}
            }
        }
    }

    /// Waits for sources to change, and until they have done so.
    fn next_change(&mut self) -> Result<(), Stop> {
        loop {
            self.changed.extend(self.sources.changed());
            self.watch.follow(&self.sources.folders())?;
            if let Some(first) = self.changed.first() {
                let shown = first.strip_prefix(&self.project.folder).unwrap_or(first).display();
                say(&format!("changed: {shown}"))?;
                return Ok(());
            }
            match self.events.recv() {
                Ok(Event::Changed) => self.settle()?,
                Ok(Event::Built(_)) => {}
                Ok(Event::End) | Err(_) => return Err(Stop::Ended),
            }
        }
    }

    /// Waits until nothing changes for a moment, but not for ever: something else may write there all the time.
    fn settle(&self) -> Result<(), Stop> {
        let until = Instant::now() + UNREST;
        while Instant::now() < until {
            match self.events.recv_timeout(QUIET) {
                Ok(Event::Changed | Event::Built(_)) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Ok(Event::End) | Err(RecvTimeoutError::Disconnected) => return Err(Stop::Ended),
            }
        }
        Ok(())
    }
}

fn section(report: &str, title: &str) -> Result<String, Stop> {
    let section = service::section(report, &escape(title));
    section.ok_or_else(|| anyhow!("the report has no section `{title}`: is the plugin disabled?").into())
}

fn say(line: &str) -> Result<()> {
    output::print(&format!("{}\n", escape(line)))
}

/// Puts a component into a folder, whole at once.
fn drop_into(folder: &Path, component: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;

    let failed = || format!("cannot drop it into {}", folder.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    let place = folder.join(component.file_name().context("the component has no name")?);
    let bytes = std::fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
    // A hidden name, which is no plugin's; readable for a service of another user.
    let file =
        tempfile::Builder::new().prefix(".").suffix(".part").tempfile_in(folder).with_context(failed)?;
    std::fs::write(file.path(), bytes)
        .and_then(|()| file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)))
        .with_context(failed)?;
    file.persist(&place).with_context(failed)?;
    Ok(place)
}
