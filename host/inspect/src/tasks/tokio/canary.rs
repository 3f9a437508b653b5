//! The canary: tasks with known chains, which prove that this compiler's, this tokio's and this executable's tasks are
//! understood.
//!
//! They are put into a runtime of their own (no thread, no driver, gone afterwards), and a look has to find exactly them,
//! with these lines. If it does not, nothing that it says is worth showing.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

use super::task_id;
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

/// Whether the debug information has the canary's own functions: it cannot be checked without.
pub(crate) fn describes(types: &Types<'_>) -> Result<(), DebugInformationFault> {
    let name = concat!(module_path!(), "::inner::{async_fn_env#0}");
    match types.by_name(name) {
        Some(coroutine) if coroutine.is_coroutine() => Ok(()),
        _ => Err(DebugInformationFault::NoTypesOfPackage(env!("CARGO_PKG_NAME"))),
    }
}

/// Runs the tasks, looks at them, and says what is wrong.
///
/// `look` finds all tasks of the runtimes that it is given. It must not be called inside of a runtime.
pub(crate) fn check(look: impl FnOnce(&[Handle]) -> FoundAll) -> Result<(), CanaryFault> {
    let runtime =
        Builder::new_current_thread().build().map_err(|error| CanaryFault::NoRuntime(error.into()))?;
    let first: Vec<_> = (0..CANARIES).map(|number| runtime.spawn(outer(number))).collect();
    let mut ids: Vec<u64> = first.iter().map(task_id::of).collect();
    let waiting: Vec<_> = first.into_iter().map(|handle| runtime.spawn(waiting(handle))).collect();
    let waiting_ids: Vec<u64> = waiting.iter().map(task_id::of).collect();
    runtime.block_on(async {
        // Every task is polled before the second turn is over.
        for _ in 0..2 * CANARIES + 2 {
            tokio::task::yield_now().await;
        }
    });

    let mut found = look(&[runtime.handle().clone()]);
    if let Some(note) = found.notes.pop() {
        return Err(CanaryFault::Limited(Box::new(note)));
    }
    found.tasks.sort_by_key(|task| task.id);
    for (task, other) in found.tasks.iter().rev().take(CANARIES).rev().zip(&ids) {
        check_one(task, &[("waiting", Some(WAITING_LINE)), ("JoinHandle", None)], Some(Fact::Task(*other)))?;
    }
    for task in found.tasks.iter().take(CANARIES) {
        let expected = [
            ("outer", Some(OUTER_LINE)),
            ("boxed::{async block#0}", Some(BOXED_LINE)),
            ("inner", Some(INNER_LINE)),
            ("Pending", None),
        ];
        check_one(task, &expected, None)?;
    }
    ids.extend(waiting_ids);
    let found: Vec<u64> = found.tasks.iter().map(|task| task.id).collect();
    if found == ids {
        Ok(())
    } else {
        Err(CanaryFault::OtherTasks { spawned: ids.into(), found: found.into() })
    }
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
