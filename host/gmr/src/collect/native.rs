//! The native sections: threads and tasks, what is derived from them, the package and its configuration.
//!
//! They come in an order that loses least when time runs out: stacks, which move on, with at most half of what is
//! left for names; then tasks with their chains and what they hold; then which threads hold what.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use gmr_inspect::holds::{self, Object, Sightings, Want};
use gmr_inspect::process::Utilization;
use gmr_inspect::tasks::{self, Polling, Snapshot};
use gmr_inspect::threads::{self, Capture, Listing};
use gmr_report::{NativeSection, Report, Section};

use super::{ANSWER, Collector, caught, fault, guarded, until};
use crate::section::diagnosis::{self, Diagnosis, Scene};
use crate::section::green_threads::{self, Stacks};
use crate::section::masked::masked;

/// How long it may take to find which threads have what others wait for, if half of what is left is not less. On a loaded machine
/// half a second was seen to be over before a single landing pad was looked up.
const TIME_FOR_HOLDERS: Duration = Duration::from_secs(2);

impl Collector {
    /// Threads are looked at first, since they move on; they stand where oslo.reports has them. What is derived
    /// from them and from the tasks comes last.
    pub(super) fn native(&mut self, report: &mut Report, deadline: Instant) {
        // Before and after: a task that its thread polled both times is what the stack in between belongs to.
        let (began, listing) = (Instant::now(), threads::list());
        let polling = self.tasks.polling_of(&listing);
        let capture = caught(|| self.capture(&listing, deadline));
        let snapshot = caught(|| {
            let threads_wait = capture.as_ref().is_ok_and(|capture| self.tasks.threads_wait(capture));
            let options = tasks::Options::default().with_deadline(self.time_for_tasks(deadline));
            let options = options.with_holders(true).with_threads_wait(threads_wait);
            match &capture {
                Ok(capture) => self.tasks.look_with_threads(&options, capture),
                Err(_) => self.tasks.look(&options),
            }
        });
        let mut threads = section_of(NativeSection::Threads, &capture, crate::section::threads::section);
        let stacks = Stacks { polling, capture: capture.ok() };
        let meanwhile = caught(|| self.meanwhile(&listing, &stacks, snapshot.as_ref().ok(), began));
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
    fn meanwhile(
        &mut self,
        listing: &Listing,
        stacks: &Stacks,
        snapshot: Option<&Snapshot>,
        began: Instant,
    ) -> Meanwhile {
        let (nothing, no_task) = (Capture::default(), Snapshot::default());
        let (capture, snapshot) = (stacks.capture.as_ref().unwrap_or(&nothing), snapshot.unwrap_or(&no_task));
        let polling = polls(&stacks.polling, &self.tasks.polling_of(listing), snapshot, began);
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
    fn capture(&mut self, listing: &Listing, deadline: Instant) -> Capture {
        let half = until(deadline, Duration::MAX) / 2;
        let options = (self.threads.clone())
            .with_deadline(until(deadline, self.threads.deadline))
            .with_symbol_deadline(half.min(self.threads.symbol_deadline))
            .with_evidence(true);
        threads::capture_listed(listing, &options, &mut self.symbolizer)
    }

    /// A hundred thousand tasks take a second. Debug information that is not read yet has half of what is left: among 16
    /// busy loops it takes that, and without it a first report would have no chains.
    fn time_for_tasks(&self, deadline: Instant) -> Duration {
        let half = || until(deadline, Duration::MAX) / 2;
        match self.has_runtimes.then(|| self.tasks.prepared(half())) {
            Some(Ok(())) => half(),
            Some(Err(_)) => Duration::ZERO,
            None => until(deadline, tasks::Options::default().deadline),
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

/// Which threads polled which tasks all the time from before the stacks were taken: those that did then and do now,
/// and those of registered tasks whose present poll the registry has timed since longer.
fn polls(before: &[Polling], now: &[Polling], snapshot: &Snapshot, since: Instant) -> Vec<Polling> {
    let mut polls: Vec<Polling> = before.iter().copied().filter(|at| now.contains(at)).collect();
    // A future that no runtime lists has the registry's number, which may be that of something else's at a runtime.
    let named: HashMap<u64, Option<u32>> = match polls[..] {
        [] => HashMap::new(),
        _ => {
            let ids: HashSet<u64> = polls.iter().map(|at| at.task).collect();
            let tasks = snapshot.tasks.iter().filter(|task| ids.contains(&task.id));
            tasks.map(|task| (task.id, task.running_on)).collect()
        }
    };
    polls.retain(|at| named.get(&at.task).is_none_or(|thread| *thread == Some(at.thread)));
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
