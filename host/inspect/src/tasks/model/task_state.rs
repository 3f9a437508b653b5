//! The state of a task.

/// What a task is doing.
#[non_exhaustive]
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
    /// Not known.
    Unknown,
}
