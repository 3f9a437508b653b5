//! Proves that this compiler's, this tokio's and this executable's tasks are understood.
//!
//! Tasks with known chains are put into a runtime of our own (no thread, no driver, gone afterwards), and
//! the walk has to find exactly them, with these lines. If it does not, nothing it says is worth showing. It
//! must not run inside of another runtime: the caller gives it a thread of its own.

use std::fmt::Debug;
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::JoinHandle;

use crate::tasks::engine::{Engine, Found, FoundChain};
use crate::tasks::model::TaskState;
use crate::tasks::types::Types;

/// Tasks enough for the list to have a middle.
const SONGS: usize = 3;
/// Decoding a handful of tasks takes a millisecond.
const DEADLINE: Duration = Duration::from_secs(10);

const INNER_LINE: u32 = line!() + 3;
async fn inner(number: usize) -> usize {
    let kept = std::hint::black_box([number; 3]);
    pending::<()>().await;
    kept[1]
}

const BOXED_LINE: u32 = line!() + 2;
fn boxed(number: usize) -> Pin<Box<dyn Future<Output = usize> + Send>> {
    Box::pin(async move { inner(number).await + 1 })
}

const OUTER_LINE: u32 = line!() + 2;
async fn outer(number: usize) -> usize {
    boxed(number).await
}

const WAITING_LINE: u32 = line!() + 2;
async fn waiting(other: JoinHandle<usize>) -> usize {
    other.await.unwrap_or(0)
}

/// Whether the debug information has the canary's own functions: it cannot sing without.
pub(crate) fn describes(types: &Types<'_>) -> Result<(), String> {
    let name = concat!(module_path!(), "::inner::{async_fn_env#0}");
    match types.by_name(name) {
        Some(coroutine) if coroutine.is_coroutine() => Ok(()),
        _ => Err("it has no types of the package gmr-inspect".to_owned()),
    }
}

/// The number that tokio gives to a task; 0 if it cannot be told. It tells it as text only, and in the oldest versions
/// only so: `JoinHandle { id: Id(7) }`.
pub(crate) fn task_id<T: Debug>(handle: &JoinHandle<T>) -> u64 {
    let text = format!("{handle:?}");
    let number = text.split_once("Id(").and_then(|(_, rest)| rest.split_once(')'));
    number.and_then(|(number, _)| number.parse().ok()).unwrap_or(0)
}

/// Runs the tasks, looks at them, and says what is wrong.
pub(crate) fn sing(engine: &mut Engine) -> Result<(), String> {
    let runtime = Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let first: Vec<_> = (0..SONGS).map(|number| runtime.spawn(outer(number))).collect();
    let mut ids: Vec<u64> = first.iter().map(task_id).collect();
    let waiting: Vec<_> = first.into_iter().map(|handle| runtime.spawn(waiting(handle))).collect();
    let waiting_ids: Vec<u64> = waiting.iter().map(task_id).collect();
    runtime.block_on(async {
        // Every task is polled before the second turn is over.
        for _ in 0..2 * SONGS + 2 {
            tokio::task::yield_now().await;
        }
    });

    let handles = [runtime.handle().clone()];
    let mut walked = engine.walk(&handles, &[], usize::MAX, Instant::now() + DEADLINE);
    if let Some(note) = walked.notes.pop() {
        return Err(format!("the canary's {note}"));
    }
    walked.tasks.sort_by_key(|task| task.id);
    for (task, other) in walked.tasks.iter().rev().take(SONGS).rev().zip(&ids) {
        check(
            task,
            &[("waiting", Some(WAITING_LINE)), ("JoinHandle", None)],
            Some(&format!("task {other}")),
        )?;
    }
    for task in walked.tasks.iter().take(SONGS) {
        let expected = [
            ("outer", Some(OUTER_LINE)),
            ("boxed::{async block#0}", Some(BOXED_LINE)),
            ("inner", Some(INNER_LINE)),
            ("Pending", None),
        ];
        check(task, &expected, None)?;
    }
    ids.extend(waiting_ids);
    let found: Vec<u64> = walked.tasks.iter().map(|task| task.id).collect();
    if found == ids { Ok(()) } else { Err(format!("the canary's tasks {ids:?} were found as {found:?}")) }
}

fn check(task: &Found, expected: &[(&str, Option<u32>)], particular: Option<&str>) -> Result<(), String> {
    let (chain, particulars) = match &task.chain {
        FoundChain::Known(made) => (&made.awaits, &made.particulars),
        other => return Err(format!("the canary's chain could not be read: {other:?}")),
    };
    // Only the last await of a canary's has one.
    let told: Vec<(usize, &str)> = particulars.iter().map(|one| (one.step, one.text.as_str())).collect();
    let wanted: Vec<(usize, &str)> = particular.map(|text| (expected.len() - 1, text)).into_iter().collect();
    let agrees = told == wanted
        && chain.len() == expected.len()
        && chain.iter().zip(expected).all(|(own, (name, line))| {
            own.future.ends_with(name) && own.location.as_ref().map(|place| place.line) == *line
        });
    if !agrees || task.state != TaskState::Idle {
        let seen: Vec<String> = chain
            .iter()
            .map(|own| format!("{} {:?}", own.future, own.location.as_ref().map(|at| at.line)))
            .collect();
        return Err(format!("the canary's chain reads {} {told:?} ({:?})", seen.join(", "), task.state));
    }
    Ok(())
}
