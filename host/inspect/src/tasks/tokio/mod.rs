//! tokio's private layout: all that is known of its types in memory, its thread-locals, its futures and its functions.
//!
//! The rest of `tasks` knows no runtime. The boundary is what this room answers:
//!
//! | question | answer |
//! |---|---|
//! | does the debug information describe this runtime? | `Tokio::find`, `describes`, and `canary`, which proves it |
//! | which tasks does a runtime own? | `Tokio::runtime`, `owned_tasks::follow` |
//! | which future is in a task, and where? | `task_kind::find` |
//! | what is a task doing, and is it still there? | `TaskLayout`, `State` |
//! | which thread polls which task? | `Tokio::polling` |
//! | which thread is which worker? | `Tokio::claims` |
//! | what does the runtime count itself? | `metrics` |
//! | which of its futures tell more than their name? | `FUTURES` |
//! | where in a thread's stack does the runtime begin? | [`is_poll_frame`] |
//! | are two handles of one runtime? | [`is_same_runtime`] |
//!
//! tokio may be 1.28 or newer, the oldest that the recipe was tried with. It goes by the names of members, so that new
//! versions are a matter of the canary; `cargo xtask matrix` tests the oldest, the locked one, and of those in between the
//! last patch of each minor version since 1.38. Figures come with 1.38 and later, the last of them with 1.45. The threads
//! of a runtime's workers, and the task of a registered future whose chain could not be read, are not known of the oldest
//! ones.
//!
//! Another runtime would be a room beside this one with the same answers. Names of types and members are looked up in
//! the debug information, never assumed to be at an offset, and a name that is missing is a reason to refuse.

#[cfg(target_os = "linux")]
pub(super) mod canary;
#[cfg(target_os = "linux")]
mod current_task;
#[cfg(target_os = "linux")]
mod handle;
#[cfg(target_os = "linux")]
mod header;
#[cfg(target_os = "linux")]
mod known_futures;
#[cfg(target_os = "linux")]
mod layout;
pub(super) mod metrics;
#[cfg(target_os = "linux")]
pub(super) mod owned_tasks;
mod poll_frames;
mod same_runtime;
pub(super) mod task_id;
#[cfg(target_os = "linux")]
pub(super) mod task_kind;
#[cfg(target_os = "linux")]
mod workers;

#[cfg(target_os = "linux")]
use tokio::runtime::Handle;

#[cfg(target_os = "linux")]
use self::{handle::HandleLayout, workers::WorkerLayout};
#[cfg(target_os = "linux")]
use super::{
    found::FoundRuntime,
    model::{CurrentTaskFault, LayoutFault, Polling, Reason},
    types::Types,
};

pub use poll_frames::is_poll_frame;
pub use same_runtime::is_same_runtime;

#[cfg(target_os = "linux")]
pub(super) use self::{
    current_task::CurrentTask,
    handle::Lists,
    header::{State, TaskLayout},
    known_futures::FUTURES,
    workers::Claim,
};

/// Where the executable's tokio keeps what a look needs.
#[cfg(target_os = "linux")]
pub(super) struct Tokio {
    pub(super) task: TaskLayout,
    handle: HandleLayout,
    /// How to find out which thread polls which task, or why that cannot be found out.
    current_task: Result<CurrentTask, CurrentTaskFault>,
    /// How to find out which thread is which worker; older versions of tokio keep that elsewhere.
    workers: Option<WorkerLayout>,
}

#[cfg(target_os = "linux")]
impl Tokio {
    /// Looks up all layouts, and runs the experiment that finds the current task's thread-local variable. It must not be
    /// called inside of a runtime.
    pub(super) fn find(types: &Types<'_>) -> Result<Tokio, LayoutFault> {
        Ok(Tokio {
            task: TaskLayout::find(types)?,
            handle: HandleLayout::find(types)?,
            current_task: CurrentTask::learn(),
            workers: WorkerLayout::find(types),
        })
    }

    /// Which thread polls which task; empty where that is not known.
    pub(super) fn polling(&self) -> Vec<Polling> {
        self.current_task.as_ref().map(CurrentTask::now).unwrap_or_default()
    }

    /// How to find out which thread polls which task, if that is known: without anything else of the engine.
    pub(super) fn current_task(&self) -> Option<CurrentTask> {
        self.current_task.as_ref().ok().copied()
    }

    /// Why it is not known which thread polls which task, if it is not.
    pub(super) fn polling_unknown(&self) -> Option<Reason> {
        self.current_task.as_ref().err().cloned().map(Reason::CurrentTask)
    }

    /// Which thread works for which runtime; empty where that is not known.
    pub(super) fn claims(&self) -> Vec<Claim> {
        match (&self.workers, &self.current_task) {
            (Some(workers), Ok(current_task)) => workers.claims(current_task),
            _ => Vec::new(),
        }
    }

    /// The lists of the runtime behind `handle`, and what is known of it by its memory alone.
    pub(super) fn runtime(
        &self,
        handle: &Handle,
        claims: &[Claim],
    ) -> Result<(Lists, FoundRuntime), LayoutFault> {
        let lists = self.handle.lists(std::ptr::from_ref(handle) as u64)?;
        let threads = workers::threads(claims, lists.counted, metrics::workers(handle));
        let found = FoundRuntime { id: lists.owner_id, threads };
        Ok((lists, found))
    }
}

/// Whether the debug information describes all that a look needs; what is missing otherwise.
#[cfg(target_os = "linux")]
pub(super) fn describes(types: &Types<'_>) -> Result<(), Reason> {
    let layouts = || {
        TaskLayout::find(types)?;
        HandleLayout::find(types)?.complete()
    };
    layouts().map_err(Reason::Layout)?;
    canary::describes(types).map_err(Reason::DebugInformation)
}
