//! The first look is not held up by reading the debug information. It has a process of its own, since that
//! is read once a process.

#![cfg(target_os = "linux")]

use std::future::pending;
use std::time::Duration;

use gmr_inspect::tasks::{Chain, Inspector, Options, Reason, Rung, Track};

#[test]
fn a_look_without_patience_lists_what_is_registered_and_a_later_one_everything() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.spawn(pending::<()>().tracked("registered"));
    runtime.spawn(pending::<()>());
    runtime.block_on(tokio::task::yield_now());
    let inspector = Inspector::new([runtime.handle().clone()]);

    let first = inspector.look(&Options::default().with_deadline(Duration::ZERO));
    assert_eq!(first.rung, Rung::Registered(Reason::StillReading));
    assert_eq!(first.tasks.len(), 1);
    assert_eq!(first.tasks[0].name.as_deref(), Some("registered"));
    assert_eq!(first.tasks[0].chain, Chain::Unknown(Reason::StillReading.into()));
    assert_eq!(first.runtimes[0].alive_tasks, Some(2));

    assert_eq!(inspector.prepared(Duration::from_secs(60)), Ok(()));
    let second = inspector.look(&Options::default().with_deadline(Duration::from_secs(60)));
    assert_eq!(second.rung, Rung::DebugInformation);
    assert_eq!(second.tasks.len(), 2);
    assert!(second.tasks.iter().all(|task| matches!(task.chain, Chain::Known(_))), "{second:#?}");
}
