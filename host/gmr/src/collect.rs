//! One report: what is collected, in which order, and within which time.
//!
//! Native sections come first, since they take milliseconds and are what is wanted most; then whatever
//! runs foreign code, the application's own sections and the plugins', side by side. No section can lose
//! another one: a panic or a stall is that section's failure.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::Scope;
use std::time::{Duration, Instant};

use gmr_inspect::symbols::Symbolizer;
use gmr_inspect::{tasks, threads};
use jiff::Timestamp;

#[cfg(feature = "plugin")]
use crate::plugin::Plugins;
use crate::report::mask::Secrets;
use crate::report::words;
use crate::report::{Block, Header, NativeSection, Origin, Report, Section, Trigger};
use crate::section::configuration::Configuration;
use crate::section::green_threads::Stacks;
use crate::section::package::Package;
use crate::section::{Errand, green_threads, words_of_panic};

/// All that a report is made of.
pub(crate) struct Collector {
    pub(crate) service: String,
    pub(crate) package: Package,
    pub(crate) configuration: Configuration,
    pub(crate) secrets: Secrets,
    pub(crate) threads: threads::Options,
    /// Kept from report to report: most of what was looked up once is asked for again.
    pub(crate) symbolizer: Symbolizer,
    pub(crate) tasks: tasks::Inspector,
    /// Whether tasks can be found without being registered: then debug information is read ahead.
    pub(crate) has_runtimes: bool,
    pub(crate) own: Vec<OwnSection>,
    /// `None` without a plugin folder.
    #[cfg(feature = "plugin")]
    pub(crate) plugins: Option<Plugins>,
    pub(crate) deadline: Duration,
    pub(crate) lost: Lost,
}

/// What of earlier reports nobody took.
#[derive(Default)]
pub(crate) struct Lost {
    pub(crate) reports: u32,
    pub(crate) bytes: u64,
}

/// A section that the application fills itself.
pub(crate) struct OwnSection {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) ask: Errand<Vec<Block>>,
}

/// Who wants to see a report before it is whole.
pub(crate) trait Observer {
    /// The native sections are there, and those that are not have taken longer than [`GRACE`].
    fn early(&mut self, so_far: &Report);
    /// One more section is there; called only after [`Observer::early`].
    fn late(&mut self, section: &Section);
}

/// Sees nothing before the end.
pub(crate) struct Unobserved;

impl Observer for Unobserved {
    fn early(&mut self, _so_far: &Report) {}
    fn late(&mut self, _section: &Section) {}
}

/// Plugins are normally done within a few milliseconds: for so long the report waits for them, so that its
/// head can tell of all sections. Longer, and what is known must not be lost if the process dies now.
const GRACE: Duration = Duration::from_millis(100);

/// How long the application's own closures may take to answer: they only gather values.
const ANSWER: Duration = Duration::from_secs(1);

impl Collector {
    /// Makes a report; it is whole when this returns, at the latest when the deadline has passed.
    pub(crate) fn collect(
        &mut self,
        trigger: Trigger,
        began: Instant,
        observer: &mut dyn Observer,
    ) -> Report {
        let deadline = began + self.deadline;
        let mut report = Report::new(self.header(trigger));
        self.native(&mut report, deadline);
        self.foreign(&mut report, began, deadline, observer);
        report.header.took = Some(began.elapsed());
        report
    }

    fn header(&self, trigger: Trigger) -> Header {
        let mut header = Header::new(self.service.as_str(), Timestamp::now(), trigger);
        header.version = self.package.version.clone();
        header.host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        header.process = std::process::id();
        header
    }

    /// Threads are looked at first, since they move on; they stand where oslo.reports has them.
    fn native(&mut self, report: &mut Report, deadline: Instant) {
        // Before and after: a task that its thread polled both times is what the stack in between belongs to.
        let mut stacks = Stacks { polling: self.tasks.polling(), capture: None };
        let threads = guarded(NativeSection::Threads, || {
            let options = (self.threads.clone())
                .with_deadline(until(deadline, self.threads.deadline))
                .with_symbol_deadline(until(deadline, self.threads.symbol_deadline));
            let capture = threads::capture_with(&options, &mut self.symbolizer);
            report.header.uptime = capture
                .threads
                .iter()
                .find(|thread| thread.id == report.header.process)
                .and_then(|main| main.age);
            let section = crate::section::threads::section(&capture);
            stacks.capture = Some(capture);
            section
        });
        let green_threads = guarded(NativeSection::GreenThreads, || {
            let options = tasks::Options::default().with_deadline(self.time_for_tasks(deadline));
            green_threads::section(&self.tasks.look(&options), &stacks)
        });
        let configuration = guarded(NativeSection::Configuration, || {
            self.configuration.section(&self.secrets, deadline.min(Instant::now() + ANSWER))
        });
        report.sections.extend([self.package.section(), threads, green_threads, configuration]);
        report.sections.extend(self.reporter());
    }

    /// A hundred thousand tasks take a second; debug information that is not read yet holds nobody up for long.
    fn time_for_tasks(&self, deadline: Instant) -> Duration {
        let patience = until(deadline, tasks::Options::default().deadline);
        let left = until(deadline, Duration::MAX);
        match self.has_runtimes.then(|| self.tasks.prepared(patience)) {
            Some(Ok(())) => left / 2,
            Some(Err(_)) => Duration::ZERO,
            None => patience,
        }
    }

    /// The section that says what is wrong with the reporter itself.
    fn reporter(&self) -> Option<Section> {
        let Lost { reports: reports @ 1.., bytes } = self.lost else { return None };
        let reports =
            if reports == 1 { "the report before".to_owned() } else { format!("{reports} reports before") };
        let bytes = words::bytes(bytes);
        let line = format!("{bytes} of {reports} were lost: nobody read standard error in time");
        let mut section = Section::native(NativeSection::Reporter);
        section.blocks.push(Block::paragraph(line.as_str()));
        section.remarks.push(line);
        Some(section)
    }

    /// The sections that run code which nobody vouches for.
    fn foreign(&self, report: &mut Report, began: Instant, deadline: Instant, observer: &mut dyn Observer) {
        let natives = &*report;
        let mut arrived = Vec::new();
        let (ready, sections) = channel();
        std::thread::scope(|scope| {
            for own in &self.own {
                let ready = ready.clone();
                let ask = move || own.section(&ready, deadline);
                if let Err(error) = spawn(scope, ask) {
                    arrived.push(own.empty().failed(error));
                }
            }
            #[cfg(feature = "plugin")]
            if let Some(plugins) = &self.plugins {
                let ready = ready.clone();
                let render = move || {
                    let each = |section| drop(ready.send(section));
                    let rendered = catch_unwind(AssertUnwindSafe(|| plugins.render(natives, deadline, each)));
                    if let Err(panic) = rendered {
                        drop(ready.send(fault(NativeSection::PluginSections, &*panic)));
                    }
                };
                if let Err(error) = spawn(scope, render) {
                    arrived.push(plugins.section().failed(error));
                }
            }
            drop(ready);
            let mut shown = false;
            loop {
                // Whoever makes sections keeps to the deadline by itself.
                let next = match shown {
                    true => sections.recv().map_err(RecvTimeoutError::from),
                    false => sections.recv_timeout(until(began + GRACE, GRACE)),
                };
                match next {
                    Ok(section) => {
                        if shown {
                            observer.late(&section);
                        }
                        arrived.push(section);
                    }
                    Err(RecvTimeoutError::Timeout) => {
                        shown = true;
                        observer.early(natives);
                        arrived.iter().for_each(|section| observer.late(section));
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            // Last, so that it counts this report's calls.
            #[cfg(feature = "plugin")]
            if let Some(plugins) = &self.plugins {
                let section = guarded(NativeSection::Plugins, || plugins.section());
                if shown {
                    observer.late(&section);
                }
                arrived.push(section);
            }
        });
        report.sections.extend(arrived);
    }
}

/// Runs this beside the worker, for as long as the report is made.
fn spawn<'scope>(scope: &'scope Scope<'scope, '_>, run: impl FnOnce() + Send + 'scope) -> Result<(), String> {
    let run = || {
        gmr_inspect::signals::block_all_in_this_thread();
        run();
    };
    let spawned = std::thread::Builder::new().name("gmr-section".to_owned()).spawn_scoped(scope, run);
    spawned.map(drop).map_err(|error| format!("no thread could be started: {error}"))
}

impl OwnSection {
    fn empty(&self) -> Section {
        Section::new(self.name.as_str(), self.title.as_str(), Origin::Application)
    }

    fn section(&self, ready: &Sender<Section>, deadline: Instant) {
        let section = match self.ask.ask(deadline.min(Instant::now() + ANSWER)) {
            Ok(blocks) => self.empty().with_blocks(blocks),
            Err(reason) => self.empty().failed(format!("the application's closure {reason}")),
        };
        // The report may be over.
        let _ = ready.send(section);
    }
}

/// A section of ours; a fault in it must not cost the others.
fn guarded(native: NativeSection, section: impl FnOnce() -> Section) -> Section {
    catch_unwind(AssertUnwindSafe(section)).unwrap_or_else(|panic| fault(native, &*panic))
}

fn fault(native: NativeSection, panic: &(dyn Any + Send)) -> Section {
    Section::native(native).failed(format!("a fault in gmr, please report it: {}", words_of_panic(panic)))
}

/// What is left until then, at the most so much.
fn until(deadline: Instant, most: Duration) -> Duration {
    deadline.saturating_duration_since(Instant::now()).min(most)
}
