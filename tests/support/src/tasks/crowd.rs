//! A crowd of tasks: some wait for good in a known place, others move, or come and go, all the time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gmr_inspect::tasks::{Chain, Task};
use tokio::sync::Mutex;

/// Ends all that moves.
pub static STOP: AtomicBool = AtomicBool::new(false);
/// How many that come and go have gone.
pub static FINISHED: AtomicU64 = AtomicU64::new(0);

static ALIVE: AtomicU64 = AtomicU64::new(0);
static LONGEST_GAP: AtomicU64 = AtomicU64::new(0);

async fn idle_leaf(number: u64) -> u64 {
    tokio::time::sleep(Duration::from_secs(100_000 + number % 7)).await;
    number
}

async fn idle_middle(number: u64) -> u64 {
    let kept = [number; 4];
    idle_leaf(number).await + kept[1]
}

fn idle_boxed(number: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move { idle_leaf(number).await + 1 })
}

/// Waits for good.
pub async fn idle(number: u64) -> u64 {
    if number.is_multiple_of(2) { idle_middle(number).await } else { idle_boxed(number).await }
}

/// Holds a lock for good.
pub async fn hold(lock: Arc<Mutex<u64>>) {
    let mut guard = lock.lock().await;
    *guard += 1;
    tokio::time::sleep(Duration::from_secs(100_000)).await;
    *guard += 1;
}

/// Waits for a lock, for good if another one holds it.
pub async fn wait(lock: Arc<Mutex<u64>>) {
    // The other one comes first.
    while lock.try_lock().is_ok() {
        tokio::task::yield_now().await;
    }
    *lock.lock().await += 1;
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

/// Moves all the time: the same memory is a `hot_middle` and a boxed `hot_other` by turns.
pub async fn hot(number: u64) {
    let mut number = number;
    while !STOP.load(Ordering::Relaxed) {
        number = number.wrapping_add(hot_middle(number).await);
        let boxed: Pin<Box<dyn Future<Output = u64> + Send>> = Box::pin(hot_other(number));
        number = number.wrapping_add(boxed.await);
    }
}

/// Ends, in an ordinary way or, each sixteenth, by a panic.
async fn churn(number: u64) {
    std::hint::black_box(hot_middle(number).await);
    ALIVE.fetch_sub(1, Ordering::Relaxed);
    FINISHED.fetch_add(1, Ordering::Relaxed);
    if number.is_multiple_of(16) {
        // Without the message that a panic prints.
        std::panic::resume_unwind(Box::new(()));
    }
}

/// Keeps so many that come and go alive.
pub async fn spawner(most: u64) {
    let mut number = 0;
    while !STOP.load(Ordering::Relaxed) {
        while ALIVE.load(Ordering::Relaxed) < most {
            ALIVE.fetch_add(1, Ordering::Relaxed);
            number += 1;
            tokio::spawn(churn(number));
        }
        tokio::task::yield_now().await;
    }
}

/// Notes the longest time between two sleeps of a millisecond: so long its worker did not come back to it.
pub async fn watch_gaps() {
    let mut last = Instant::now();
    while !STOP.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let now = Instant::now();
        LONGEST_GAP.fetch_max((now - last).as_nanos() as u64, Ordering::Relaxed);
        last = now;
    }
}

/// The longest gap since this was last asked.
pub fn longest_gap() -> Duration {
    Duration::from_nanos(LONGEST_GAP.swap(0, Ordering::Relaxed))
}

/// The functions that a task awaits, where that is known.
pub fn functions(task: &Task) -> Option<Vec<&str>> {
    let Chain::Known(chain) = &task.chain else { return None };
    Some(chain.iter().map(|step| step.future.rsplit("::").next().unwrap_or_default()).collect())
}

/// Whether that is what an [`idle`] task awaits.
pub fn is_idle(functions: &[&str]) -> bool {
    matches!(functions, ["idle", "idle_middle" | "{async block#0}", "idle_leaf", "Sleep"])
}

/// Whether that is one of the chains that another task of ours can have while nobody polls it.
pub fn can_be(functions: &[&str]) -> bool {
    let yielding = |rest: &[&str]| matches!(rest, ["yield_now", ..]);
    match functions {
        [] | ["hot" | "churn" | "spawner" | "watch_gaps"] => true,
        ["watch_gaps", "Sleep"] => true,
        ["spawner", rest @ ..] | ["hot", "hot_other", rest @ ..] => yielding(rest),
        ["hot" | "churn", "hot_middle", "hot_inner", rest @ ..] => yielding(rest),
        _ => false,
    }
}
