//! What a look at the tasks returns: owned values only.

use std::sync::Arc;
use std::time::Duration;

/// What a look at the tasks may do, and for how long.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long the walk may take in all. Tasks not reached by then are counted in
    /// [`Snapshot::not_reached`]. Default 500 ms.
    pub deadline: Duration,
    /// How many tasks are decoded at the most. Default 200,000.
    pub max_tasks: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { deadline: Duration::from_millis(500), max_tasks: 200_000 }
    }
}

/// All known tasks at about one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The runtimes that were given, in that order.
    pub runtimes: Vec<Runtime>,
    /// The tasks: those the runtimes own, by id, then registered ones that no runtime lists.
    pub tasks: Vec<Task>,
    /// How the chains were come by, or why there are none.
    pub rung: Rung,
    /// Why it is not known which threads poll which tasks, if it is not known here at all: [`Task::running_on`] is told
    /// of registered tasks only then.
    pub polling_unknown: Option<String>,
    /// Tasks whose chain kept changing while it was read; they are listed without one.
    pub racy: usize,
    /// Tasks that the deadline or [`Options::max_tasks`] cut off, as far as they can be counted.
    pub not_reached: usize,
    /// What limited the look as a whole, each a sentence.
    pub notes: Vec<String>,
    /// From the first look to the last.
    pub took: Duration,
}

/// How chains of awaits were come by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rung {
    /// Decoded from memory with the executable's debug information, each one checked.
    DebugInformation,
    /// Registered tasks only; the reason. One is that tasks with known chains, which are read before anything is
    /// believed, did not read as they are: this compiler or this tokio is not understood.
    Registered(String),
    /// Nothing was given to look at.
    #[default]
    Nothing,
}

/// An async runtime's own figures.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// tokio's id of it where chains are read, else the order in which it was given, from 1.
    pub id: u64,
    /// `current_thread` or `multi_thread`.
    pub flavor: String,
    /// Tasks spawned and not finished; `None` with tokio before 1.39.
    pub alive_tasks: Option<usize>,
    /// Tasks waiting in the queue that all workers share; `None` with tokio before 1.41.
    pub global_queue_depth: Option<usize>,
    /// Its threads for what blocks; only of an application that is built with `--cfg tokio_unstable`.
    pub blocking: Option<Blocking>,
    /// Its workers; with tokio before 1.29 those that a thread is known of, and the ones numbered before these.
    pub workers: Vec<Worker>,
}

/// The threads on which `spawn_blocking` and `block_in_place` run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// How many there are.
    pub threads: usize,
    /// How many of them have nothing to do.
    pub idle: usize,
    /// What waits for one of them.
    pub queue_depth: usize,
}

/// A worker thread of a runtime.
#[derive(Clone, Debug, Default)]
pub struct Worker {
    /// The kernel's id of the thread that works as this one; `None` where that cannot be told, or where nobody does: a
    /// `current_thread` runtime has a worker only while something is driven by `block_on`.
    pub thread: Option<u32>,
    /// Time spent polling tasks and drivers since the runtime started; `None` with tokio before 1.45.
    pub busy: Option<Duration>,
    /// How often it found nothing to do and went to sleep; `None` with tokio before 1.45.
    pub parks: Option<u64>,
    /// What it has done since the runtime started; only of an application that is built with `--cfg tokio_unstable`.
    pub work: Option<Work>,
}

/// What a worker has done, as tokio counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// One task.
#[derive(Clone, Debug)]
pub struct Task {
    /// The runtime's id of it, or the registry's for one that no runtime lists. Registered parts of a task
    /// whose chain is not known have that task's id.
    pub id: u64,
    /// Index into [`Snapshot::runtimes`]; `None` for a future that no given runtime owns.
    pub runtime: Option<usize>,
    /// The name that it was registered with.
    pub name: Option<String>,
    /// The type of its future, as the debug information or the compiler names it. Shared, since many tasks have it.
    pub future: Arc<str>,
    /// What it is doing.
    pub state: TaskState,
    /// Where it was spawned, for registered tasks.
    pub spawned_at: Option<SourceLine>,
    /// How long ago it was registered.
    pub age: Option<Duration>,
    /// How long ago its last poll ended; for registered tasks.
    pub idle: Option<Duration>,
    /// How often it was polled; for registered tasks.
    pub polls: Option<u64>,
    /// Time spent in its polls; for registered tasks.
    pub poll_time: Option<Duration>,
    /// The thread that is polling it. Of a task that is not registered it is told only if the thread polled it both
    /// when the look began and when it ended: of shorter polls it cannot be told.
    pub running_on: Option<u32>,
    /// How long the present poll has lasted; for registered tasks that are being polled.
    pub polling: Option<Duration>,
    /// What it awaits, or why that is not known.
    pub chain: Chain,
    /// What is known of the awaits of its chain and differs between tasks that wait in the same place, in the chain's
    /// order.
    pub particulars: Vec<Particular>,
}

/// What is known of one task's own await.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Particular {
    /// Which await of the chain, from 0.
    pub step: usize,
    /// When a timer fires, which task a `JoinHandle` waits for, the name that a part of the task was registered with.
    pub text: String,
}

/// What a task is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaskState {
    /// Being polled.
    Running,
    /// Woken, waiting for a worker.
    Scheduled,
    /// Waiting to be woken.
    Idle,
    /// Spawned, never polled yet.
    NotStarted,
    /// Cannot be told.
    Unknown,
}

/// A thread, and the task that it polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Polling {
    /// The kernel's thread id.
    pub thread: u32,
    /// The runtime's id of the task, or of what `spawn_blocking` runs.
    pub task: u64,
}

/// What a task awaits.
#[derive(Clone, Debug, PartialEq)]
pub enum Chain {
    /// Read and checked: outermost first, branches after their parent. Shared, since many tasks wait in
    /// the same place.
    Known(Arc<[Await]>),
    /// As [`Chain::Known`], of a task that is being polled: what it awaited when that poll began, down to the
    /// first await that is over by now. The inner ones may be over without a trace; only the thread's
    /// stack tells what is done at the moment.
    Passed(Arc<[Await]>),
    /// It changed each time it was read.
    Racy,
    /// Not known; the reason.
    Unknown(Arc<str>),
}

/// One await of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Await {
    /// How deep below the task's own future it is, from 0. One whose depth is not greater than its
    /// predecessor's is another branch of the same ancestor.
    pub depth: u16,
    /// What its parent calls it (`value`, `0`, ...), where the parent awaits more than one thing.
    pub branch: Option<String>,
    /// The future: an async function's path, or the type of a hand-written future.
    pub future: String,
    /// The line of the `.await`; inside `select!` and `join!` the line of the function.
    pub location: Option<SourceLine>,
    /// What more is known of it and is the same for everyone who waits here (`0 permits`, ...). What is not stands in
    /// [`Task::particulars`].
    pub detail: Option<String>,
}

/// A line of source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceLine {
    /// The file, as the debug information or the compiler names it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}
