//! Figures of runtimes and of their workers.

use std::collections::BTreeSet;
use std::time::Duration;

use gmr_inspect::tasks::{Blocking, Runtime, Worker};
use gmr_report::words::{counted, duration};
use gmr_report::{Block, Value};

/// A line for each runtime. A worker that is in a poll has not told yet how long it has been busy there.
pub(super) fn figures(runtimes: &[Runtime], polling: &BTreeSet<u32>) -> Option<Block> {
    let lines: Vec<String> = runtimes.iter().map(|one| runtime(one, polling)).collect();
    (!lines.is_empty()).then(|| Block::paragraph(lines.join("\n")))
}

/// `tokio runtime 1: 4 workers, 10,004 tasks, 0 in the global queue; busy 12 % since start`.
fn runtime(runtime: &Runtime, polling: &BTreeSet<u32>) -> String {
    let workers = (!runtime.workers.is_empty()).then(|| counted(runtime.workers.len() as u64, "worker"));
    let alive = runtime.alive_tasks.map(|count| format!("{} alive", counted(count as u64, "task")));
    let queue = runtime.global_queue_depth.map(|count| format!("{count} in the global queue"));
    let counts: Vec<String> = [workers, alive, queue].into_iter().flatten().collect();
    let counts = if counts.is_empty() { "this tokio tells no figures".to_owned() } else { counts.join(", ") };
    let mut text = format!("tokio runtime {} ({}): {counts}", runtime.id, runtime.flavor);
    let workers = runtime.workers.iter();
    let busy: Option<Duration> = workers.clone().map(|worker| worker.busy).sum();
    let parks: Option<u64> = workers.clone().map(|worker| worker.parks).sum();
    let in_poll = runtime.workers.iter().filter(|worker| polls(worker, polling)).count();
    let before = match in_poll {
        0 => String::new(),
        count => format!("; {} in a poll, before that", counted(count as u64, "worker")),
    };
    match (busy, parks, workers.last()) {
        (Some(busy), Some(parks), Some(_)) => {
            let before = if before.is_empty() { ";" } else { &before };
            text.push_str(&format!("{before} busy for {} in all, parked {parks} times", duration(busy)));
        }
        _ => text.push_str(before.trim_end_matches(", before that")),
    }
    if let Some(Blocking { threads, idle, queue_depth, .. }) = runtime.blocking {
        text.push_str(&format!("; {idle} of {threads} blocking threads idle, {queue_depth} waiting for one"));
    }
    text
}

fn polls(worker: &Worker, polling: &BTreeSet<u32>) -> bool {
    worker.thread.is_some_and(|thread| polling.contains(&thread))
}

/// A row for each worker, with more columns where the application lets tokio count more.
pub(super) fn workers(runtimes: &[Runtime], polling: &BTreeSet<u32>) -> Option<[Block; 2]> {
    let more = runtimes.iter().flat_map(|runtime| &runtime.workers).any(|worker| worker.work.is_some());
    let mut columns = vec!["runtime", "worker", "thread", "busy", "parks"];
    if more {
        columns.extend(["polls", "mean poll", "queue", "steals", "overflows", "woken for nothing"]);
    }
    let mut rows = Vec::new();
    for runtime in runtimes {
        let workers = runtime.workers.iter().enumerate();
        rows.extend(workers.map(|(number, worker)| row(runtime.id, number, worker, polling)));
    }
    (!rows.is_empty()).then(|| [Block::heading(1, "workers"), Block::table(columns, rows)])
}

fn row(runtime: u64, number: usize, worker: &Worker, polling: &BTreeSet<u32>) -> Vec<Value> {
    let mut row: Vec<Value> = vec![runtime.into(), number.into(), worker.thread.into()];
    // tokio adds to it when the worker parks: of one that is stuck it is what was before.
    let busy = if polls(worker, polling) { "in a poll".into() } else { worker.busy.into() };
    row.extend([busy, worker.parks.into()]);
    if let Some(work) = &worker.work {
        row.extend([work.polls.into(), work.mean_poll_time.into(), work.queue_depth.into()]);
        row.extend([work.steals.into(), work.overflows.into(), work.noops.into()]);
    }
    row
}
