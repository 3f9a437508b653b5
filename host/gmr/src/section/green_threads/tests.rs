//! How a look at the tasks reads, as text.

use std::sync::Arc;
use std::time::Duration;

use gmr_inspect::tasks::{Await, Chain, Rung, Snapshot, SourceLine, Task, TaskState};

use crate::render::text;

fn step(depth: u16, future: &str, line: Option<u32>) -> Await {
    Await {
        depth,
        branch: None,
        future: future.to_owned(),
        location: line.map(|line| SourceLine { file: "/home/me/shop/src/db.rs".to_owned(), line }),
        detail: None,
        individual: None,
    }
}

fn waiting(id: u64, idle: u64, chain: Vec<Await>) -> Task {
    Task {
        id,
        runtime: Some(0),
        name: None,
        future: "shop::serve".to_owned(),
        state: TaskState::Idle,
        spawned_at: None,
        age: None,
        idle: Some(Duration::from_secs(idle)),
        polls: None,
        poll_time: None,
        polling: None,
        running_on: None,
        chain: Chain::Known(Arc::from(chain)),
    }
}

fn body(tasks: Vec<Task>) -> (String, Vec<String>) {
    let snapshot = Snapshot { tasks, rung: Rung::DebugInformation, ..Snapshot::default() };
    let section = super::section(&snapshot);
    let text: Vec<String> = text::section(&section).lines().skip(3).map(str::to_owned).collect();
    (text.join("\n"), section.remarks)
}

#[test]
fn equal_chains_stand_together_whenever_their_timers_fire() {
    let chain = |fires: &str| {
        let sleep = Await { individual: Some(fires.to_owned()), ..step(3, "tokio::time::Sleep", None) };
        vec![
            step(0, "shop::serve", Some(1)),
            step(1, "tower::Oneshot", None),
            step(2, "shop::pay", Some(9)),
            sleep,
        ]
    };
    let alone = Task { name: Some("gc".to_owned()), ..waiting(9, 1, chain("fires in 7 s")) };
    let alone = Task { state: TaskState::Scheduled, ..alone };
    let tasks = vec![waiting(4, 2, chain("fires in 5 s")), waiting(5, 3, chain("fires in 6 s")), alone];
    let (text, remarks) = body(tasks);
    assert_eq!(
        text,
        r#"chains from debug information, checked: 3 tasks

------                2 tasks, the longest for 3 s                ------
4 5
waiting

  shop::serve  shop/src/db.rs:1
    shop::pay  shop/src/db.rs:9
      tokio::time::Sleep

------                   task 9  "gc", for 1 s                    ------
woken, waits for a worker

  shop::serve  shop/src/db.rs:1
    shop::pay  shop/src/db.rs:9
      tokio::time::Sleep, fires in 7 s"#
    );
    assert!(remarks.is_empty(), "{remarks:?}");
}

#[test]
fn a_crowd_that_waits_for_long_is_remarked_by_the_innermost_line() {
    let chain =
        || vec![step(0, "shop::serve", Some(1)), step(1, "shop::pay", Some(9)), step(2, "Acquire", None)];
    let crowd = |count: u64, idle| (0..count).map(|id| waiting(id, idle, chain())).collect();
    let (_, remarks) = body(crowd(12, 33));
    assert_eq!(remarks, ["12 of 12 tasks wait in shop::pay, the longest for 33 s"]);
    assert!(body(crowd(9, 33)).1.is_empty(), "nine are no crowd");
    assert!(body(crowd(12, 9)).1.is_empty(), "nine seconds are not long");
}

#[test]
fn a_task_without_a_chain_says_why() {
    let task = Task { chain: Chain::Unknown(Arc::from("no types")), ..waiting(1, 0, Vec::new()) };
    let (text, _) = body(vec![task]);
    assert!(text.ends_with("waiting\nshop::serve\nno chain: no types"), "{text}");
}
