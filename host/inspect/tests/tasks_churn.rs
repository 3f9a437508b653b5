//! Long-lived tasks are found, every one of them and right, while thousands come and go, or panic, around them.
//!
//! Two seconds of it; as many as the variable `GMR_SOAK_SECONDS` says for a soak. The first half goes without looks, so
//! that the longest gap of a worker can be compared: it is printed, since a machine's noise is no error of ours.

#![cfg(target_os = "linux")]

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gmr_inspect::tasks::{Inspector, Options, Rung, TaskState};
use gmr_test_support::tasks::crowd;
use gmr_test_support::wait_until;

const IDLE: u64 = 1_000;
const CHURNING: u64 = 500;
const HOT: u64 = 20;

#[test]
fn long_lived_tasks_are_neither_missed_nor_wrong_under_churn() {
    let seconds = std::env::var("GMR_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let half = Duration::from_secs(seconds) / 2;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let spawned: HashSet<u64> = (0..IDLE)
        .map(|number| runtime.spawn(crowd::idle(number)).id().to_string().parse().unwrap())
        .collect();
    let inspector = Inspector::new([runtime.handle().clone()]);
    let options = Options::default().with_deadline(Duration::from_secs(60));
    wait_until("all tasks wait", || {
        inspector.look(&options).tasks.iter().all(|task| task.state == TaskState::Idle)
    });

    (0..HOT).for_each(|number| drop(runtime.spawn(crowd::hot(number))));
    runtime.spawn(crowd::spawner(CHURNING));
    runtime.spawn(crowd::watch_gaps());
    runtime.block_on(async { tokio::time::sleep(half).await });
    let without = crowd::longest_gap();

    let end = Instant::now() + half;
    let (mut looks, mut known, mut others, mut racy) = (0, 0, 0, 0);
    while Instant::now() < end || looks < 3 {
        let snapshot = inspector.look(&options);
        assert_eq!(snapshot.rung, Rung::DebugInformation);
        assert_eq!(snapshot.notes, []);
        looks += 1;
        racy += snapshot.racy;
        let mut found = 0;
        for task in &snapshot.tasks {
            let functions = crowd::functions(task);
            if spawned.contains(&task.id) {
                found += 1;
                assert!(functions.as_deref().is_some_and(crowd::is_idle), "{task:?}");
                continue;
            }
            others += 1;
            if let Some(functions) = functions {
                known += 1;
                assert!(crowd::can_be(&functions), "{task:?}");
            }
        }
        assert_eq!(found, IDLE, "some were missed in look {looks}");
    }
    let with = crowd::longest_gap();
    crowd::STOP.store(true, Ordering::Relaxed);
    let finished = crowd::FINISHED.load(Ordering::Relaxed);
    println!("{looks} looks, {others} other tasks, {known} of them known, {racy} racy; {finished} finished");
    println!("longest gap of a worker: {with:?} with looks, {without:?} without");
    assert!(known > 0 && finished > 0, "the churn was never caught");
    runtime.shutdown_timeout(Duration::from_secs(60));
}
