//! Chains of every shape of task, in the profile that the tests are built with.

#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use gmr_inspect::tasks::{Inspector, Options, Rung, Snapshot, TaskState};
use gmr_test_support::tasks::{golden, shapes};

/// Looks until all tasks wait.
fn settled(inspector: &Inspector, tasks: usize) -> Snapshot {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let snapshot = inspector.look(&Options { deadline: Duration::from_secs(60), ..Options::default() });
        assert_eq!(snapshot.rung, Rung::DebugInformation);
        let all_wait = snapshot.tasks.iter().all(|task| task.state == TaskState::Idle);
        if all_wait && snapshot.tasks.len() == tasks {
            return snapshot;
        }
        assert!(Instant::now() < patience, "{}", golden::text(&snapshot));
        std::thread::yield_now();
    }
}

/// Compares line by line, or renews the golden file if the variable `UPDATE_GOLDEN` names it.
fn check(text: &str, expected: &str) {
    if let Some(path) = std::env::var_os("UPDATE_GOLDEN") {
        std::fs::write(path, text).unwrap();
        return;
    }
    for (number, (own, expected)) in text.lines().zip(expected.lines()).enumerate() {
        assert_eq!(own, expected, "line {} of\n{text}", number + 1);
    }
    assert_eq!(text.lines().count(), expected.lines().count(), "{text}");
}

#[test]
fn every_shape_reads_as_it_was_written() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let kept = shapes::spawn_all(runtime.handle());
    let inspector = Inspector::new([runtime.handle().clone()]);
    let snapshot = settled(&inspector, kept.tasks);
    check(&golden::text(&snapshot), include_str!("../../../tests/fixtures/tasks/golden/chains.txt"));
    drop(kept);
    runtime.shutdown_background();
}
