//! One report: what is collected, in which order, and within which time.
//!
//! Native sections come first, since they take milliseconds and are what is wanted most; then the sections that run
//! foreign code, the application's own and the plugins', side by side. No section can lose
//! another one: a panic or a stall is that section's failure.

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gmr_inspect::holds::{self, Object, Sightings, Want};
use gmr_inspect::proc_self::{self, DescriptorsInUse};
use gmr_inspect::process::Utilization;
use gmr_inspect::symbols::Symbolizer;
use gmr_inspect::tasks::{Polling, Snapshot};
use gmr_inspect::threads::Capture;
use gmr_inspect::{tasks, threads};
use gmr_report::mask::Secrets;
use gmr_report::words;
use gmr_report::{Block, Header, NativeSection, Origin, Report, Section, Trigger};
use jiff::Timestamp;

use crate::bounded_call::{Caller, Closure, Failure, words_of_panic};
use crate::channel::{Receiver, Sender, channel};
use crate::emergency::EmergencyReports;
#[cfg(not(feature = "plugin"))]
use crate::no_plugin::Plugins;
#[cfg(feature = "plugin")]
use crate::plugin::Plugins;
use crate::section::configuration::Configuration;
use crate::section::diagnosis::{self, Diagnosis, Scene, Standing};
use crate::section::green_threads;
use crate::section::green_threads::Stacks;
use crate::section::masked::masked;
use crate::section::package::Package;

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
    /// Kept from report to report, to tell for how long something has stood.
    pub(crate) standing: Standing,
    /// Whether tasks can be found without being registered: then debug information is read ahead.
    pub(crate) has_runtimes: bool,
    pub(crate) own: Vec<OwnSection>,
    /// `None` without a plugin folder.
    pub(crate) plugins: Option<Arc<Plugins>>,
    /// Keeps the plugins from being run while they have not come back from an earlier report.
    pub(crate) plugins_caller: Caller,
    pub(crate) deadline: Duration,
    pub(crate) lost: Lost,
    pub(crate) emergency: EmergencyReports,
}

/// What is lost of earlier reports, since nobody read it.
#[derive(Default)]
pub(crate) struct Lost {
    pub(crate) reports: u32,
    pub(crate) bytes: u64,
}

impl Lost {
    fn remark(&self) -> Option<String> {
        let Lost { reports: reports @ 1.., bytes } = *self else { return None };
        let reports =
            if reports == 1 { "the report before".to_owned() } else { format!("{reports} reports before") };
        let bytes = words::bytes(bytes);
        Some(format!("{bytes} of {reports} were lost: nobody read standard error in time"))
    }
}

/// That the process has no descriptors left: what the report could not open it would have opened otherwise.
fn shortage() -> Option<String> {
    let DescriptorsInUse { open, limit } = proc_self::exhausted_descriptors()?;
    Some(format!("this process has no descriptors left ({open} of {limit})"))
}

/// A section that the application fills itself.
pub(crate) struct OwnSection {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) blocks: Closure<Vec<Block>>,
}

/// Sees a report before it is whole.
pub(crate) trait Observer {
    /// The native sections are there, and the others have taken longer than [`GRACE`].
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

/// How long after the deadline the plugins may come back: their calls end a tenth of a second after it, if they can be
/// ended at all.
const LAST_WORD: Duration = Duration::from_millis(500);

/// How long it may take to find which threads have what others wait for, if half of what is left is not less.
const TIME_FOR_HOLDERS: Duration = Duration::from_millis(500);

/// How long the application's own closures may take to answer: they only gather values.
const ANSWER: Duration = Duration::from_secs(1);

impl Collector {
    /// Makes a report; it is whole when this returns, at the latest half a second after the deadline.
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
        header.uptime = gmr_inspect::process::uptime();
        self.secrets.header(&mut header);
        header
    }

    /// Threads are looked at first, since they move on; they stand where oslo.reports has them. What is derived from them and from
    /// the tasks comes last.
    fn native(&mut self, report: &mut Report, deadline: Instant) {
        // Before and after: a task that its thread polled both times is what the stack in between belongs to.
        let (began, polling) = (Instant::now(), self.tasks.polling());
        let capture = caught(|| self.capture(deadline));
        let snapshot = caught(|| {
            let threads_wait = capture.as_ref().is_ok_and(|capture| self.tasks.threads_wait(capture));
            let options = tasks::Options::default().with_deadline(self.time_for_tasks(deadline));
            self.tasks.look(&options.with_holders(true).with_threads_wait(threads_wait))
        });
        let mut threads = section_of(NativeSection::Threads, &capture, crate::section::threads::section);
        let stacks = Stacks { polling, capture: capture.ok() };
        let meanwhile = caught(|| self.meanwhile(&stacks, snapshot.as_ref().ok(), began));
        let green_threads = section_of(NativeSection::GreenThreads, &snapshot, |snapshot| {
            green_threads::section(snapshot, &stacks, |task| self.standing.of_task(task))
        });
        let diagnosis = meanwhile.and_then(|meanwhile| {
            caught(|| self.diagnosis(&stacks, snapshot.unwrap_or_default(), &meanwhile, deadline))
        });
        let diagnosis = match diagnosis {
            Ok(diagnosis) => {
                crate::section::threads::first(&mut threads, &diagnosis.threads);
                diagnosis.section
            }
            Err(words) => Some(fault(NativeSection::Diagnosis, &words)),
        };
        let configuration = guarded(NativeSection::Configuration, || {
            self.configuration.section(&self.secrets, deadline.min(Instant::now() + ANSWER))
        });
        let sections = [self.package.section(), threads, green_threads].into_iter().chain(diagnosis);
        let sections = sections.chain([configuration]).chain(self.reporter());
        report.sections.extend(sections.map(|section| masked(&self.secrets, section)));
    }

    /// What else is seen at the end of the look, and keeps in mind where everything stands.
    fn meanwhile(&mut self, stacks: &Stacks, snapshot: Option<&Snapshot>, began: Instant) -> Meanwhile {
        let (nothing, no_task) = (Capture::default(), Snapshot::default());
        let (capture, snapshot) = (stacks.capture.as_ref().unwrap_or(&nothing), snapshot.unwrap_or(&no_task));
        let polling = polls(&stacks.polling, &self.tasks.polling(), snapshot, began);
        let utilization = Utilization::now();
        self.standing.update(capture, snapshot, &polling, &utilization.listening, Instant::now());
        Meanwhile { polling, utilization }
    }

    /// What is wrong, by all that was seen of threads and tasks. It is looked at once more before it is believed.
    fn diagnosis(
        &self,
        stacks: &Stacks,
        mut snapshot: Snapshot,
        meanwhile: &Meanwhile,
        deadline: Instant,
    ) -> Diagnosis {
        let nothing = Capture::default();
        let capture = stacks.capture.as_ref().unwrap_or(&nothing);
        let Meanwhile { polling, utilization } = meanwhile;
        let of_tasks = std::mem::take(&mut snapshot.sightings);
        let half = until(deadline, 2 * TIME_FOR_HOLDERS) / 2;
        let of_threads = self.tasks.thread_sightings(capture, &wanted(&of_tasks), Instant::now() + half);
        let has_stood = |id| {
            let at = capture.threads.binary_search_by_key(&id, |thread| thread.id).ok()?;
            capture.threads[at].has_stood()
        };
        let mut sightings = [of_threads, of_tasks];
        for seen in &mut sightings {
            seen.confirm(has_stood);
        }
        let graph = holds::join(sightings, &diagnosis::circumstances(&snapshot, polling));
        let workers = snapshot.runtimes.iter().flat_map(|runtime| &runtime.workers);
        let workers = workers.filter_map(|worker| worker.thread);
        let stood_still: HashSet<u32> = workers.filter(|id| has_stood(*id) == Some(true)).collect();
        diagnosis::diagnosis(&Scene {
            capture,
            snapshot: &snapshot,
            graph: &graph,
            polling,
            stood_still: &stood_still,
            standing: &self.standing,
            utilization,
            index: diagnosis::Index::default(),
        })
    }

    /// Names of frames are the cheapest to lose: a frame without one still has its module and offset.
    fn capture(&mut self, deadline: Instant) -> Capture {
        let half = until(deadline, Duration::MAX) / 2;
        let options = (self.threads.clone())
            .with_deadline(until(deadline, self.threads.deadline))
            .with_symbol_deadline(half.min(self.threads.symbol_deadline))
            .with_evidence(true);
        threads::capture_with(&options, &mut self.symbolizer)
    }

    /// A hundred thousand tasks take a second; debug information that is not read yet does not hold the report up for long.
    fn time_for_tasks(&self, deadline: Instant) -> Duration {
        let patience = until(deadline, tasks::Options::default().deadline);
        let left = until(deadline, Duration::MAX);
        match self.has_runtimes.then(|| self.tasks.prepared(patience)) {
            Some(Ok(())) => left / 2,
            Some(Err(_)) => Duration::ZERO,
            None => patience,
        }
    }

    /// The section that says what is wrong with the reporter itself, and what the process lacks for its reports.
    fn reporter(&self) -> Option<Section> {
        let remarks: Vec<String> =
            [self.lost.remark(), self.emergency.remark(), shortage()].into_iter().flatten().collect();
        let lines = remarks.iter().cloned().chain(self.emergency.missing());
        let blocks: Vec<Block> = lines.map(Block::paragraph).collect();
        if blocks.is_empty() {
            return None;
        }
        let mut section = Section::native(NativeSection::Reporter).with_blocks(blocks);
        section.remarks = remarks;
        Some(section)
    }

    /// The sections that run the application's code and the plugins'.
    fn foreign(&self, report: &mut Report, began: Instant, deadline: Instant, observer: &mut dyn Observer) {
        let (sender, arrivals) = channel();
        let mut page =
            Page { secrets: &self.secrets, natives: report, observer, shown: false, sections: Vec::new() };
        let own_until = deadline.min(Instant::now() + ANSWER);
        let own = self.start_own(&sender, &mut page);
        let plugins_run = self.start_plugins(deadline, &sender, &mut page);
        let plugins_until = plugins_run.then_some(deadline + LAST_WORD);
        page.fill(&arrivals, Awaited { own, own_until, plugins_until, early: began + GRACE });
        // Last, so that it counts this report's calls.
        if let Some(plugins) = &self.plugins {
            page.add(guarded(NativeSection::Plugins, || plugins.section()));
        }
        let sections = page.sections;
        report.sections.extend(sections);
    }

    /// Starts the application's closures; returns those whose answers are to come.
    fn start_own(&self, sender: &Sender<Arrival>, page: &mut Page<'_>) -> BTreeMap<usize, &OwnSection> {
        let mut awaited = BTreeMap::new();
        for (index, own) in self.own.iter().enumerate() {
            let sender = sender.clone();
            let ended = move |answer| sender.send(Arrival::Own(index, answer));
            match own.blocks.start("gmr-section", ended) {
                Ok(()) => drop(awaited.insert(index, own)),
                Err(failure) => page.add(own.section(Err(failure))),
            }
        }
        awaited
    }

    /// Runs the plugins beside the worker; returns whether they run.
    fn start_plugins(&self, deadline: Instant, sender: &Sender<Arrival>, page: &mut Page<'_>) -> bool {
        let Some(plugins) = &self.plugins else { return false };
        let (ours, so_far, each) = (plugins.clone(), plugins.visible(page.natives), sender.clone());
        let sender = sender.clone();
        let run = move || ours.render(so_far, deadline, |section| each.send(Arrival::Plugin(section)));
        let ended = move |outcome| sender.send(Arrival::PluginsEnded(outcome));
        match self.plugins_caller.start("gmr-section", run, ended) {
            Ok(()) => true,
            Err(failure) => {
                page.add(without_plugins(&failure));
                false
            }
        }
    }
}

/// What the sections that run foreign code tell.
enum Arrival {
    /// What came of the application's own section of this number.
    Own(usize, Result<Vec<Block>, Failure>),
    Plugin(Section),
    PluginsEnded(Result<(), Failure>),
}

/// What is still to arrive, and for how long it is waited for.
struct Awaited<'c> {
    own: BTreeMap<usize, &'c OwnSection>,
    own_until: Instant,
    /// `None` if they do not run.
    plugins_until: Option<Instant>,
    /// When what is there is shown.
    early: Instant,
}

/// The sections that have arrived, and whether the observer has seen them.
struct Page<'r> {
    secrets: &'r Secrets,
    natives: &'r Report,
    observer: &'r mut dyn Observer,
    shown: bool,
    sections: Vec<Section>,
}

impl Page<'_> {
    /// Takes in what arrives, until all of it is there or its time is over.
    fn fill(&mut self, arrivals: &Receiver<Arrival>, mut awaited: Awaited<'_>) {
        loop {
            let own_until = (!awaited.own.is_empty()).then_some(awaited.own_until);
            let Some(last) = own_until.max(awaited.plugins_until) else { return };
            let early = (!self.shown).then_some(awaited.early);
            let next = [own_until, awaited.plugins_until, early].into_iter().flatten().min();
            match arrivals.receive(next.unwrap_or(last)) {
                Ok(Arrival::Own(index, answer)) => {
                    if let Some(own) = awaited.own.remove(&index) {
                        self.add(own.section(answer));
                    }
                }
                Ok(Arrival::Plugin(section)) => self.add(section),
                Ok(Arrival::PluginsEnded(outcome)) => {
                    awaited.plugins_until = None;
                    outcome.err().iter().for_each(|failure| self.add(without_plugins(failure)));
                }
                Err(_) => self.give_up(&mut awaited),
            }
        }
    }

    /// Gives up what is late, and shows what is there if it is time.
    fn give_up(&mut self, awaited: &mut Awaited<'_>) {
        let now = Instant::now();
        if now >= awaited.own_until {
            let late = std::mem::take(&mut awaited.own);
            late.values().for_each(|own| self.add(own.section(Err(Failure::Late))));
        }
        if awaited.plugins_until.is_some_and(|until| now >= until) {
            awaited.plugins_until = None;
            self.add(without_plugins(&Failure::Late));
        }
        if now >= awaited.early {
            self.show();
        }
    }

    fn add(&mut self, section: Section) {
        let section = masked(self.secrets, section);
        if self.shown {
            self.observer.late(&section);
        }
        self.sections.push(section);
    }

    /// Shows what is there, once.
    fn show(&mut self) {
        if !self.shown {
            self.shown = true;
            self.observer.early(self.natives);
            self.sections.iter().for_each(|section| self.observer.late(section));
        }
    }
}

impl OwnSection {
    fn section(&self, answer: Result<Vec<Block>, Failure>) -> Section {
        let empty = Section::new(self.name.as_str(), self.title.as_str(), Origin::Application);
        match answer {
            Ok(blocks) => empty.with_blocks(blocks),
            Err(failure) => empty.failed(format!("the application's closure {failure}")),
        }
    }
}

/// What is seen beside stacks and tasks.
struct Meanwhile {
    /// Which threads polled which tasks all the time.
    polling: Vec<Polling>,
    utilization: Utilization,
}

/// What tasks wait for that a thread may have.
fn wanted(of_tasks: &Sightings) -> Vec<Object> {
    let waits = of_tasks.waits.iter().filter(|wait| !matches!(wait.want, Want::Receive | Want::End));
    let mut wanted: Vec<Object> = waits.map(|wait| wait.object).collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// Which threads polled which tasks all the time from before the stacks were taken: those that did then and do now, and those of
/// registered tasks whose present poll the registry has timed since longer.
fn polls(before: &[Polling], now: &[Polling], snapshot: &Snapshot, since: Instant) -> Vec<Polling> {
    let mut polls: Vec<Polling> = before.iter().copied().filter(|at| now.contains(at)).collect();
    let span = since.elapsed();
    let registered = snapshot.tasks.iter().filter(|task| task.polling.is_some_and(|time| time >= span));
    for at in registered.filter_map(|task| Some(Polling::new(task.running_on?, task.id))) {
        if !polls.contains(&at) {
            polls.push(at);
        }
    }
    polls
}

/// A section of what was seen, unless looking panicked.
fn section_of<T>(
    native: NativeSection,
    seen: &Result<T, String>,
    section: impl FnOnce(&T) -> Section,
) -> Section {
    match seen {
        Ok(seen) => guarded(native, || section(seen)),
        Err(words) => fault(native, words),
    }
}

/// A section of ours; a fault in it must not cost the others.
fn guarded(native: NativeSection, section: impl FnOnce() -> Section) -> Section {
    caught(section).unwrap_or_else(|words| fault(native, &words))
}

/// # Errors
///
/// What a panic said.
fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| words_of_panic(&*panic).to_owned())
}

/// The section in place of all those of plugins that have not come.
fn without_plugins(failure: &Failure) -> Section {
    match failure {
        Failure::Panicked(words) => fault(NativeSection::PluginSections, words),
        failure => {
            Section::native(NativeSection::PluginSections).failed(format!("the plugins' call {failure}"))
        }
    }
}

fn fault(native: NativeSection, words: &str) -> Section {
    Section::native(native).failed(format!("a fault in gmr, please report it: {words}"))
}

/// What is left until then, at the most so much.
fn until(deadline: Instant, most: Duration) -> Duration {
    deadline.saturating_duration_since(Instant::now()).min(most)
}

#[cfg(test)]
mod tests {
    use gmr_report::TriggerKind;

    use super::*;

    #[test]
    fn plugins_that_do_not_come_back_cost_no_other_section() {
        let trigger = Trigger::new(TriggerKind::Call, "");
        let natives = Report::new(Header::new("shop", Timestamp::UNIX_EPOCH, trigger));
        let secrets = Secrets::default();
        let observer = &mut Unobserved;
        let mut page =
            Page { secrets: &secrets, natives: &natives, observer, shown: false, sections: Vec::new() };
        let (sender, arrivals) = channel();
        sender.send(Arrival::Plugin(Section::new("first", "First", Origin::Application)));
        let now = Instant::now();
        let awaited = Awaited { own: BTreeMap::new(), own_until: now, plugins_until: Some(now), early: now };
        page.fill(&arrivals, awaited);
        let sections =
            page.sections.iter().map(|section| (section.name.as_str(), section.failure.as_deref()));
        let late =
            "the plugins' call did not answer in time; it may wait for something that the program holds";
        assert_eq!(sections.collect::<Vec<_>>(), [("first", None), ("plugin_sections", Some(late))]);
        assert!(page.shown);
    }
}
