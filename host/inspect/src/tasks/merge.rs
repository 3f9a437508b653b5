//! The merging of registered futures with the tasks found in memory: no task twice, no name on the wrong task.

#[cfg(target_os = "linux")]
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::clock::coarse_nanoseconds;
#[cfg(target_os = "linux")]
use super::found::{Found, FoundAll, FoundChain, FoundRoot, FoundRuntime, Unlisted};
use super::model::{Chain, Reason, SourceLine, Task, TaskState};
#[cfg(target_os = "linux")]
use super::model::{Fact, Particular, Root, Runtime, Snapshot, Worker};
#[cfg(target_os = "linux")]
use super::registry::readings;
use super::registry::{Reading, Slot};

type Registered = (&'static Slot, Reading);

/// Registered futures where nothing else is known, by their ids.
pub(super) fn by_themselves(registered: &[Registered], why: &Arc<Reason>) -> Vec<Task> {
    let now = coarse_nanoseconds();
    let tasks = registered.iter().map(|(_, reading)| alone(reading, now, Chain::Unknown(Arc::clone(why))));
    sorted(tasks.collect())
}

/// Puts the tasks that were found in memory into the snapshot and returns the registered futures that are in none of
/// them.
///
/// A registered future that is a whole task is that task. One further inside a chain gives its name to the await that it
/// is.
#[cfg(target_os = "linux")]
pub(super) fn with_found(all: FoundAll, registered: &[Registered], snapshot: &mut Snapshot) -> Vec<Task> {
    let registered = by_now(&all, registered);
    let mut names = Names::new(&registered);
    let FoundAll {
        mut tasks,
        mut unlisted,
        runtimes,
        polling_unknown,
        racy,
        not_reached,
        mut notes,
        sightings,
        roots,
    } = all;
    snapshot.sightings = sightings;
    tasks.sort_by_key(|task| task.id);
    let runtime_of: HashMap<u64, Option<usize>> = tasks.iter().map(|task| (task.id, task.runtime)).collect();
    snapshot.tasks.reserve_exact(tasks.len());
    snapshot.tasks.extend(tasks.into_iter().map(|found| names.listed(found)));
    snapshot.roots.extend(roots.into_iter().map(|found| names.root(found)));
    number_workers(&mut snapshot.runtimes, &runtimes);
    snapshot.polling_unknown = polling_unknown;
    snapshot.racy = racy;
    snapshot.not_reached += not_reached;
    snapshot.notes.append(&mut notes);

    // Outer ones name the inner ones in their chains, so these must not stand for themselves.
    let mut rest: Vec<(u64, Task)> = Vec::new();
    for (slot, reading) in &registered {
        let unlisted = unlisted.remove(&address(slot));
        if names.shown.contains(&reading.id) {
            continue;
        }
        let mut task = names.unlisted(reading, unlisted);
        task.runtime = reading.task.and_then(|id| runtime_of.get(&id).copied().flatten());
        rest.push((reading.id, task));
    }
    let shown = names.shown;
    sorted(rest.into_iter().filter(|(id, _)| !shown.contains(id)).map(|(_, task)| task).collect())
}

/// Which slot a registered future is in, as the debug information rung finds it.
#[cfg(target_os = "linux")]
fn address(slot: &'static Slot) -> u64 {
    std::ptr::from_ref(slot) as u64
}

/// Adds the runtimes that nobody passed in, gives all their own ids, and their workers the threads that they are.
#[cfg(target_os = "linux")]
fn number_workers(runtimes: &mut Vec<Runtime>, found: &[Option<FoundRuntime>]) {
    let known = runtimes.len();
    let unlisted =
        found.iter().skip(known).flatten().filter_map(|found| Some((found.id, found.unlisted.as_ref()?)));
    runtimes.extend(unlisted.map(|(id, unlisted)| Runtime {
        found_by: Some(unlisted.found_by),
        ..Runtime::new(id, unlisted.flavor)
    }));
    for (runtime, found) in runtimes.iter_mut().zip(found) {
        let Some(found) = found else { continue };
        runtime.id = found.id;
        let known = runtime.workers.len().max(found.threads.len());
        runtime.workers.resize(known, Worker::default());
        for (worker, thread) in runtime.workers.iter_mut().zip(&found.threads) {
            worker.thread = *thread;
        }
    }
}

/// The registered futures as they are after the look: a future that was seen running must not be shown as it was before.
/// Those that came meanwhile count if the look met them, and are left to the next one otherwise.
#[cfg(target_os = "linux")]
fn by_now(all: &FoundAll, before: &[Registered]) -> Vec<Registered> {
    let known: HashSet<u64> = before.iter().map(|(_, reading)| reading.id).collect();
    let listed = all.tasks.iter().flat_map(|task| &task.tracked);
    let unlisted = all.unlisted.values().flat_map(|unlisted| &unlisted.tracked);
    let roots = all.roots.iter().flat_map(|root| &root.tracked);
    let met: HashSet<u64> = listed.chain(unlisted).chain(roots).map(|(slot, _)| *slot).collect();
    let mut now = readings();
    now.retain(|(slot, reading)| known.contains(&reading.id) || met.contains(&address(slot)));
    let still: HashSet<u64> = now.iter().map(|(_, reading)| reading.id).collect();
    // Finished since, but perhaps in a chain.
    let is_gone =
        |(slot, reading): &&Registered| !still.contains(&reading.id) && met.contains(&address(slot));
    let gone: Vec<&Registered> = before.iter().filter(is_gone).collect();
    now.extend(gone.into_iter().cloned());
    now
}

/// Registered futures by where they may be met, and which of them were.
#[cfg(target_os = "linux")]
struct Names<'r> {
    by_slot: HashMap<u64, &'r Reading>,
    by_task: HashMap<u64, Vec<&'r Reading>>,
    /// The ids of those that are shown already, as a task or in a chain.
    shown: HashSet<u64>,
    /// On the clock of the readings.
    now: u64,
}

#[cfg(target_os = "linux")]
impl<'r> Names<'r> {
    fn new(registered: &'r [Registered]) -> Self {
        let mut by_task: HashMap<u64, Vec<&Reading>> = HashMap::new();
        for (_, reading) in registered {
            if let Some(task) = reading.task {
                by_task.entry(task).or_default().push(reading);
            }
        }
        let by_slot = registered.iter().map(|(slot, reading)| (address(slot), reading)).collect();
        Names { by_slot, by_task, shown: HashSet::new(), now: coarse_nanoseconds() }
    }

    /// A task that a runtime lists, with what it registered.
    fn listed(&mut self, found: Found) -> Task {
        let whole = self.whole(&found);
        let Found { id, runtime, local_set, future, state, running_on, chain, tracked, .. } = found;
        let (chain, particulars) = chain_of(chain);
        let task = Task { runtime, local_set, running_on, ..Task::new(id, future, state) };
        let mut task = Task { chain, particulars, ..task };
        if let Some(reading) = whole {
            self.shown.insert(reading.id);
            add(&mut task, reading, self.now);
        }
        self.name_inside(&mut task, &tracked);
        task
    }

    /// What a thread runs by `block_on`, with what it registered.
    fn root(&mut self, found: FoundRoot) -> Root {
        let FoundRoot { thread, frame, runtime, future, state, chain, registered, tracked } = found;
        let whole = tracked.first().filter(|(_, above)| registered && *above == 0);
        let whole = whole.and_then(|(slot, _)| self.by_slot.get(slot).copied());
        let id = whole.map_or(0, |reading| reading.id);
        let (chain, particulars) = chain_of(chain);
        let running_on = (state == TaskState::Running).then_some(thread);
        let mut task = Task { runtime, running_on, chain, particulars, ..Task::new(id, future, state) };
        if let Some(reading) = whole {
            self.shown.insert(reading.id);
            add(&mut task, reading, self.now);
        }
        self.name_inside(&mut task, &tracked);
        Root { thread, frame, task }
    }

    /// A registered future that no runtime lists.
    fn unlisted(&mut self, reading: &Reading, unlisted: Option<Unlisted>) -> Task {
        let Some(Unlisted { chain, tracked }) = unlisted else {
            let why = if reading.polls == 0 { Reason::NeverPolled } else { Reason::NotRead };
            return alone(reading, self.now, Chain::Unknown(Arc::new(why)));
        };
        let (chain, particulars) = chain_of(chain);
        let mut task = Task { particulars, ..alone(reading, self.now, chain) };
        self.name_inside(&mut task, &tracked);
        task
    }

    /// The registered future that the whole task is.
    fn whole(&self, found: &Found) -> Option<&'r Reading> {
        if !found.registered {
            return None;
        }
        if let Some((slot, 0)) = found.tracked.first() {
            return self.by_slot.get(slot).copied();
        }
        // Its chain could not be read. Of all that lie in its memory, it is the one around the others.
        let same_task = self.by_task.get(&found.id).map_or(&[][..], Vec::as_slice);
        let inside = same_task.iter().filter(|reading| found.memory.contains(&(reading.address as u64)));
        let mut inside: Vec<&Reading> = inside.copied().collect();
        inside.sort_by_key(|reading| reading.address);
        match inside[..] {
            [first, second, ..] if first.address == second.address => None,
            [first, ..] => Some(first),
            [] => None,
        }
    }

    /// Writes the names of registered futures beside the awaits that they are.
    fn name_inside(&mut self, task: &mut Task, tracked: &[(u64, usize)]) {
        let (Chain::Known(awaits) | Chain::Passed(awaits)) = &task.chain else { return };
        for (slot, above) in tracked {
            let Some(reading) = self.by_slot.get(slot) else { continue };
            if awaits.get(*above).is_none() || !self.shown.insert(reading.id) {
                continue;
            }
            let Some(name) = &reading.name else { continue };
            // Before whatever else is known of that await.
            let at = task.particulars.partition_point(|particular| particular.step < *above);
            task.particulars.insert(at, Particular::new(*above, Fact::Name(name.as_str().into())));
        }
    }
}

#[cfg(target_os = "linux")]
fn chain_of(found: FoundChain) -> (Chain, Vec<Particular>) {
    match found {
        FoundChain::Known(made) => (Chain::Known(made.awaits), made.particulars),
        FoundChain::Passed(made) => (Chain::Passed(made.awaits), made.particulars),
        FoundChain::Racy => (Chain::Racy, Vec::new()),
        FoundChain::Unknown(reason) => (Chain::Unknown(reason), Vec::new()),
    }
}

fn sorted(mut tasks: Vec<Task>) -> Vec<Task> {
    tasks.sort_by_key(|task| task.id);
    tasks
}

/// A registered future as a task of its own.
fn alone(reading: &Reading, now: u64, chain: Chain) -> Task {
    let state = match reading {
        Reading { polling: true, .. } => TaskState::Running,
        Reading { polls: 0, .. } => TaskState::NotStarted,
        _ => TaskState::Idle,
    };
    let id = reading.task.unwrap_or(reading.id);
    let mut task = Task { chain, ..Task::new(id, (reading.kind.type_name)(), state) };
    add(&mut task, reading, now);
    task
}

/// Adds what is registered of a task.
fn add(task: &mut Task, reading: &Reading, now: u64) {
    let since = |then: u64| Duration::from_nanos(now.saturating_sub(then));
    task.name.clone_from(&reading.name);
    task.spawned_at =
        Some(SourceLine { file: reading.location.file().to_owned(), line: reading.location.line() });
    task.age = Some(since(reading.created));
    task.idle = (!reading.polling && reading.polls > 0).then(|| since(reading.poll_ended));
    task.polls = Some(reading.polls);
    task.poll_time = Some(Duration::from_nanos(reading.poll_time));
    // The registry knows the thread of this very poll.
    if reading.polling && reading.thread != 0 {
        task.running_on = Some(reading.thread);
    }
    task.polling = reading.polling.then(|| since(reading.poll_began));
}
