//! Chains of every shape of task, in the profile that the tests are built with.

#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use gmr_inspect::tasks::{Inspector, Options, Rung, Snapshot, TaskState};

#[path = "../../../tests/fixtures/tasks/src/golden.rs"]
mod golden;
#[path = "../../../tests/fixtures/tasks/src/shapes.rs"]
mod shapes;

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

#[test]
fn every_shape_reads_as_it_was_written() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let kept = shapes::spawn_all(runtime.handle());
    let inspector = Inspector::new([runtime.handle().clone()]);
    let snapshot = settled(&inspector, kept.tasks);
    golden::check(&golden::text(&snapshot));
    drop(kept);
    runtime.shutdown_background();
}
