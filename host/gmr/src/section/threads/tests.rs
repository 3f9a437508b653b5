//! How a capture reads, as text.

use std::sync::Arc;
use std::time::Duration;

use gmr_inspect::threads::{
    Capture, CodeAddress, Frame, Incomplete, Method, Missing, ModuleName, Note, Quality, Resource, Stack,
    State, Symbol, Thread, Wait,
};
use gmr_report::format::text;

/// A thread asleep on this futex, innermost function first.
fn asleep(id: u32, name: &str, futex: u64, functions: &[&str]) -> Thread {
    let module = Arc::new(ModuleName::new("/srv/shop", Some("c0ffee".to_owned())));
    let frame = |function: &&str| {
        // The same function is the same address.
        let mut frame = Frame::new(CodeAddress::Return(function.bytes().map(u64::from).sum()));
        frame.module = Some(module.clone());
        frame.offset = Some(0x10);
        frame.symbols = Arc::new([Symbol::new(*function).at("/home/me/shop/src/queue.rs", Some(7), None)]);
        frame
    };
    let mut thread = Thread::new(id, name);
    thread.state = State::Sleeping;
    thread.on_cpu = Some(false);
    thread.cpu_user = Duration::from_millis(100 * u64::from(id));
    thread.wait = Some(Wait::new(202, Some("futex"), Some(Resource::Futex(futex))));
    thread.stack = Stack::Captured {
        frames: functions.iter().map(frame).collect(),
        method: Method::Sleeping,
        quality: Quality::Verified,
    };
    thread
}

#[track_caller]
fn check(threads: Vec<Thread>, expected: &str) {
    let capture = Capture::new(threads);
    let section = super::section(&capture);
    let body: Vec<String> = text::section(&section).lines().skip(3).map(str::to_owned).collect();
    assert_eq!(body.join("\n"), expected.trim());
}

#[test]
fn threads_that_stand_in_the_same_place_stand_together() {
    let stack = ["syscall", "shop::take", "std::sys::backtrace::__rust_begin_short_backtrace", "clone3"];
    let threads = vec![
        asleep(1, "main", 0x40, &["syscall", "shop::main", "_start"]),
        asleep(4, "worker-10", 0x20, &stack),
        asleep(2, "worker-2", 0x20, &stack),
        asleep(3, "worker-3", 0x30, &stack),
    ];
    check(
        threads,
        r#"
4 threads: 4 stacks, 2 of them different; 4 read without a signal

------              3 threads, worker-2 to worker-10              ------
2-4
asleep in futex on 2 different things, 200 ms to 400 ms of CPU time each

  0  syscall     shop/src/queue.rs:7
  1  shop::take  shop/src/queue.rs:7
     2 frames of the thread's start

------                         1  "main"                          ------
asleep in futex on 0x40, 100 ms of CPU time

  0  syscall     shop/src/queue.rs:7
  1  shop::main  shop/src/queue.rs:7
     1 frame of the thread's start

modules of these frames:
  module     build id
  /srv/shop  c0ffee
"#,
    );
}

#[test]
fn a_missing_or_doubtful_stack_says_why() {
    let missing = |id, name: &str, why| {
        let mut thread = asleep(id, name, 0, &[]);
        thread.state = State::Running;
        thread.wait = None;
        thread.stack = Stack::Missing(why);
        thread
    };
    let mut short = asleep(3, "short", 0x20, &["syscall"]);
    if let Stack::Captured { quality, frames, .. } = &mut short.stack {
        *quality = Quality::Incomplete(Incomplete::DeeperThanCopied);
        Arc::make_mut(frames)[0].verified = false;
    }
    let threads = vec![
        missing(1, "spinner", Missing::SignalBlocked),
        missing(2, "gmr-index", Missing::OutOfTime),
        short,
    ];
    check(
        threads,
        r#"
3 threads: 1 stack, 1 of them different; 1 read without a signal; 1 unverified or incomplete

------                        1  "spinner"                        ------
running, 100 ms of CPU time
no stack: it was not seen asleep, and its mask blocks the signal that would ask it

------                         3  "short"                         ------
asleep in futex on 0x20, 300 ms of CPU time
the stack does not reach the thread's start: the stack is deeper than was copied

  0  syscall (unverified)  shop/src/queue.rs:7

idle: 1 reporter's thread (2)

modules of these frames:
  module     build id
  /srv/shop  c0ffee
"#,
    );
}

#[test]
fn deep_stacks_stand_together_only_if_as_many_frames_are_left_out() {
    let deep = |id, left_out| {
        let mut thread = asleep(id, "deep", 0x20, &["recurse", "recurse", "begin"]);
        if let Stack::Captured { frames, .. } = &mut thread.stack {
            Arc::make_mut(frames)[0].omitted = left_out;
        }
        thread
    };
    let section = super::section(&Capture::new(vec![deep(1, 7), deep(2, 8), deep(3, 7)]));
    let text = text::section(&section);
    assert!(text.contains("3 stacks, 2 of them different"), "{text}");
    assert!(text.contains("     ... 7 frames between ...\n  8  recurse"), "{text}");
    assert!(text.contains("     ... 8 frames between ...\n  9  recurse"), "{text}");
}

#[test]
fn no_thread_at_all_is_a_failure() {
    let mut capture = Capture::default();
    capture.notes.push(Note::OnlyCallingThread);
    let expected = "other threads cannot be seen on this platform: only the calling one is listed";
    assert_eq!(super::section(&capture).failure.as_deref(), Some(expected));
}

const PARK: [&str; 5] = [
    "syscall",
    "std::sys::sync::condvar::futex::Condvar::wait_optional_timeout",
    "<tokio::runtime::scheduler::multi_thread::park::Parker>::park",
    "<tokio::runtime::scheduler::multi_thread::worker::Context>::park_internal",
    "tokio::runtime::scheduler::multi_thread::worker::run",
];
const POLL: &str = "tokio::runtime::task::core::Core<T,S>::poll";

/// Titles of the stacks that text shows, and the line of those that are idle.
fn shown(threads: Vec<Thread>) -> Vec<String> {
    let text = text::section(&super::section(&Capture::new(threads)));
    let titles = text.lines().filter(|line| line.starts_with("------") || line.starts_with("idle: "));
    titles.map(|line| line.trim_matches(['-', ' ']).to_owned()).collect()
}

#[test]
fn idle_workers_take_one_line_and_busy_ones_stand_with_their_stack() {
    let pool = ["syscall", "tokio::runtime::blocking::pool::Inner::run", "clone3"];
    // A worker runs in the blocking pool itself, as a task of it.
    let worker = [&PARK[..], &[POLL], &pool[1..]].concat();
    let stuck = [
        "nanosleep",
        "shop::sleep",
        POLL,
        "tokio::runtime::scheduler::multi_thread::worker::Context::run_task",
    ];
    let threads = vec![
        asleep(1, "main", 0x10, &["syscall", "shop::main", "_start"]),
        asleep(2, "worker", 0x20, &worker),
        asleep(3, "worker", 0x30, &worker),
        asleep(4, "pool", 0x40, &pool),
        asleep(5, "pool", 0x50, &["nanosleep", "shop::job", POLL, pool[1]]),
        asleep(6, "worker", 0x60, &stuck),
    ];
    assert_eq!(
        shown(threads),
        [
            "6  \"worker\"",
            "1  \"main\"",
            "5  \"pool\"",
            "idle: 2 tokio workers (2 3), 1 blocking-pool thread (4)"
        ],
        "a poll that sleeps on a worker comes first, and a blocking job may sleep"
    );
    let mut running = asleep(2, "worker", 0x20, &worker);
    running.state = State::Running;
    assert_eq!(shown(vec![running]), ["2  \"worker\""], "it is about to do something");
}

#[test]
fn the_frames_of_a_runtime_that_waits_are_counted() {
    let block_on = [
        "syscall",
        "tokio::runtime::park::CachedParkThread::park",
        "tokio::runtime::park::CachedParkThread::block_on::<shop::main::{closure#0}>",
        "tokio::runtime::runtime::Runtime::block_on_inner",
        "shop::main",
        "_start",
    ];
    let body = |functions: &[&str]| {
        text::section(&super::section(&Capture::new(vec![asleep(1, "main", 1, functions)])))
    };
    let text = body(&block_on);
    assert!(text.contains("\n     4 frames of a runtime that waits\n  4  shop::main  "), "{text}");
    let polls = [&["syscall", "shop::query"], &block_on[2..]].concat();
    assert!(
        body(&polls).contains("  2  tokio::runtime::park::CachedParkThread::block_on "),
        "it does not wait there"
    );
}

#[test]
fn those_in_trouble_come_first_and_are_not_idle() {
    let threads = vec![
        asleep(1, "main", 0x10, &["syscall", "shop::main"]),
        asleep(2, "other", 0x10, &["syscall", "shop::put"]),
        asleep(3, "worker", 0x20, &PARK),
    ];
    let mut section = super::section(&Capture::new(threads));
    super::first(&mut section, &[2, 3].into());
    let text = text::section(&section);
    let places = ["2  \"other\"", "3  \"worker\"", "1  \"main\"", "modules of"].map(|part| text.find(part));
    assert!(places.is_sorted() && places[0].is_some(), "{text}");
}

#[test]
fn what_a_runtime_calls_a_task_through_is_counted() {
    let pool = ["tokio::runtime::task::raw::poll", "tokio::runtime::blocking::pool::Inner::run", "clone3"];
    let worker = ["core::panicking::catch", "tokio::runtime::scheduler::multi_thread::worker::run", POLL];
    let shown = |functions: &[&str]| {
        let text = text::section(&super::section(&Capture::new(vec![asleep(1, "w", 1, functions)])));
        let lines = text.lines().skip(8).take_while(|line| !line.is_empty());
        lines.map(|line| line.trim().split("  ").nth(1).unwrap_or("...").to_owned()).collect::<Vec<_>>()
    };
    let task = [&["nanosleep", "core::sleep", "shop::task", POLL, "std::catch"][..], &[POLL], &worker, &pool]
        .concat();
    assert_eq!(shown(&task), ["nanosleep", "core::sleep", "shop::task", "..."]);
    let mangled_by_v0 = [
        "nanosleep",
        "shop::task",
        "<tokio::runtime::task::core::Core<shop::task, tokio::runtime::scheduler::Handle>>::poll",
        "<tokio::runtime::scheduler::multi_thread::worker::Context>::run_task",
        "tokio::runtime::scheduler::multi_thread::worker::run",
        "<tokio::runtime::task::core::Core<tokio::runtime::blocking::task::BlockingTask<F>>>::poll",
        "<tokio::runtime::blocking::pool::Inner>::run",
        "clone3",
    ];
    assert_eq!(shown(&mangled_by_v0), ["nanosleep", "shop::task", "..."]);
    let job = [&["nanosleep", "shop::job", POLL][..], &pool].concat();
    assert_eq!(shown(&job), ["nanosleep", "shop::job", "..."]);
    let nested =
        [&["shop::task", POLL, "tokio::task::local::LocalSet::tick", "shop::job", POLL][..], &pool].concat();
    assert_eq!(shown(&nested)[3..], ["shop::job", "..."], "an application's function is never counted");
}
