//! Runs jobs in parallel under deadlines and hands over their results in order. It returns in time whatever the jobs do:
//! a thread that does not come back is left behind, and its job is reported as lost.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use wasmtime::Engine;

/// How often epochs advance while a job runs: how far a loop may overrun its deadline.
const TICK: Duration = Duration::from_millis(10);

/// What a job that was stopped may still take to say where it stood.
const GRACE: Duration = Duration::from_millis(100);

/// One job alone, outside of a report, has its own deadline; this is for its thread, which may be long in starting on a
/// loaded machine.
pub const START: Duration = Duration::from_secs(10);

/// However little time is left, a job gets this much: ten ticks.
const LEAST: Duration = Duration::from_millis(100);

/// Something to run until a deadline, which it is told.
pub struct Job<T> {
    /// The time it asks for.
    pub patience: Duration,
    pub work: Box<dyn FnOnce(Instant) -> T + Send>,
}

/// A job without a result.
#[derive(Debug, PartialEq, Eq)]
pub enum Lost {
    /// It had no turn before the time was over.
    NotStarted,
    /// It does not come back; its thread goes on.
    Stuck,
    /// A defect of ours: it panicked.
    Panicked,
}

impl Lost {
    pub fn reason(&self) -> &'static str {
        match self {
            Lost::NotStarted => "the report's time was over before its turn",
            Lost::Stuck => "its deadline passed, and it does not come back from the system",
            Lost::Panicked => "its host panicked, which is a defect of gmr",
        }
    }
}

/// Runs `jobs` on at most `threads` threads until `deadline`, and calls `each` with the index of each and its result, in
/// their order, as soon as it is there. `engines` are those that run the jobs' code: their epochs advance meanwhile.
pub fn run<T: Send + 'static>(
    engines: &[Engine],
    jobs: Vec<Job<T>>,
    threads: usize,
    deadline: Instant,
    mut each: impl FnMut(usize, Result<T, Lost>),
) {
    let count = jobs.len();
    let threads = threads.clamp(1, count.max(1));
    let queue = Arc::new(Queue::new(jobs, threads, deadline));
    let (sender, results) = mpsc::channel();
    let started = (0..threads).filter(|_| spawn(&queue, &sender)).count();
    drop(sender);

    let mut waiting = BTreeMap::new();
    let (mut next, mut ticked) = (0, Instant::now());
    // Jobs that run to their deadline end a tick after it and then say where they stood.
    let last = deadline + TICK + GRACE;
    while next < count && started > 0 {
        let now = Instant::now();
        if now >= last {
            break;
        }
        match results.recv_timeout(TICK.min(last - now)) {
            Ok((index, result)) => drop(waiting.insert(index, result)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if ticked.elapsed() >= TICK {
            engines.iter().for_each(Engine::increment_epoch);
            ticked = Instant::now();
        }
        while let Some(result) = waiting.remove(&next) {
            each(next, result);
            next += 1;
        }
    }
    let begun = queue.close();
    for index in next..count {
        let lost = if index < begun { Lost::Stuck } else { Lost::NotStarted };
        each(index, waiting.remove(&index).unwrap_or(Err(lost)));
    }
    // What was left behind stops at the next epoch, unless it waits in the kernel.
    engines.iter().for_each(Engine::increment_epoch);
}

struct Queue<T> {
    jobs: Mutex<Vec<Option<Job<T>>>>,
    next: AtomicUsize,
    count: usize,
    threads: usize,
    deadline: Instant,
}

impl<T> Queue<T> {
    fn new(jobs: Vec<Job<T>>, threads: usize, deadline: Instant) -> Queue<T> {
        let count = jobs.len();
        let jobs = Mutex::new(jobs.into_iter().map(Some).collect());
        Queue { jobs, next: AtomicUsize::new(0), count, threads, deadline }
    }

    fn take(&self) -> Option<(usize, Job<T>)> {
        if Instant::now() >= self.deadline {
            return None;
        }
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let job = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index)?.take()?;
        Some((index, job))
    }

    /// Lets no further job begin; returns how many were begun.
    fn close(&self) -> usize {
        self.next.fetch_add(self.count, Ordering::Relaxed).min(self.count)
    }

    /// The time for this job: what it asks for, or its share of what is left if that is less.
    fn until(&self, index: usize, patience: Duration) -> Instant {
        let now = Instant::now();
        let waiting = u32::try_from((self.count - index).div_ceil(self.threads)).unwrap_or(u32::MAX);
        let share = (self.deadline.saturating_duration_since(now) / waiting.max(1)).max(LEAST);
        (now + patience.min(share)).min(self.deadline)
    }
}

/// Whether the thread could be started; if none can, nothing runs and all jobs are lost.
fn spawn<T: Send + 'static>(queue: &Arc<Queue<T>>, results: &Sender<(usize, Result<T, Lost>)>) -> bool {
    let (queue, results) = (queue.clone(), results.clone());
    let thread = std::thread::Builder::new().name("gmr-plugin".to_owned()).spawn(move || {
        crate::plugin::block_signals();
        while let Some((index, job)) = queue.take() {
            let until = queue.until(index, job.patience);
            let result = catch_unwind(AssertUnwindSafe(|| (job.work)(until))).map_err(|_| Lost::Panicked);
            if results.send((index, result)).is_err() {
                return;
            }
        }
    });
    thread.is_ok()
}
