//! What tokio itself counts, by its stable methods, and by the others where the application is built with them
//! (`--cfg tokio_unstable`): atomic reads; those of the blocking threads' queue take tokio's lock around it.

use tokio::runtime::{Handle, RuntimeFlavor, RuntimeMetrics};

use super::model::{Blocking, Runtime, Work, Worker};

/// The figures of the runtime behind `handle`, which is the one of that number, from 0.
pub(super) fn runtime(number: usize, handle: &Handle) -> Runtime {
    let metrics = handle.metrics();
    Runtime {
        // tokio tells its own since 1.49; the walk finds it in every version.
        id: number as u64 + 1,
        flavor: match handle.runtime_flavor() {
            RuntimeFlavor::CurrentThread => "current_thread".to_owned(),
            RuntimeFlavor::MultiThread => "multi_thread".to_owned(),
            other => format!("{other:?}"),
        },
        alive_tasks: metrics.num_alive_tasks(),
        global_queue_depth: metrics.global_queue_depth(),
        blocking: blocking(&metrics),
        workers: (0..metrics.num_workers()).map(|index| worker(&metrics, index)).collect(),
    }
}

#[cfg(target_has_atomic = "64")]
fn worker(metrics: &RuntimeMetrics, index: usize) -> Worker {
    Worker {
        thread: None,
        busy: metrics.worker_total_busy_duration(index),
        parks: metrics.worker_park_count(index),
        work: work(metrics, index),
    }
}

#[cfg(not(target_has_atomic = "64"))]
fn worker(_metrics: &RuntimeMetrics, _index: usize) -> Worker {
    Worker { thread: None, busy: std::time::Duration::ZERO, parks: 0, work: None }
}

#[cfg(tokio_unstable)]
fn blocking(metrics: &RuntimeMetrics) -> Option<Blocking> {
    Some(Blocking {
        threads: metrics.num_blocking_threads(),
        idle: metrics.num_idle_blocking_threads(),
        queue_depth: metrics.blocking_queue_depth(),
    })
}

#[cfg(not(tokio_unstable))]
fn blocking(_metrics: &RuntimeMetrics) -> Option<Blocking> {
    None
}

#[cfg(all(tokio_unstable, target_has_atomic = "64"))]
fn work(metrics: &RuntimeMetrics, index: usize) -> Option<Work> {
    Some(Work {
        polls: metrics.worker_poll_count(index),
        mean_poll_time: metrics.worker_mean_poll_time(index),
        queue_depth: metrics.worker_local_queue_depth(index),
        steals: metrics.worker_steal_count(index),
        overflows: metrics.worker_overflow_count(index),
        noops: metrics.worker_noop_count(index),
    })
}

#[cfg(all(not(tokio_unstable), target_has_atomic = "64"))]
fn work(_metrics: &RuntimeMetrics, _index: usize) -> Option<Work> {
    None
}
