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
//! | which runtimes are there that nobody passed in? | `Tokio::entered`, `Tokio::unlisted` |
//! | which tasks does a `LocalSet` own? | `Tokio::local_set` |
//! | which sets does a thread have that no variable leads to? | `Tokio::set_makers`, `Tokio::sets_in` |
//! | what does the runtime count itself? | `metrics` |
//! | which of its futures tell more than their name? | `FUTURES` |
//! | what can be waited for and held, and by which types? | `known_locks` |
//! | where in a thread's stack does the runtime begin? | [`is_poll_frame`], [`is_scheduler_frame`] |
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
mod known_locks;
#[cfg(target_os = "linux")]
mod layout;
#[cfg(target_os = "linux")]
mod local_set;
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

#[cfg(stacks)]
use std::collections::HashMap;

#[cfg(target_os = "linux")]
use tokio::runtime::Handle;

#[cfg(target_os = "linux")]
use self::{
    handle::HandleLayout,
    local_set::{LocalSetLayout, LocalSetSearch},
    workers::{EnteredHandle, WorkerLayout},
};
#[cfg(target_os = "linux")]
use super::{
    found::{FoundRuntime, UnlistedRuntime},
    model::{CurrentTaskFault, LayoutFault, Polling, Reason},
    types::Types,
};
#[cfg(target_os = "linux")]
use crate::threads::Listing;

pub use poll_frames::{is_poll_frame, is_scheduler_frame};
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
    /// How to find the runtimes that threads have entered.
    entered: Option<EnteredHandle>,
    /// Where a `LocalSet` has its tasks; a program that has none need not describe it.
    local_set: Result<LocalSetLayout, LayoutFault>,
    /// How a `LocalSet` is told in a stack, if the canary's was.
    local_set_search: Option<LocalSetSearch>,
    /// The vtable of a task that is a box of any future.
    pub(super) boxed_task: Option<u64>,
}

#[cfg(target_os = "linux")]
impl Tokio {
    /// Looks up all layouts, and runs the experiment that finds the current task's thread-local variable. It must not be
    /// called inside of a runtime.
    pub(super) fn find(types: &Types<'_>) -> Result<Tokio, LayoutFault> {
        let current_task = CurrentTask::learn();
        let (task, local_set) = (TaskLayout::find(types)?, LocalSetLayout::find(types));
        let search = LocalSetSearch::find(types);
        let boxed_task = match (&local_set, &search, &current_task) {
            (Ok(set), Ok(search), Ok(current_task)) => canary::local_set(&task, set, search, current_task),
            _ => None,
        };
        Ok(Tokio {
            task,
            handle: HandleLayout::find(types)?,
            local_set_search: search.ok().filter(|_| boxed_task.is_some()),
            boxed_task,
            current_task,
            workers: WorkerLayout::find(types),
            entered: EnteredHandle::find(types),
            local_set,
        })
    }

    /// Which of these threads polls which task; empty where that is not known.
    pub(super) fn polling(&self, listing: &Listing) -> Vec<Polling> {
        self.current_task.as_ref().map(|current_task| current_task.now(listing)).unwrap_or_default()
    }

    /// How to find out which thread polls which task, if that is known: without anything else of the engine.
    pub(super) fn current_task(&self) -> Option<CurrentTask> {
        self.current_task.as_ref().ok().copied()
    }

    /// Why it is not known which thread polls which task, if it is not.
    pub(super) fn polling_unknown(&self) -> Option<Reason> {
        self.current_task.as_ref().err().cloned().map(Reason::CurrentTask)
    }

    /// Which of these threads works for which runtime; empty where that is not known.
    pub(super) fn claims(&self, listing: &Listing) -> Vec<Claim> {
        match (&self.workers, &self.current_task) {
            (Some(workers), Ok(current_task)) => workers.claims(current_task, listing),
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
        let found = FoundRuntime { id: lists.owner_id, threads, unlisted: None };
        Ok((lists, found))
    }

    /// The runtimes that these threads have entered, by thread id. The same one may be there several times.
    pub(super) fn entered(&self, listing: &Listing) -> Vec<(u32, Lists)> {
        let (Some(entered), Ok(current_task)) = (self.entered, &self.current_task) else { return Vec::new() };
        // A thread that has entered none has a value there that is no kind of handle.
        let places = self.handle.at(entered.places(current_task, listing)).into_iter();
        let lists = places.filter_map(|(thread, place)| Some((thread, self.handle.lists(place).ok()?)));
        lists.filter(|(thread, _)| listing.lives(*thread)).collect()
    }

    /// What is known by its memory alone of a runtime that nobody passed in.
    pub(super) fn unlisted(&self, thread: u32, lists: &Lists, claims: &[Claim]) -> FoundRuntime {
        let flavor = lists.flavor.unwrap_or_default();
        FoundRuntime {
            id: lists.owner_id,
            threads: workers::threads(claims, lists.counted, None),
            unlisted: Some(UnlistedRuntime { flavor, found_by: thread }),
        }
    }

    /// Those of these threads that have made a `LocalSet`, by the kernel's id, with the number that tokio has given them; empty where
    /// sets cannot be told in a stack.
    #[cfg(stacks)]
    pub(super) fn set_makers(&self, listing: &Listing) -> HashMap<u32, u64> {
        match (&self.local_set_search, &self.current_task) {
            (Some(search), Ok(current_task)) => {
                search.thread_numbers(current_task, listing).into_iter().collect()
            }
            _ => HashMap::new(),
        }
    }

    /// Where the sets of the thread with that number have their tasks that the words of its stack lead to.
    #[cfg(stacks)]
    pub(super) fn sets_in(&self, stack: &[u64], number: u64) -> Vec<u64> {
        self.local_set_search.as_ref().map(|search| search.sets(stack, number)).unwrap_or_default()
    }

    /// The list of the `LocalSet` that has its tasks at `owned`; the way there was found in the future that drives it, or in
    /// the stack of its thread.
    pub(super) fn local_set(&self, owned: u64) -> Option<Lists> {
        self.local_set.as_ref().ok()?.lists(owned)
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
