//! A task: what it is, what it is doing, and since when.

use std::sync::Arc;
use std::time::Duration;

use super::awaits::{Await, Particular, SourceLine};
use super::reason::Reason;
use super::task_state::TaskState;

/// One task.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Task {
    /// The id that its runtime gave it; the registry's id for a future that no runtime lists. A registered part of a
    /// task that has no known chain has that task's id.
    pub id: u64,
    /// Index into [`Snapshot::runtimes`](super::Snapshot::runtimes): the runtime that owns it, or whose thread drives the
    /// `LocalSet` or the `block_on` that does. `None` for a future of no known runtime.
    pub runtime: Option<usize>,
    /// The kernel's id of the thread that drives the `LocalSet` that it is in, if it is in one.
    pub local_set: Option<u32>,
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
    /// The kernel's id of the thread that is polling it. Of a task that is not registered it is known only if the thread
    /// polled it both when the look began and when it ended, not of shorter polls.
    pub running_on: Option<u32>,
    /// How long the present poll has lasted; for registered tasks that are being polled.
    pub polling: Option<Duration>,
    /// What it awaits, or why that is not known.
    pub chain: Chain,
    /// What is known of the awaits of its chain and differs between tasks that wait in the same place, in the chain's
    /// order. Several may be known of one await.
    pub particulars: Vec<Particular>,
}

impl Task {
    /// A task of which no more is known: not registered, and its chain not read.
    pub fn new(id: u64, future: impl Into<Arc<str>>, state: TaskState) -> Self {
        Task {
            id,
            runtime: None,
            local_set: None,
            name: None,
            future: future.into(),
            state,
            spawned_at: None,
            age: None,
            idle: None,
            polls: None,
            poll_time: None,
            running_on: None,
            polling: None,
            chain: Chain::Unknown(Arc::new(Reason::NotRead)),
            particulars: Vec::new(),
        }
    }
}

/// A future that a thread runs by `block_on` and that is no task: that of `#[tokio::main]`, for one.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Root {
    /// The kernel's id of the thread.
    pub thread: u32,
    /// Which frame of the thread's stack, from 0, is the `block_on`.
    pub frame: usize,
    /// What is known of the future, as of a task. Its id is 0 unless it was registered.
    pub task: Task,
}

impl Root {
    /// The future that a thread runs in that frame of its stack, from 0.
    pub fn new(thread: u32, frame: usize, task: Task) -> Self {
        Root { thread, frame, task }
    }
}

/// What a task awaits.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum Chain {
    /// Read and checked: outermost first, branches after their parent. Shared, since many tasks wait in
    /// the same place.
    Known(Arc<[Await]>),
    /// As [`Chain::Known`], of a task that is being polled: what it awaited when that poll began, down to the first
    /// await that is over by now. The inner ones may be over without a trace; what the task does at the moment is only
    /// in its thread's stack.
    Passed(Arc<[Await]>),
    /// It changed each time it was read.
    Racy,
    /// Not known; the reason. Shared, since many tasks have the same one.
    Unknown(Arc<Reason>),
}

/// A thread, and the task that it polls.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Polling {
    /// The kernel's thread id.
    pub thread: u32,
    /// The runtime's id of the task, or of what `spawn_blocking` runs.
    pub task: u64,
}

impl Polling {
    /// The thread with that kernel id, at the task with that id of its runtime.
    pub fn new(thread: u32, task: u64) -> Self {
        Polling { thread, task }
    }
}
