//! Rule: a runtime's worker that does not come back from a poll, and all of a runtime's workers at once.
//!
//! It fires for a worker that
//! - was asleep in a poll, by its stack, and has not run since: in a sleep, on a lock, on a file; or
//! - was at the same task before its stack was read and after, and has run for a second or more: as the registry measured, as the
//!   earlier report saw it at the same task without having parked since, or as its processor time shows that tokio has not added to
//!   its busy time yet.
//!
//! It does not for what `block_in_place` and `spawn_blocking` run, nor for workers that only have much to do.

use std::time::Duration;

use gmr_inspect::holds::Party;
use gmr_inspect::tasks::{Runtime, Worker};
use gmr_inspect::threads::{State, Thread};
use gmr_report::words::{counted, duration};

use super::scene::{Scene, is_in_poll, stands_in};
use super::words;
use super::{Entry, Rank};

/// Shorter polls are work.
const LONG_POLL: Duration = Duration::from_secs(1);

/// No more workers have a line.
const MOST_LINES: usize = 4;

/// A worker that is stuck in a poll.
struct Stuck<'a> {
    number: usize,
    thread: &'a Thread,
    /// What it does, with the task that it polls.
    does: String,
}

pub(super) fn find(scene: &Scene<'_>) -> Vec<Entry> {
    let runtimes = scene.snapshot.runtimes.iter().enumerate();
    runtimes.flat_map(|(index, runtime)| of_runtime(scene, index, runtime)).collect()
}

/// The kernel's ids of workers that do not come back from a poll.
pub(super) fn stuck_threads(scene: &Scene<'_>) -> impl Iterator<Item = u64> {
    let workers = scene.snapshot.runtimes.iter().flat_map(move |runtime| {
        runtime
            .workers
            .iter()
            .enumerate()
            .filter_map(move |(number, worker)| stuck(scene, runtime, number, worker))
    });
    workers.map(|stuck| stuck.thread.id.into())
}

fn of_runtime(scene: &Scene<'_>, index: usize, runtime: &Runtime) -> Vec<Entry> {
    let workers = runtime.workers.iter().enumerate();
    let stuck: Vec<Stuck<'_>> =
        workers.filter_map(|(number, worker)| stuck(scene, runtime, number, worker)).collect();
    let ready = match scene.ready(index) {
        0 => String::new(),
        1 => "; 1 task waits for a worker".to_owned(),
        ready => format!("; {} wait for a worker", counted(ready as u64, "task")),
    };
    match &stuck[..] {
        [] => Vec::new(),
        all if all.len() == runtime.workers.len() && all.len() > 1 => {
            let title = format!("none of the {} workers of runtime {} polls{ready}", all.len(), runtime.id);
            let mut lines = vec![title];
            lines.extend(
                all.iter().take(MOST_LINES).map(|stuck| format!("worker {}: {}", stuck.number, stuck.does)),
            );
            if let more @ 1.. = all.len().saturating_sub(MOST_LINES) {
                lines.push(format!("and {} more", counted(more as u64, "worker")));
            }
            vec![Entry { rank: Rank::AllWorkers, weight: scene.ready(index), lines }]
        }
        some => {
            // With one worker, all of them are stuck.
            let rank = if runtime.workers.len() == 1 { Rank::AllWorkers } else { Rank::Worker };
            let entry = |stuck: &Stuck<'_>| {
                let which = match runtime.workers.len() {
                    1 => "the only worker".to_owned(),
                    count => format!("worker {} of {count}", stuck.number),
                };
                let thread = stuck.thread.id;
                let line = format!("{which} does not poll: {}{ready}", stuck.does);
                Entry { rank, weight: scene.ready(index), lines: vec![format!("{line} (thread {thread})")] }
            };
            some.iter().map(entry).collect()
        }
    }
}

fn stuck<'a>(scene: &Scene<'a>, runtime: &Runtime, number: usize, worker: &Worker) -> Option<Stuck<'a>> {
    let thread = scene.thread(worker.thread?)?;
    if stands_in(thread, "block_in_place") {
        return None;
    }
    let task = scene.polled_by(thread.id);
    let does = if scene.stood_still.contains(&thread.id) && (task.is_some() || is_in_poll(thread)) {
        words::does(scene, Party::Thread(thread.id))?
    } else {
        let time = computes(scene, runtime, worker, thread, task?).filter(|time| *time >= LONG_POLL)?;
        let place = words::at(scene, Party::Thread(thread.id), None);
        format!("has run{place} for at least {}", duration(time))
    };
    let task = task.map_or("a task".to_owned(), |task| words::party(scene, Party::Task(task)));
    Some(Stuck { number, thread, does: format!("{task} {does}") })
}

/// For how long a poll has run, at least.
fn computes(
    scene: &Scene<'_>,
    runtime: &Runtime,
    worker: &Worker,
    thread: &Thread,
    task: u64,
) -> Option<Duration> {
    if thread.state != State::Running {
        return None;
    }
    let registered = scene.task(task).and_then(|task| task.polling);
    let seen = scene.standing.of_poll(thread.id);
    // What it has run and not added up yet it has run since it last parked. A `current_thread` runtime's worker may have run other
    // things before.
    let own = runtime.flavor == "multi_thread";
    let not_counted =
        worker.busy.filter(|_| own).map(|busy| (thread.cpu_user + thread.cpu_system).saturating_sub(busy));
    [registered, seen, not_counted].into_iter().flatten().max()
}
