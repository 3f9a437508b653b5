//! How a look at the tasks reads, as text.

use std::sync::Arc;
use std::time::Duration;

use gmr_inspect::tasks::{
    Await, Blocking, Chain, Fact, Particular, Polling, Reason, Rung, Runtime, Snapshot, SourceLine, Task,
    TaskState, Work, Worker,
};
use gmr_inspect::threads::{self as seen, Capture, Method, Quality, Stack, Symbol, Thread};
use gmr_report::format::{self, text};

use super::Stacks;

fn step(depth: u16, future: &str, line: Option<u32>) -> Await {
    let mut step = Await::new(depth, future);
    step.location = line.map(|line| SourceLine::new("/home/me/shop/src/db.rs", line));
    step
}

fn waiting(id: u64, idle: u64, chain: Vec<Await>) -> Task {
    let mut task = Task::new(id, "shop::serve", TaskState::Idle);
    task.runtime = Some(0);
    task.idle = Some(Duration::from_secs(idle));
    task.chain = Chain::Known(Arc::from(chain));
    task
}

fn snapshot(tasks: Vec<Task>) -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.tasks = tasks;
    snapshot
}

fn body(tasks: Vec<Task>) -> String {
    let mut snapshot = snapshot(tasks);
    snapshot.rung = Rung::DebugInformation;
    let section = super::section(&snapshot, &Stacks::default(), |_| None);
    let text: Vec<String> = text::section(&section).lines().skip(3).map(str::to_owned).collect();
    text.join("\n")
}

#[test]
fn equal_chains_stand_together_whenever_their_timers_fire() {
    let sleeping = |id: u64, idle: u64, fires: u64| {
        let chain = vec![
            step(0, "shop::serve", Some(1)),
            step(1, "tower::Oneshot", None),
            step(2, "shop::pay", Some(9)),
            step(3, "tokio::time::Sleep", None),
        ];
        let mut task = waiting(id, idle, chain);
        task.particulars = vec![Particular::new(3, Fact::FiresIn(Duration::from_millis(fires)))];
        task
    };
    let mut alone = sleeping(9, 1, 7_049);
    alone.name = Some("gc".to_owned());
    alone.state = TaskState::Scheduled;
    let tasks = vec![sleeping(4, 2, 5_000), sleeping(5, 3, 6_000), alone];
    let text = body(tasks);
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
      tokio::time::Sleep, fires in 7.0 s"#
    );
}

#[test]
fn a_task_without_a_chain_says_why() {
    let mut task = waiting(1, 0, Vec::new());
    task.chain = Chain::Unknown(Arc::new(Reason::NeverPolled));
    let text = body(vec![task]);
    assert!(text.ends_with("waiting\nshop::serve\nno chain: it was never polled"), "{text}");
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
    let mut task = Task::new(id, "shop::serve", TaskState::Running);
    task.runtime = Some(0);
    task.running_on = on;
    task.chain = chain;
    task
}

const BUSY: [&str; 4] = [
    "shop::merge",
    "tokio::runtime::task::core::Core<T,S>::poll",
    "tokio::runtime::task::raw::poll",
    "clone3",
];

#[test]
fn a_running_task_names_the_thread_that_was_at_it_all_the_time_whose_stack_stands_once() {
    let snapshot = snapshot(vec![running(7, Some(40))]);
    let polling = vec![Polling::new(40, 7)];
    let capture = Capture::new(vec![thread(40, &BUSY)]);
    let section = super::section(&snapshot, &Stacks { polling, capture: Some(capture) }, |_| None);
    let text: Vec<String> = text::section(&section).lines().skip(5).map(str::to_owned).collect();
    assert_eq!(
        text.join("\n"),
        r#"------                           task 7                           ------
running, on thread 40
being polled: this is what it awaited when the poll began

  shop::serve  shop/src/db.rs:1

------             task 7 runs on thread 40  "worker"             ------
its stack stands under Threads"#
    );
    let json = format::json::section(&section);
    assert!(
        json.contains("shop::merge") && !json.contains("clone3"),
        "JSON has it down to the task's poll: {json}"
    );
}

#[test]
fn a_stack_that_may_be_another_tasks_is_not_shown() {
    let capture = || Capture::new(vec![thread(40, &BUSY)]);
    let check = |task: Task, polling: &[Polling], expected: &str| {
        let snapshot = snapshot(vec![task]);
        let section = super::section(
            &snapshot,
            &Stacks { polling: polling.to_vec(), capture: Some(capture()) },
            |_| None,
        );
        let text = text::section(&section);
        assert!(text.contains(expected) && !text.contains("shop::merge"), "{text}");
    };
    check(
        running(7, None),
        &[Polling::new(40, 7)],
        "running on a thread that is not known: 1 task (the poll was shorter than the look)",
    );
    let other = [Polling::new(40, 8)];
    check(running(7, Some(40)), &other, "no stack: it was seen at this task only after its stack was taken");
    check(running(7, Some(40)), &[], "no stack: no thread was seen at a task before the stacks were taken");
    check(running(7, Some(41)), &[Polling::new(41, 7)], "no stack: the thread was not listed");
}

#[test]
fn tasks_with_one_stack_share_it() {
    let tasks = vec![running(7, Some(40)), running(8, Some(41)), running(9, Some(42))];
    let polling =
        [(40, 7), (41, 8), (42, 9)].map(|(thread, task)| Polling::new(thread, task)).into_iter().collect();
    let threads = vec![thread(40, &BUSY), thread(41, &BUSY), thread(42, &["shop::split", BUSY[1]])];
    let capture = Some(Capture::new(threads));
    let text = text::section(&super::section(&snapshot(tasks), &Stacks { polling, capture }, |_| None));
    assert!(text.contains("tasks 7 8 run on threads 40 41"), "{text}");
    assert!(text.contains("task 9 runs on thread 42"), "{text}");
    assert_eq!(text.matches("stack stands under Threads").count(), 2, "{text}");
}

#[test]
fn what_an_old_tokio_does_not_tell_is_left_out() {
    let told = |alive_tasks, workers| {
        let mut runtime = Runtime::new(1, "multi_thread");
        runtime.alive_tasks = alive_tasks;
        runtime.workers = workers;
        let mut snapshot = Snapshot::default();
        snapshot.runtimes = vec![runtime];
        text::section(&super::section(&snapshot, &Stacks::default(), |_| None))
    };
    let nothing = told(None, Vec::new());
    assert!(nothing.contains("tokio runtime 1 (multi_thread): this tokio tells no figures\n"), "{nothing}");
    let some = told(Some(3), vec![Worker::default()]);
    assert!(some.contains("tokio runtime 1 (multi_thread): 1 worker, 3 tasks alive\n"), "{some}");
    assert!(some.ends_with("        1       0  none    none  none\n"), "{some}");
}

#[test]
fn workers_have_a_row_each_and_more_columns_where_tokio_counts_more() {
    let mut worker = Worker::default();
    worker.thread = Some(40);
    worker.busy = Some(Duration::from_millis(5));
    worker.parks = Some(3);
    let mut counting = worker.clone();
    let mut work = Work::default();
    work.polls = 12;
    work.mean_poll_time = Duration::from_micros(2);
    work.queue_depth = 4;
    work.steals = 1;
    work.noops = 6;
    counting.work = Some(work);
    let section = |worker: Worker, blocking| {
        let mut runtime = Runtime::new(2, "multi_thread");
        runtime.alive_tasks = Some(1);
        runtime.global_queue_depth = Some(0);
        runtime.blocking = blocking;
        runtime.workers = vec![worker];
        let mut snapshot = Snapshot::default();
        snapshot.runtimes = vec![runtime];
        text::section(&super::section(&snapshot, &Stacks::default(), |_| None))
    };
    let stable = section(worker, None);
    let rows = "runtime  worker  thread  busy  parks\n        2       0      40  5 ms      3";
    assert!(stable.ends_with(&format!("{rows}\n")), "{stable}");
    assert!(!stable.contains("blocking threads"), "{stable}");
    let mut blocking = Blocking::default();
    blocking.threads = 5;
    blocking.idle = 2;
    let unstable = section(counting, Some(blocking));
    assert!(unstable.contains("; 2 of 5 blocking threads idle, 0 waiting for one"), "{unstable}");
    assert!(unstable.contains("polls  mean poll  queue  steals  overflows  woken for nothing"), "{unstable}");
}

#[test]
fn a_worker_that_polls_has_no_busy_time_of_before() {
    let mut worker = Worker::default();
    worker.thread = Some(40);
    worker.busy = Some(Duration::ZERO);
    worker.parks = Some(0);
    let mut runtime = Runtime::new(1, "multi_thread");
    runtime.workers = vec![worker];
    let mut snapshot = snapshot(vec![running(7, Some(40))]);
    snapshot.runtimes = vec![runtime];
    let text = text::section(&super::section(&snapshot, &Stacks::default(), |_| None));
    assert!(
        text.contains("; 1 worker in a poll, before that busy for 0 s in all, parked 0 times\n"),
        "{text}"
    );
    assert!(text.ends_with("      1       0      40  in a poll      0\n"), "{text}");
}

#[test]
fn tasks_of_one_place_that_wait_for_several_semaphores_show_which() {
    let at = |id, semaphore| {
        let mut acquire = step(1, "tokio::sync::batch_semaphore::Acquire", None);
        acquire.facts = vec![Fact::Permits(0)];
        let mut task = waiting(id, 1, vec![step(0, "shop::transfer", Some(1)), acquire]);
        task.particulars = vec![Particular::new(1, Fact::Semaphore(semaphore))];
        task
    };
    let line = |tasks| {
        let text = body(tasks);
        text.lines().find_map(|line| line.split_once("Acquire, ")).unwrap().1.to_owned()
    };
    assert_eq!(line(vec![at(1, 0x10), at(2, 0x10)]), "0 permits, semaphore 0x10");
    assert_eq!(line(vec![at(1, 0x20), at(2, 0x10)]), "0 permits, semaphore 0x10, semaphore 0x20");
    let many = (1..=5).map(|id| at(id, id)).collect();
    assert_eq!(line(many), "0 permits, semaphore 0x1, semaphore 0x2, semaphore 0x3, and 2 others");
}

#[test]
fn where_tasks_stood_at_an_earlier_report_is_told() {
    let chain = || vec![step(0, "shop::serve", Some(1))];
    let unregistered = |id| {
        let mut task = waiting(id, 0, chain());
        task.idle = None;
        task
    };
    let title = |tasks: Vec<Task>, stood: &dyn Fn(u64) -> Option<Duration>| {
        let text = text::section(&super::section(&snapshot(tasks), &Stacks::default(), stood));
        let line = text.lines().find(|line| line.starts_with("------")).unwrap_or_default();
        line.trim_matches(['-', ' ']).to_owned()
    };
    let two = || vec![unregistered(1), unregistered(2)];
    let seen = |id: u64| Some(Duration::from_secs(10 + id));
    assert_eq!(title(two(), &|_| None), "2 tasks");
    assert_eq!(title(two(), &seen), "2 tasks, where they stood 11 s ago");
    assert_eq!(
        title(two(), &|id| seen(id).filter(|_| id == 2)),
        "2 tasks, 1 of them where they stood 12 s ago"
    );
    assert_eq!(title(vec![unregistered(2)], &seen), "task 2, where it stood 12 s ago");
    // What is timed is known better.
    assert_eq!(title(vec![waiting(2, 5, chain())], &seen), "task 2, for 5 s");
}
