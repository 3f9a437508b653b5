//! Chains of every shape of task, in the profile that the tests are built with.

#![cfg(target_os = "linux")]

use std::time::Duration;

use gmr_inspect::tasks::{Inspector, Options, Rung, Snapshot, TaskState};
use gmr_test_support::tasks::{golden, shapes};
use gmr_test_support::{assert_golden, fixture, wait_for};

/// Looks until all tasks wait.
fn settled(inspector: &Inspector, tasks: usize) -> Snapshot {
    wait_for(|| {
        let snapshot = inspector.look(&Options::default().with_deadline(Duration::from_secs(60)));
        assert_eq!(snapshot.rung, Rung::DebugInformation);
        let all_wait = snapshot.tasks.iter().all(|task| task.state == TaskState::Idle);
        if all_wait && snapshot.tasks.len() == tasks { Ok(snapshot) } else { Err(golden::text(&snapshot)) }
    })
}

#[test]
fn every_shape_reads_as_it_was_written() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let kept = shapes::spawn_all(runtime.handle());
    let inspector = Inspector::new([runtime.handle().clone()]);
    let snapshot = settled(&inspector, kept.tasks);
    assert_golden(&fixture("tasks").join("golden/chains.txt"), &golden::text(&snapshot));
    drop(kept);
    runtime.shutdown_background();
}
