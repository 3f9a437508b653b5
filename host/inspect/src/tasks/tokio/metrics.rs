//! tokio's own metrics: atomic reads; those of the blocking threads' queue take tokio's lock around it.
//!
//! Which figures there are depends on tokio's version and on `--cfg tokio_unstable`, and a program can ask for neither. So
//! each method that may be missing is also in a trait here, where it returns nothing: of two methods with one name the
//! compiler takes the type's own before a trait's.

#![allow(clippy::useless_conversion, reason = "a figure that tokio does not have is an option already")]

use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::tasks::model::{Blocking, Runtime, Work, Worker};

/// The figures of the runtime behind `handle`, which is the one of that number, from 0.
pub(crate) fn runtime(number: usize, handle: &Handle) -> Runtime {
    let metrics = handle.metrics();
    let blocking = || {
        Some(Blocking {
            threads: Option::from(metrics.num_blocking_threads())?,
            idle: Option::from(metrics.num_idle_blocking_threads())?,
            queue_depth: Option::from(metrics.blocking_queue_depth())?,
        })
    };
    let work = |worker: usize| {
        Some(Work {
            polls: Option::from(metrics.worker_poll_count(worker))?,
            mean_poll_time: Option::from(metrics.worker_mean_poll_time(worker))?,
            queue_depth: Option::from(metrics.worker_local_queue_depth(worker))?,
            steals: Option::from(metrics.worker_steal_count(worker))?,
            overflows: Option::from(metrics.worker_overflow_count(worker))?,
            noops: Option::from(metrics.worker_noop_count(worker))?,
        })
    };
    let worker = |worker: usize| Worker {
        thread: None,
        busy: Option::from(metrics.worker_total_busy_duration(worker)),
        parks: Option::from(metrics.worker_park_count(worker)),
        work: work(worker),
    };
    Runtime {
        // tokio has a method for its own number since 1.49; in memory it is in every version.
        id: number as u64 + 1,
        flavor: match handle.runtime_flavor() {
            RuntimeFlavor::CurrentThread => "current_thread".to_owned(),
            RuntimeFlavor::MultiThread => "multi_thread".to_owned(),
            other => format!("{other:?}"),
        },
        alive_tasks: alive_tasks(handle),
        global_queue_depth: Option::from(metrics.global_queue_depth()),
        blocking: blocking(),
        found_by: None,
        workers: (0..workers(handle).unwrap_or(0)).map(worker).collect(),
    }
}

/// Tasks spawned and not finished.
pub(crate) fn alive_tasks(handle: &Handle) -> Option<usize> {
    Option::from(handle.metrics().num_alive_tasks())
}

/// How many workers it has.
pub(crate) fn workers(handle: &Handle) -> Option<usize> {
    Option::from(handle.metrics().num_workers())
}

#[allow(dead_code, reason = "tokio 1.38 and newer have it")]
trait Metered {
    fn metrics(&self) {}
}

impl Metered for Handle {}

#[allow(dead_code, reason = "which of them tokio has depends on its version and configuration")]
trait Missing {
    fn num_workers(&self) -> Option<usize> {
        None
    }
    fn num_alive_tasks(&self) -> Option<usize> {
        None
    }
    fn global_queue_depth(&self) -> Option<usize> {
        None
    }
    fn worker_total_busy_duration(&self, _worker: usize) -> Option<Duration> {
        None
    }
    fn worker_park_count(&self, _worker: usize) -> Option<u64> {
        None
    }
    fn num_blocking_threads(&self) -> Option<usize> {
        None
    }
    fn num_idle_blocking_threads(&self) -> Option<usize> {
        None
    }
    fn blocking_queue_depth(&self) -> Option<usize> {
        None
    }
    fn worker_poll_count(&self, _worker: usize) -> Option<u64> {
        None
    }
    fn worker_mean_poll_time(&self, _worker: usize) -> Option<Duration> {
        None
    }
    fn worker_local_queue_depth(&self, _worker: usize) -> Option<usize> {
        None
    }
    fn worker_steal_count(&self, _worker: usize) -> Option<u64> {
        None
    }
    fn worker_overflow_count(&self, _worker: usize) -> Option<u64> {
        None
    }
    fn worker_noop_count(&self, _worker: usize) -> Option<u64> {
        None
    }
}

/// For tokio's type, which is not public in the oldest versions, and for what stands for it there.
impl<T> Missing for T {}
