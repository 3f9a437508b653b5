//! What tokio itself counts, by its stable methods: atomic reads, no lock.

use tokio::runtime::{Handle, RuntimeFlavor};

use super::model::{Runtime, Worker};

/// The figures of the runtime behind `handle`.
pub(super) fn runtime(handle: &Handle) -> Runtime {
    let metrics = handle.metrics();
    Runtime {
        // tokio gives the number as text only; it is a `NonZeroU64`, so that 0 says "not known".
        id: handle.id().to_string().parse().unwrap_or(0),
        flavor: match handle.runtime_flavor() {
            RuntimeFlavor::CurrentThread => "current_thread".to_owned(),
            RuntimeFlavor::MultiThread => "multi_thread".to_owned(),
            other => format!("{other:?}"),
        },
        alive_tasks: metrics.num_alive_tasks(),
        global_queue_depth: metrics.global_queue_depth(),
        workers: (0..metrics.num_workers()).map(|index| worker(&metrics, index)).collect(),
    }
}

#[cfg(target_has_atomic = "64")]
fn worker(metrics: &tokio::runtime::RuntimeMetrics, index: usize) -> Worker {
    Worker {
        thread: None,
        busy: metrics.worker_total_busy_duration(index),
        parks: metrics.worker_park_count(index),
    }
}

#[cfg(not(target_has_atomic = "64"))]
fn worker(_metrics: &tokio::runtime::RuntimeMetrics, _index: usize) -> Worker {
    Worker { thread: None, busy: std::time::Duration::ZERO, parks: 0 }
}
