//! One list of what registered itself and what the walk found: no task twice, no name on the wrong task.

#[cfg(target_os = "linux")]
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::clock::coarse_nanoseconds;
#[cfg(target_os = "linux")]
use super::engine::{Found, FoundChain, Walked};
use super::model::{Chain, Particular, SourceLine, Task, TaskState};
#[cfg(target_os = "linux")]
use super::model::{Snapshot, Worker};
#[cfg(target_os = "linux")]
use super::registry::readings;
use super::registry::{Reading, Slot};

type Registered = (&'static Slot, Reading);

/// Registered futures where nothing else is known, by their ids.
pub(super) fn by_themselves(registered: &[Registered], why: &Arc<str>) -> Vec<Task> {
    let now = coarse_nanoseconds();
    let tasks = registered.iter().map(|(_, reading)| alone(reading, now, Chain::Unknown(Arc::clone(why))));
    sorted(tasks.collect())
}

/// Puts the walk's tasks into the snapshot and returns the registered futures that are in none of them.
///
/// A registered future that is a whole task is that task. One further inside a chain gives its name to
/// the await that it is.
#[cfg(target_os = "linux")]
pub(super) fn with_walk(mut walked: Walked, registered: &[Registered], snapshot: &mut Snapshot) -> Vec<Task> {
    let now = coarse_nanoseconds();
    let registered = by_now(&walked, registered);
    let by_slot: HashMap<u64, &Reading> =
        registered.iter().map(|(slot, reading)| (std::ptr::from_ref(*slot) as u64, reading)).collect();
    let mut by_task: HashMap<u64, Vec<&Reading>> = HashMap::new();
    for (_, reading) in &registered {
        if let Some(task) = reading.task {
            by_task.entry(task).or_default().push(reading);
        }
    }
    let mut shown: HashSet<u64> = HashSet::new();
    let mut runtimes: HashMap<u64, usize> = HashMap::new();

    walked.tasks.sort_by_key(|task| task.id);
    snapshot.tasks.reserve_exact(walked.tasks.len());
    for found in walked.tasks {
        runtimes.insert(found.id, found.runtime);
        let whole = whole(&found, &by_slot, by_task.get(&found.id).map_or(&[], Vec::as_slice));
        let tracked = found.tracked.clone();
        let mut task = listed(found);
        if let Some(reading) = whole {
            shown.insert(reading.id);
            add(&mut task, reading, now);
        }
        name_inside(&mut task, &tracked, &by_slot, &mut shown);
        snapshot.tasks.push(task);
    }
    for (runtime, found) in snapshot.runtimes.iter_mut().zip(&walked.runtimes) {
        let Some(found) = found else { continue };
        runtime.id = found.id;
        let known = runtime.workers.len().max(found.threads.len());
        runtime.workers.resize(known, Worker::default());
        for (worker, thread) in runtime.workers.iter_mut().zip(&found.threads) {
            worker.thread = *thread;
        }
    }
    snapshot.polling_unknown = walked.polling_unknown;
    snapshot.racy = walked.racy;
    snapshot.not_reached += walked.not_reached;
    snapshot.notes.append(&mut walked.notes);

    // Outer ones name the inner ones in their chains, so these must not stand for themselves.
    let mut rest: Vec<(u64, Task)> = Vec::new();
    for (slot, reading) in &registered {
        let unlisted = walked.unlisted.remove(&(std::ptr::from_ref(*slot) as u64));
        let ((chain, particulars), tracked) = match unlisted {
            Some(unlisted) => (chain_of(unlisted.chain), unlisted.tracked),
            None => {
                let why = if reading.polls == 0 { "it was never polled" } else { "it was not read" };
                ((Chain::Unknown(Arc::from(why)), Vec::new()), Vec::new())
            }
        };
        if shown.contains(&reading.id) {
            continue;
        }
        let mut task = Task { particulars, ..alone(reading, now, chain) };
        task.runtime = reading.task.and_then(|id| runtimes.get(&id).copied());
        name_inside(&mut task, &tracked, &by_slot, &mut shown);
        rest.push((reading.id, task));
    }
    sorted(rest.into_iter().filter(|(id, _)| !shown.contains(id)).map(|(_, task)| task).collect())
}

/// The registered futures as they are after the walk: one that it saw running is not to be shown as it was
/// before. Those that came meanwhile count if the walk met them, and are left to the next look otherwise.
#[cfg(target_os = "linux")]
fn by_now(walked: &Walked, before: &[Registered]) -> Vec<Registered> {
    let known: HashSet<u64> = before.iter().map(|(_, reading)| reading.id).collect();
    let listed = walked.tasks.iter().flat_map(|task| &task.tracked);
    let unlisted = walked.unlisted.values().flat_map(|unlisted| &unlisted.tracked);
    let met: HashSet<u64> = listed.chain(unlisted).map(|(slot, _)| *slot).collect();
    let mut now = readings();
    now.retain(|(slot, reading)| {
        known.contains(&reading.id) || met.contains(&(std::ptr::from_ref(*slot) as u64))
    });
    let still: HashSet<u64> = now.iter().map(|(_, reading)| reading.id).collect();
    // Finished since, but perhaps in a chain.
    let gone = before.iter().filter(|(slot, reading)| {
        !still.contains(&reading.id) && met.contains(&(std::ptr::from_ref(*slot) as u64))
    });
    now.extend(gone.cloned());
    now
}

fn sorted(mut tasks: Vec<Task>) -> Vec<Task> {
    tasks.sort_by_key(|task| task.id);
    tasks
}

/// The registered future that the whole task is.
#[cfg(target_os = "linux")]
fn whole<'r>(
    found: &Found,
    by_slot: &HashMap<u64, &'r Reading>,
    same_task: &[&'r Reading],
) -> Option<&'r Reading> {
    if !found.registered {
        return None;
    }
    if let Some((slot, 0)) = found.tracked.first() {
        return by_slot.get(slot).copied();
    }
    // Its chain could not be read. Of all that lie in its memory, it is the one around the others.
    let inside = same_task.iter().filter(|reading| found.memory.contains(&(reading.address as u64)));
    let mut inside: Vec<&Reading> = inside.copied().collect();
    inside.sort_by_key(|reading| reading.address);
    match inside[..] {
        [first, second, ..] if first.address == second.address => None,
        [first, ..] => Some(first),
        [] => None,
    }
}

#[cfg(target_os = "linux")]
fn listed(found: Found) -> Task {
    let (chain, particulars) = chain_of(found.chain);
    Task {
        id: found.id,
        runtime: Some(found.runtime),
        name: None,
        future: found.future,
        state: found.state,
        spawned_at: None,
        age: None,
        idle: None,
        polls: None,
        poll_time: None,
        running_on: found.running_on,
        polling: None,
        chain,
        particulars,
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

/// Writes the names of registered futures beside the awaits that they are.
#[cfg(target_os = "linux")]
fn name_inside(
    task: &mut Task,
    tracked: &[(u64, usize)],
    by_slot: &HashMap<u64, &Reading>,
    shown: &mut HashSet<u64>,
) {
    let (Chain::Known(awaits) | Chain::Passed(awaits)) = &task.chain else { return };
    for (slot, above) in tracked {
        let Some(reading) = by_slot.get(slot) else { continue };
        if awaits.get(*above).is_none() || !shown.insert(reading.id) {
            continue;
        }
        let Some(name) = &reading.name else { continue };
        let told = task.particulars.binary_search_by_key(above, |particular| particular.step);
        match told {
            Ok(at) => task.particulars[at].text.insert_str(0, &format!("\"{name}\", ")),
            Err(at) => task.particulars.insert(at, Particular { step: *above, text: format!("\"{name}\"") }),
        }
    }
}

/// A registered future as a task of its own.
fn alone(reading: &Reading, now: u64, chain: Chain) -> Task {
    let mut task = Task {
        id: reading.task.unwrap_or(reading.id),
        runtime: None,
        name: None,
        future: Arc::from((reading.kind.type_name)()),
        state: match reading {
            Reading { polling: true, .. } => TaskState::Running,
            Reading { polls: 0, .. } => TaskState::NotStarted,
            _ => TaskState::Idle,
        },
        spawned_at: None,
        age: None,
        idle: None,
        polls: None,
        poll_time: None,
        running_on: None,
        polling: None,
        chain,
        particulars: Vec::new(),
    };
    add(&mut task, reading, now);
    task
}

/// What a registered future tells of its task.
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
