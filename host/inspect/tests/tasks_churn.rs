//! Long-lived tasks are found, every one of them and right, while thousands come and go around them.
//!
//! Two seconds of it; as many as the variable `GMR_SOAK_SECONDS` says for a soak.

#![cfg(target_os = "linux")]

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gmr_inspect::tasks::{Chain, Inspector, Options, Rung, Task, TaskState};

const IDLE: u64 = 1_000;
const CHURNING: u64 = 500;
const HOT: u64 = 20;

static STOP: AtomicBool = AtomicBool::new(false);
static ALIVE: AtomicU64 = AtomicU64::new(0);

async fn idle_leaf(number: u64) -> u64 {
    std::future::pending::<()>().await;
    number
}

async fn idle_middle(number: u64) -> u64 {
    let kept = [number; 4];
    idle_leaf(number).await + kept[1]
}

fn idle_boxed(number: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move { idle_leaf(number).await + 1 })
}

async fn idle(number: u64) -> u64 {
    if number.is_multiple_of(2) { idle_middle(number).await } else { idle_boxed(number).await }
}

async fn hot_inner(number: u64) -> u64 {
    let kept = std::hint::black_box([number; 8]);
    tokio::task::yield_now().await;
    kept[3]
}

async fn hot_middle(number: u64) -> u64 {
    hot_inner(number).await + 1
}

async fn hot_other(number: u64) -> u64 {
    let kept = std::hint::black_box([number ^ 0x5555_5555; 12]);
    tokio::task::yield_now().await;
    kept[5]
}

/// The same memory is a `hot_middle` and a boxed `hot_other` by turns.
async fn hot(number: u64) {
    let mut number = number;
    while !STOP.load(Ordering::Relaxed) {
        number = number.wrapping_add(hot_middle(number).await);
        let boxed: Pin<Box<dyn Future<Output = u64> + Send>> = Box::pin(hot_other(number));
        number = number.wrapping_add(boxed.await);
    }
}

async fn churn(number: u64) {
    std::hint::black_box(hot_middle(number).await);
    ALIVE.fetch_sub(1, Ordering::Relaxed);
}

async fn spawner() {
    let mut number = 0;
    while !STOP.load(Ordering::Relaxed) {
        while ALIVE.load(Ordering::Relaxed) < CHURNING {
            ALIVE.fetch_add(1, Ordering::Relaxed);
            number += 1;
            tokio::spawn(churn(number));
        }
        tokio::task::yield_now().await;
    }
}

fn functions(task: &Task) -> Option<Vec<&str>> {
    let Chain::Known(chain) = &task.chain else { return None };
    Some(chain.iter().map(|step| step.future.rsplit("::").next().unwrap_or_default()).collect())
}

/// Whether that is one of the chains that a task of ours can have while nobody polls it.
fn can_be(functions: &[&str]) -> bool {
    let yielding = |rest: &[&str]| matches!(rest, ["yield_now", ..]);
    match functions {
        [] | ["hot" | "churn" | "spawner"] => true,
        ["spawner", rest @ ..] | ["hot", "hot_other", rest @ ..] => yielding(rest),
        ["hot" | "churn", "hot_middle", "hot_inner", rest @ ..] => yielding(rest),
        _ => false,
    }
}

#[test]
fn long_lived_tasks_are_neither_missed_nor_wrong_under_churn() {
    let seconds = std::env::var("GMR_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let spawned: HashSet<u64> =
        (0..IDLE).map(|number| runtime.spawn(idle(number)).id().to_string().parse().unwrap()).collect();
    let inspector = Inspector::new([runtime.handle().clone()]);
    let options = Options { deadline: Duration::from_secs(60), ..Options::default() };
    let patience = Instant::now() + Duration::from_secs(60);
    while inspector.look(&options).tasks.iter().any(|task| task.state != TaskState::Idle) {
        assert!(Instant::now() < patience);
    }

    (0..HOT).for_each(|number| drop(runtime.spawn(hot(number))));
    runtime.spawn(spawner());
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut looks, mut known, mut others, mut racy) = (0, 0, 0, 0);
    while Instant::now() < end || looks < 3 {
        let snapshot = inspector.look(&options);
        assert_eq!(snapshot.rung, Rung::DebugInformation);
        assert_eq!(snapshot.notes, Vec::<String>::new());
        looks += 1;
        racy += snapshot.racy;
        let mut found = 0;
        for task in &snapshot.tasks {
            let functions = functions(task);
            if spawned.contains(&task.id) {
                found += 1;
                let right = functions.as_deref().is_some_and(|functions| {
                    matches!(functions, ["idle", "idle_middle" | "{async block#0}", "idle_leaf", "Pending"])
                });
                assert!(right, "{task:?}");
                continue;
            }
            others += 1;
            if let Some(functions) = functions {
                known += 1;
                assert!(can_be(&functions), "{task:?}");
            }
        }
        assert_eq!(found, IDLE, "some were missed in look {looks}");
    }
    STOP.store(true, Ordering::Relaxed);
    println!("{looks} looks, {others} other tasks, {known} of them known, {racy} racy");
    assert!(known > 0, "the churn was never caught");
    runtime.shutdown_timeout(Duration::from_secs(60));
}
