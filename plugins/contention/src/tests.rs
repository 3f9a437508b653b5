//! Reports with known queues, and what is made of them.

use gmr_plugin::testing::Host;
use gmr_plugin::{Field, Frame, Member, Trace, TraceKind};
use serde_json::json;

use super::*;

fn frame(function: &str) -> Frame {
    Frame::of(function)
}

fn at(function: &str, file: &str, line: u32) -> Frame {
    Frame { file: Some(file.into()), line: Some(line), ..Frame::of(function) }
}

fn member(id: u64, idle: Option<u64>) -> Member {
    let field = idle.map(|seconds| Field::new("idle", Value::Duration(seconds * 1_000_000_000)));
    Member { id, name: None, fields: field.into_iter().collect() }
}

fn stack(count: u64, summary: &str, frames: Vec<Frame>) -> Block {
    let members = (0..count).map(|id| member(id, None)).collect();
    let summary = vec![summary.to_owned()];
    Block::Trace(Trace {
        kind: TraceKind::Stack,
        title: String::new(),
        summary,
        members,
        frames,
        doubt: None,
    })
}

/// A chain of awaits, outermost first, of tasks that are idle for 1, 2, 3 ... seconds.
fn chain(count: u64, frames: Vec<Frame>) -> Block {
    let members = (1..=count).map(|id| member(id, Some(id))).collect();
    let kind = TraceKind::AwaitChain;
    Block::Trace(Trace { kind, title: String::new(), summary: vec![], members, frames, doubt: None })
}

fn section(blocks: impl IntoIterator<Item = Block>) -> Section {
    let mut section = Section::new();
    section.extend(blocks);
    section
}

fn threads(blocks: impl IntoIterator<Item = Block>) -> Host {
    Host::new().section("threads", "Threads", section(blocks))
}

fn text(host: &Host) -> String {
    host.render::<Contention>().unwrap().to_string()
}

const MUTEX: &str = "std::sys::sync::mutex::futex::Mutex::lock_contended";

#[test]
fn different_ways_to_one_lock_are_one_queue() {
    let host = threads([
        stack(2, "asleep in futex on 0x7f3a10c0, 41 s", vec![frame(MUTEX), at("api::put", "src/put.rs", 7)]),
        stack(
            1,
            "asleep in futex on 0x7f3a10c0, 2 s",
            vec![frame("syscall"), frame(MUTEX), frame("api::get")],
        ),
        stack(1, "asleep in futex on 0x55d0c8e8, 1 s", vec![frame(MUTEX), frame("api::get")]),
    ]);
    let expected = "\
look at: 3 threads wait for the lock at 0x7f3a10c0
## Threads
waits for               threads  longest  where
the lock at 0x7f3a10c0  3        -        [api::put src/put.rs:7 (2), api::get (1)]
the lock at 0x55d0c8e8  1        -        [api::get]
";
    assert_eq!(text(&host), expected);
}

#[test]
fn tasks_at_a_semaphore_are_one_queue_with_its_longest_wait() {
    let frames =
        vec![frame("api::serve"), frame("db::acquire"), frame("tokio::sync::semaphore::Semaphore::acquire")];
    let host = Host::new().section("green_threads", "Green Threads", section([chain(10, frames)]));
    let expected = "\
look at: 10 tasks wait for a semaphore in db::acquire, the longest for 10 s
## Tasks
waits for                   tasks  longest  where
a semaphore in db::acquire  10     10 s     [db::acquire]
";
    assert_eq!(text(&host), expected);
}

#[test]
fn queues_are_remarked_from_their_thresholds_on() {
    let queue =
        |count| threads([stack(count, "asleep in futex on 0x10", vec![frame(MUTEX), frame("api::put")])]);
    assert!(!text(&queue(2)).contains("look at"));
    assert!(text(&queue(3)).contains("look at"));
    assert!(!text(&queue(3).settings(json!({"threads": 4}))).contains("look at"));
    assert!(text(&queue(1).settings(json!({"threads": 1}))).contains("1 thread waits for the lock at 0x10"));
}

#[test]
fn idle_pools_are_no_contention() {
    let idle =
        |function: &str| stack(64, "asleep in futex on 0x10", vec![frame(function), frame("pool::worker")]);
    for function in [
        "std::sys::sync::condvar::futex::Condvar::wait",
        "std::thread::park",
        "tokio::runtime::scheduler::multi_thread::park::Parker::park",
        "std::sync::mpmc::list::Channel<T>::recv",
        "epoll_wait",
    ] {
        assert!(!text(&threads([idle(function)])).contains("look at"), "{function}");
    }
}

#[test]
fn waits_are_told_apart_by_the_frames_around_them() {
    let check = |functions: &[&str], summary: &str, expected: &str| {
        let frames = functions.iter().map(|function| frame(function)).collect();
        let text = text(&threads([stack(1, summary, frames)]));
        assert!(text.contains(&format!("\n{expected}")), "{functions:?}: {text}");
    };
    check(&["__pthread_mutex_lock", "api::put"], "", "a lock in api::put");
    check(&["parking_lot::raw_mutex::RawMutex::lock_slow", "api::put"], "", "a lock in api::put");
    check(&["__libc_recv", "std::net::TcpStream::read", "api::read"], "", "input or output");
    check(&["read", "api::read"], "", "input or output");
    check(&["clock_nanosleep", "std::thread::sleep", "gc::run"], "", "a time to pass");
    check(&["wait4", "std::process::Child::wait", "build::run"], "", "another process");
    check(&["__pthread_clockjoin_ex", "main"], "", "a thread or task to end");
    // What lies further out than the place that waits says nothing of the wait.
    check(&["store::merge", "api::semaphore::with_permit"], "running, 3h of CPU time", "nothing: running");
    check(&["spark::unpark_semaphore"], "running", "nothing: running");
    check(&["spread::read", "api::put"], "asleep in futex on 0x1", "something unknown");
    check(&[], "asleep in epoll_wait on 5", "input or output");
}

#[test]
fn many_groups_are_cut_with_a_count() {
    let place = |number| stack(1, "asleep", vec![frame(MUTEX), frame(&format!("api::number_{number}"))]);
    assert!(text(&threads((0..23).map(place))).ends_with("and 3 smaller groups\n"));
    assert!(text(&threads((0..20).map(place))).ends_with("[api::number_9]\n"));
}

#[test]
fn report_without_traces_and_missing_grant_are_told_apart() {
    assert!(matches!(Host::new().render::<Contention>(), Err(Failure::Unavailable(_))));
    assert!(matches!(threads([]).render::<Contention>(), Err(Failure::Unavailable(_))));
    assert!(matches!(threads([]).deny("report").render::<Contention>(), Err(Failure::Denied(_))));
}
