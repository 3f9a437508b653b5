//! The canary: tasks with known chains, which prove that this compiler's, this tokio's and this executable's tasks are
//! understood.
//!
//! Two of them have a guard, of which one has given it up: if it still seems to have it, drop flags are not there (`panic =
//! "abort"`) or not understood, and nobody is said for certain to hold what lies in a local.
//!
//! They are put into a runtime of their own (no thread, no driver, gone afterwards), and a look has to find exactly them,
//! with these lines. If it does not, nothing that it says is worth showing.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Handle};
use tokio::task::{JoinHandle, LocalSet};

use super::current_task::CurrentTask;
use super::header::TaskLayout;
use super::local_set::{LocalSetLayout, LocalSetSearch};
use super::task_id;
use crate::holds::{Certainty, Party};
use crate::tasks::found::{Found, FoundAll, FoundChain};
use crate::tasks::model::{CanaryFault, DebugInformationFault, Fact, Particular, Reason, TaskState};
use crate::tasks::types::Types;

/// Tasks enough for the list to have a middle.
const CANARIES: usize = 3;

const INNER_LINE: u32 = line!() + 3;
async fn inner(number: usize) -> usize {
    let kept = std::hint::black_box([number; 3]);
    pending::<()>().await;
    kept[1]
}

/// It captures a future that it awaits and one that lives on beside it: compilers differ in where they keep those.
const BOXED_LINE: u32 = line!() + 3;
fn boxed(number: usize) -> Pin<Box<dyn Future<Output = usize> + Send>> {
    let (awaited, kept) = (inner(number), inner(number));
    Box::pin(async move { awaited.await + kept.await })
}

const OUTER_LINE: u32 = line!() + 2;
async fn outer(number: usize) -> usize {
    boxed(number).await
}

const WAITING_LINE: u32 = line!() + 2;
async fn waiting(other: JoinHandle<usize>) -> usize {
    other.await.unwrap_or(0)
}

/// Like the guard of a lock: a local with something to do when it is dropped, which was borrowed.
struct Guard {
    lock: Arc<AtomicUsize>,
}

impl Guard {
    fn new(lock: &Arc<AtomicUsize>) -> Self {
        let guard = Guard { lock: Arc::clone(lock) };
        guard.lock.fetch_add(1, Ordering::Relaxed);
        guard
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.lock.fetch_sub(1, Ordering::Relaxed);
    }
}

const HOLDING_LINE: u32 = line!() + 4;
async fn holding(lock: Arc<AtomicUsize>) {
    let mut guard = Guard::new(&lock);
    std::hint::black_box(&mut guard);
    pending::<()>().await;
    drop(guard);
}

const GIVING_UP_LINE: u32 = line!() + 5;
async fn giving_up(lock: Arc<AtomicUsize>) {
    let mut guard = Guard::new(&lock);
    std::hint::black_box(&mut guard);
    drop(guard);
    pending::<()>().await;
}

/// What the canary has shown.
pub(crate) struct Shown {
    /// Drop flags tell which locals are alive.
    pub(crate) drop_flags: bool,
}

/// Whether the debug information has the canary's own functions: it cannot be checked without.
pub(crate) fn describes(types: &Types<'_>) -> Result<(), DebugInformationFault> {
    let name = concat!(module_path!(), "::inner::{async_fn_env#0}");
    match types.by_name(name) {
        Some(coroutine) if coroutine.is_coroutine() => Ok(()),
        _ => Err(DebugInformationFault::NoTypesOfPackage(env!("CARGO_PKG_NAME"))),
    }
}

/// Whether a set of this thread is found by the word that points to it; if so, the vtable of the task that it has. That is a
/// box of any future, as libraries without debug information spawn.
pub(super) fn local_set(
    task: &TaskLayout,
    set_layout: &LocalSetLayout,
    search: &LocalSetSearch,
    current_task: &CurrentTask,
) -> Option<u64> {
    let set = LocalSet::new();
    let future: Pin<Box<dyn Future<Output = ()>>> = Box::pin(pending());
    drop(set.spawn_local(future));
    let own = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
    let numbers = search.thread_numbers(current_task, &crate::threads::list());
    let (_, number) = numbers.iter().find(|(thread, _)| *thread == own)?;
    let found = search.sets(&[std::ptr::from_ref(&set) as u64], *number);
    let [owned] = found[..] else { return None };
    task.first_vtable(&set_layout.lists(owned)?)
}

/// What is expected of a task's chain: names and lines; and what is its own.
struct Expected {
    id: u64,
    chain: &'static [(&'static str, Option<u32>)],
    last: Option<Fact>,
}

const OUTER: &[(&str, Option<u32>)] = &[
    ("outer", Some(OUTER_LINE)),
    ("boxed::{async block#0}", Some(BOXED_LINE)),
    ("inner", Some(INNER_LINE)),
    ("Pending", None),
];
const WAITING: &[(&str, Option<u32>)] = &[("waiting", Some(WAITING_LINE)), ("JoinHandle", None)];
const HOLDING: &[(&str, Option<u32>)] = &[("holding", Some(HOLDING_LINE)), ("Pending", None)];
const GIVING_UP: &[(&str, Option<u32>)] = &[("giving_up", Some(GIVING_UP_LINE)), ("Pending", None)];

/// Runs the tasks, looks at them, and says what is wrong.
///
/// `look` finds all tasks of the runtimes that it is given, and what they hold. It must not be called inside of a runtime.
pub(crate) fn check(look: impl FnOnce(&[Handle]) -> FoundAll) -> Result<Shown, CanaryFault> {
    let runtime =
        Builder::new_current_thread().build().map_err(|error| CanaryFault::NoRuntime(error.into()))?;
    let mut expected = Vec::new();
    let mut expect = |id, chain, last| expected.push(Expected { id, chain, last });
    let first: Vec<_> = (0..CANARIES).map(|number| runtime.spawn(outer(number))).collect();
    first.iter().for_each(|handle| expect(task_id::of(handle), OUTER, None));
    for handle in first {
        let other = task_id::of(&handle);
        expect(task_id::of(&runtime.spawn(waiting(handle))), WAITING, Some(Fact::Task(other)));
    }
    let lock = Arc::new(AtomicUsize::new(0));
    let holder = task_id::of(&runtime.spawn(holding(Arc::clone(&lock))));
    expect(holder, HOLDING, None);
    let other = task_id::of(&runtime.spawn(giving_up(Arc::clone(&lock))));
    expect(other, GIVING_UP, None);
    runtime.block_on(async {
        // Every task is polled before the second turn is over.
        for _ in 0..2 * expected.len() {
            tokio::task::yield_now().await;
        }
    });

    let mut found = look(&[runtime.handle().clone()]);
    if let Some(note) = found.notes.pop() {
        return Err(CanaryFault::Limited(Box::new(note)));
    }
    found.tasks.sort_by_key(|task| task.id);
    for (task, expected) in found.tasks.iter().zip(&expected) {
        check_one(task, expected.chain, expected.last.clone())?;
    }
    let spawned: Vec<u64> = expected.iter().map(|expected| expected.id).collect();
    let found_ids: Vec<u64> = found.tasks.iter().map(|task| task.id).collect();
    if found_ids != spawned {
        return Err(CanaryFault::OtherTasks { spawned: spawned.into(), found: found_ids.into() });
    }
    let certain = found.sightings.holds.iter().filter(|hold| hold.certainty == Certainty::Certain);
    let address = Arc::as_ptr(&lock) as u64;
    let mut certain = certain.filter(|hold| (hold.object.start..hold.object.end).contains(&address));
    let only = certain
        .next()
        .filter(|hold| hold.by == Party::Task(holder) && hold.variable.as_deref() == Some("guard"));
    Ok(Shown { drop_flags: only.is_some() && certain.next().is_none() })
}

fn check_one(
    task: &Found,
    expected: &[(&str, Option<u32>)],
    particular: Option<Fact>,
) -> Result<(), CanaryFault> {
    let (chain, particulars) = match &task.chain {
        FoundChain::Known(made) => (&made.awaits, &made.particulars),
        FoundChain::Passed(_) => return Err(CanaryFault::Polled),
        FoundChain::Racy => return Err(CanaryFault::Changing),
        FoundChain::Unknown(reason) => return Err(CanaryFault::Unknown(Box::new(Reason::clone(reason)))),
    };
    // Only the last await of a canary's has one.
    let wanted: Vec<Particular> =
        particular.map(|fact| Particular::new(expected.len() - 1, fact)).into_iter().collect();
    let agrees = *particulars == wanted
        && chain.len() == expected.len()
        && chain.iter().zip(expected).all(|(own, (name, line))| {
            own.future.ends_with(name) && own.location.as_ref().map(|place| place.line) == *line
        });
    if !agrees || task.state != TaskState::Idle {
        return Err(CanaryFault::Misread {
            chain: Arc::clone(chain),
            particulars: particulars.as_slice().into(),
            state: task.state,
        });
    }
    Ok(())
}
