//! How a look at the tasks reads, as text.

use std::sync::Arc;
use std::time::Duration;

use gmr_inspect::tasks::{
    Await, Blocking, Chain, Particular, Polling, Rung, Runtime, Snapshot, SourceLine, Task, TaskState, Work,
    Worker,
};
use gmr_inspect::threads::{self as seen, Capture, Method, Quality, Stack, Symbol, Thread};

use super::Stacks;
use crate::report::format::text;

fn step(depth: u16, future: &str, line: Option<u32>) -> Await {
    Await {
        depth,
        branch: None,
        future: future.to_owned(),
        location: line.map(|line| SourceLine { file: "/home/me/shop/src/db.rs".to_owned(), line }),
        detail: None,
    }
}

fn waiting(id: u64, idle: u64, chain: Vec<Await>) -> Task {
    Task {
        id,
        runtime: Some(0),
        name: None,
        future: Arc::from("shop::serve"),
        state: TaskState::Idle,
        spawned_at: None,
        age: None,
        idle: Some(Duration::from_secs(idle)),
        polls: None,
        poll_time: None,
        polling: None,
        running_on: None,
        chain: Chain::Known(Arc::from(chain)),
        particulars: Vec::new(),
    }
}

fn body(tasks: Vec<Task>) -> (String, Vec<String>) {
    let snapshot = Snapshot { tasks, rung: Rung::DebugInformation, ..Snapshot::default() };
    let section = super::section(&snapshot, &Stacks::default());
    let text: Vec<String> = text::section(&section).lines().skip(3).map(str::to_owned).collect();
    (text.join("\n"), section.remarks)
}

#[test]
fn equal_chains_stand_together_whenever_their_timers_fire() {
    let sleeping = |id: u64, idle: u64, fires: &str| {
        let chain = vec![
            step(0, "shop::serve", Some(1)),
            step(1, "tower::Oneshot", None),
            step(2, "shop::pay", Some(9)),
            step(3, "tokio::time::Sleep", None),
        ];
        let particulars = vec![Particular { step: 3, text: fires.to_owned() }];
        Task { particulars, ..waiting(id, idle, chain) }
    };
    let alone = Task { name: Some("gc".to_owned()), ..sleeping(9, 1, "fires in 7 s") };
    let alone = Task { state: TaskState::Scheduled, ..alone };
    let tasks = vec![sleeping(4, 2, "fires in 5 s"), sleeping(5, 3, "fires in 6 s"), alone];
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

/// A thread that stands in these functions, innermost first.
fn thread(id: u32, functions: &[&str]) -> Thread {
    let frame = |(at, function): (usize, &&str)| {
        let mut frame = seen::Frame::new(seen::CodeAddress::Return(at as u64));
        frame.symbols = vec![Symbol::new(*function)].into();
        frame
    };
    let mut thread = Thread::new(id, "worker");
    thread.state = seen::State::Running;
    thread.stack = Stack::Captured {
        frames: functions.iter().enumerate().map(frame).collect(),
        method: Method::Signal,
        quality: Quality::Verified,
    };
    thread
}

fn running(id: u64, on: Option<u32>) -> Task {
    let chain = Chain::Passed(Arc::from(vec![step(0, "shop::serve", Some(1))]));
    Task { state: TaskState::Running, running_on: on, idle: None, chain, ..waiting(id, 0, Vec::new()) }
}

const BUSY: [&str; 4] = [
    "shop::merge",
    "tokio::runtime::task::core::Core<T,S>::poll",
    "tokio::runtime::task::raw::poll",
    "clone3",
];

#[test]
fn a_running_task_stands_beside_the_stack_of_the_thread_that_was_at_it_all_the_time() {
    let snapshot = Snapshot { tasks: vec![running(7, Some(40))], ..Snapshot::default() };
    let polling = vec![Polling { thread: 40, task: 7 }];
    let capture = Capture::new(vec![thread(40, &BUSY)]);
    let section = super::section(&snapshot, &Stacks { polling, capture: Some(capture) });
    let text: Vec<String> = text::section(&section).lines().skip(5).map(str::to_owned).collect();
    assert_eq!(
        text.join("\n"),
        r#"------                           task 7                           ------
running, on thread 40
being polled: this is what it awaited when the poll began

  shop::serve  shop/src/db.rs:1

------             task 7 runs on thread 40  "worker"             ------

  0  shop::merge
     3 frames of the thread's start"#
    );
}

#[test]
fn a_stack_that_may_be_another_tasks_is_not_shown() {
    let capture = || Capture::new(vec![thread(40, &BUSY)]);
    let check = |task: Task, polling: &[Polling], expected: &str| {
        let snapshot = Snapshot { tasks: vec![task], ..Snapshot::default() };
        let section =
            super::section(&snapshot, &Stacks { polling: polling.to_vec(), capture: Some(capture()) });
        let text = text::section(&section);
        assert!(text.contains(expected) && !text.contains("shop::merge"), "{text}");
    };
    check(
        running(7, None),
        &[Polling { thread: 40, task: 7 }],
        "running on a thread that is not known: 1 task (the poll was shorter than the look)",
    );
    let other = [Polling { thread: 40, task: 8 }];
    check(running(7, Some(40)), &other, "no stack: it came to this task only after its stack was taken");
    check(running(7, Some(41)), &[Polling { thread: 41, task: 7 }], "no stack: the thread was not listed");
}

#[test]
fn tasks_with_one_stack_share_it() {
    let tasks = vec![running(7, Some(40)), running(8, Some(41)), running(9, Some(42))];
    let polling =
        [(40, 7), (41, 8), (42, 9)].map(|(thread, task)| Polling { thread, task }).into_iter().collect();
    let threads = vec![thread(40, &BUSY), thread(41, &BUSY), thread(42, &["shop::split", BUSY[1]])];
    let capture = Some(Capture::new(threads));
    let text = text::section(&super::section(
        &Snapshot { tasks, ..Snapshot::default() },
        &Stacks { polling, capture },
    ));
    assert!(text.contains("tasks 7 8 run on threads 40 41"), "{text}");
    assert!(text.contains("task 9 runs on thread 42"), "{text}");
    assert_eq!(text.matches("shop::merge").count(), 1, "{text}");
}

#[test]
fn what_an_old_tokio_does_not_tell_is_left_out() {
    let told = |alive_tasks, workers| {
        let flavor = "multi_thread".to_owned();
        let runtime =
            Runtime { id: 1, flavor, alive_tasks, global_queue_depth: None, blocking: None, workers };
        let snapshot = Snapshot { runtimes: vec![runtime], ..Snapshot::default() };
        text::section(&super::section(&snapshot, &Stacks::default()))
    };
    let nothing = told(None, Vec::new());
    assert!(nothing.contains("tokio runtime 1 (multi_thread): this tokio tells no figures\n"), "{nothing}");
    let some = told(Some(3), vec![Worker::default()]);
    assert!(some.contains("tokio runtime 1 (multi_thread): 1 worker, 3 tasks alive\n"), "{some}");
    assert!(some.ends_with("        1       0  none    none  none\n"), "{some}");
}

#[test]
fn workers_have_a_row_each_and_more_columns_where_tokio_counts_more() {
    let worker =
        Worker { thread: Some(40), busy: Some(Duration::from_millis(5)), parks: Some(3), work: None };
    let work = Work {
        polls: 12,
        mean_poll_time: Duration::from_micros(2),
        queue_depth: 4,
        steals: 1,
        overflows: 0,
        noops: 6,
    };
    let section = |worker: Worker, blocking| {
        let runtime = Runtime {
            id: 2,
            flavor: "multi_thread".to_owned(),
            alive_tasks: Some(1),
            global_queue_depth: Some(0),
            blocking,
            workers: vec![worker],
        };
        let snapshot = Snapshot { runtimes: vec![runtime], ..Snapshot::default() };
        text::section(&super::section(&snapshot, &Stacks::default()))
    };
    let stable = section(worker.clone(), None);
    let rows = "runtime  worker  thread  busy  parks\n        2       0      40  5 ms      3";
    assert!(stable.ends_with(&format!("{rows}\n")), "{stable}");
    assert!(!stable.contains("blocking threads"), "{stable}");
    let blocking = Some(Blocking { threads: 5, idle: 2, queue_depth: 0 });
    let unstable = section(Worker { work: Some(work), ..worker }, blocking);
    assert!(unstable.contains("; 2 of 5 blocking threads idle, 0 waiting for one"), "{unstable}");
    assert!(unstable.contains("polls  mean poll  queue  steals  overflows  woken for nothing"), "{unstable}");
}
