//! A runtime's figures: its tasks in numbers, its workers, its threads for what blocks.

use std::time::Duration;

/// An async runtime's own figures.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Runtime {
    /// tokio's own number of it where chains are read, else its place among the runtimes that were given, from 1.
    pub id: u64,
    /// `current_thread` or `multi_thread`.
    pub flavor: String,
    /// Tasks spawned and not finished; `None` with tokio before 1.39.
    pub alive_tasks: Option<usize>,
    /// Tasks waiting in the queue that all workers share; `None` with tokio before 1.41.
    pub global_queue_depth: Option<usize>,
    /// Its threads for what blocks; only of an application that is built with `--cfg tokio_unstable`.
    pub blocking: Option<Blocking>,
    /// The kernel's id of a thread through which it was found, of a runtime that nobody passed in: its own figures are not
    /// known then.
    pub found_by: Option<u32>,
    /// Its workers; with tokio before 1.38 only those whose threads are known, and the ones numbered before these.
    pub workers: Vec<Worker>,
}

impl Runtime {
    /// A runtime of which no figure is known.
    pub fn new(id: u64, flavor: impl Into<String>) -> Self {
        Runtime {
            id,
            flavor: flavor.into(),
            alive_tasks: None,
            global_queue_depth: None,
            blocking: None,
            found_by: None,
            workers: Vec::new(),
        }
    }
}

/// The threads on which `spawn_blocking` and `block_in_place` run.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blocking {
    /// How many there are.
    pub threads: usize,
    /// How many of them have nothing to do.
    pub idle: usize,
    /// What waits for one of them.
    pub queue_depth: usize,
}

/// A worker thread of a runtime.
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub struct Worker {
    /// The kernel's id of the thread that is this worker; `None` where that is not known, or where no thread is: a
    /// `current_thread` runtime has a worker only while `block_on` drives it.
    pub thread: Option<u32>,
    /// Time spent polling tasks and drivers since the runtime started; `None` with tokio before 1.45.
    pub busy: Option<Duration>,
    /// How often it found nothing to do and went to sleep; `None` with tokio before 1.45.
    pub parks: Option<u64>,
    /// What it has done since the runtime started; only of an application that is built with `--cfg tokio_unstable`.
    pub work: Option<Work>,
}

/// What a worker has done, as tokio counts it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// How often it polled a task.
    pub polls: u64,
    /// The moving average of how long that took.
    pub mean_poll_time: Duration,
    /// Tasks that wait in its own queue now.
    pub queue_depth: usize,
    /// Tasks that it took from other workers' queues.
    pub steals: u64,
    /// How often its own queue was full, so that tasks went to the queue that all share.
    pub overflows: u64,
    /// How often it woke up for nothing.
    pub noops: u64,
}
