//! Reports with known queues, and what is made of them.

use gmr_plugin::testing::Host;
use gmr_plugin::{Call, Field, Frame, Member, Trace, TraceKind};
use serde_json::json;

use super::*;

fn frame(function: &str) -> Frame {
    Frame::of(function)
}

fn trace(kind: TraceKind, members: Vec<Member>, frames: Vec<Frame>) -> Block {
    Block::Trace(Trace {
        kind,
        title: String::new(),
        summary: vec![],
        idle: None,
        members,
        frames,
        doubt: None,
    })
}

/// So many threads with the same stack, of which the report tells these fields.
fn stack(count: u64, fields: &[Field], frames: &[&str]) -> Block {
    let member = |id| Member { id, name: None, fields: fields.to_vec() };
    let frames = frames.iter().map(|function| frame(function)).collect();
    trace(TraceKind::Stack, (0..count).map(member).collect(), frames)
}

/// A thread that sleeps on this address.
fn on(futex: u64) -> [Field; 3] {
    let address = Field::new("futex", Value::Address(futex));
    [Field::new("state", "asleep"), Field::new("system_call", "futex"), address]
}

/// Tasks that are idle for 1, 2, 3 ... seconds, in a chain of awaits, outermost first.
fn chain(count: u64, frames: &[(u16, &str)]) -> Block {
    let idle = |id| Field::new("idle", Value::Duration(id * 1_000_000_000));
    let member = |id| Member { id, name: None, fields: vec![Field::new("state", "waiting"), idle(id)] };
    let frames = frames.iter().map(|(depth, function)| Frame { depth: *depth, ..frame(function) }).collect();
    trace(TraceKind::AwaitChain, (1..=count).map(member).collect(), frames)
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
fn different_ways_to_one_lock_are_one_queue_and_one_way_to_two_locks_is_two() {
    let Block::Trace(mut mixed) = stack(1, &on(0x7f3a10c0), &[MUTEX, "api::get"]) else { unreachable!() };
    mixed.members.push(Member { id: 9, name: None, fields: on(0x55d0c8e8).to_vec() });
    let host = threads([stack(2, &on(0x7f3a10c0), &["syscall", MUTEX, "api::put"]), Block::Trace(mixed)]);
    let expected = "\n  Threads:
    waits for               threads  longest  where
    the lock at 0x7f3a10c0        3  none     [api::put (2), api::get (1)]
    the lock at 0x55d0c8e8        1  none     [api::get]
";
    assert_eq!(text(&host), expected);
}

#[test]
fn locks_are_known_as_older_and_newer_compilers_name_them() {
    let functions = [
        ("std::sys::sync::once::futex::Once::call", "the lock at 0x7f3a10c0        1"),
        ("<std::sys::sync::once::futex::Once>::call", "the lock at 0x7f3a10c0        1"),
        ("std::sync::poison::mutex::Mutex<T>::lock", "the lock at 0x7f3a10c0        1"),
        // parking_lot's threads wait at addresses of their own, which are not the lock's.
        (
            "<lock_api::mutex::Mutex<parking_lot::raw_mutex::RawMutex, u8>>::lock",
            "a lock in api::get        1",
        ),
        (
            "<lock_api::rwlock::RwLock<parking_lot::raw_rwlock::RawRwLock, fn() -> u8>>::read",
            "a lock in api::get        1",
        ),
    ];
    for (function, expected) in functions {
        let text = text(&threads([stack(1, &on(0x7f3a10c0), &["syscall", function, "api::get"])]));
        assert!(text.contains(expected), "{function}: {text}");
    }
}

#[test]
fn tasks_at_a_semaphore_are_one_queue_with_its_longest_wait() {
    let frames = [(0, "api::serve"), (1, "db::acquire"), (2, "tokio::sync::batch_semaphore::Acquire")];
    let host = Host::new().section("green_threads", "Green Threads", section([chain(10, &frames)]));
    let expected = "\n  Tasks:
    waits for                   tasks  longest  where
    a semaphore in db::acquire     10     10 s  [db::acquire]
";
    assert_eq!(text(&host), expected);
}

#[test]
fn tasks_that_await_several_kinds_at_once_wait_for_none_of_them_alone() {
    let check = |second: &str, expected: &str| {
        let frames = [(0, "api::serve"), (1, "tokio::sync::batch_semaphore::Acquire"), (1, second)];
        let host = Host::new().section("green_threads", "Green Threads", section([chain(10, &frames)]));
        assert!(text(&host).contains(expected), "{}", text(&host));
    };
    check("tokio::time::sleep::Sleep", "\n    the first of several things     10     10 s  [api::serve]\n");
    check("tokio::sync::batch_semaphore::Acquire", "\n    a semaphore in api::serve     10 ");
}

#[test]
fn queues_are_remarked_from_the_threshold_on_that_the_settings_ask_for() {
    let host = |count| threads([stack(count, &on(0x10), &[MUTEX, "api::put"])]);
    assert!(!text(&host(300)).contains("look at"), "the report's own diagnosis tells of it");
    let from = |count| host(3).settings(json!({"threads": count}));
    assert!(text(&from(3)).contains("look at: 3 threads wait for the lock at 0x10"));
    assert!(!text(&from(4)).contains("look at"));
    assert!(text(&host(1).settings(json!({"threads": 1}))).contains("1 thread waits for the lock at 0x10"));
}

#[test]
fn threads_parked_by_parking_lot_have_addresses_of_their_own() {
    let lock = "parking_lot::raw_mutex::RawMutex::lock_slow";
    let text =
        text(&threads([stack(1, &on(0x10), &[lock, "api::put"]), stack(1, &on(0x20), &[lock, "api::put"])]));
    assert!(text.contains("a lock in api::put        2"), "{text}");
}

#[test]
fn tasks_at_two_semaphores_are_two_queues() {
    let frames = [(0, "api::serve"), (1, "db::acquire"), (2, "tokio::sync::batch_semaphore::Acquire")];
    let Block::Trace(mut trace) = chain(2, &frames) else { unreachable!() };
    for (member, address) in trace.members.iter_mut().zip([0x10, 0x20]) {
        let key = "tokio::sync::batch_semaphore::Acquire semaphore";
        member.fields.push(Field::new(key, Value::Address(address)));
    }
    let host = Host::new().section("green_threads", "Green Threads", section([Block::Trace(trace)]));
    let text = text(&host);
    assert!(text.contains("the semaphore at 0x10") && text.contains("the semaphore at 0x20"), "{text}");
}

#[test]
fn idle_pools_are_no_contention() {
    for function in [
        "std::sys::sync::condvar::futex::Condvar::wait",
        "std::thread::park",
        "tokio::runtime::scheduler::multi_thread::park::Parker::park",
        "std::sync::mpmc::list::Channel<T>::recv",
        "epoll_wait",
    ] {
        let host =
            threads([stack(64, &on(0x10), &[function, "pool::worker"])]).settings(json!({"threads": 1}));
        assert!(!text(&host).contains("look at"), "{function}");
    }
}

#[test]
fn waits_are_told_apart_by_the_frames_around_them() {
    let check = |functions: &[&str], expected: &str| {
        let text = text(&threads([stack(1, &[Field::new("state", "asleep")], functions)]));
        assert!(text.contains(&format!("\n    {expected}")), "{functions:?}: {text}");
    };
    check(&["__pthread_mutex_lock", "api::put"], "a lock in api::put");
    check(&["parking_lot::raw_mutex::RawMutex::lock_slow", "api::put"], "a lock in api::put");
    check(&["__libc_recv", "std::net::TcpStream::read", "api::read"], "input or output");
    check(&["read@@GLIBC_2.2.5", "api::read"], "input or output");
    check(&["clock_nanosleep", "std::thread::sleep", "gc::run"], "a time to pass");
    check(&["wait4", "std::process::Child::wait", "build::run"], "another process");
    check(&["__pthread_clockjoin_ex", "main"], "a thread or task to end");
    // The application may call its own functions what it likes.
    check(&["spark::unpark_semaphore"], "something unknown");
    check(&["syscall", "api::put", MUTEX], "something unknown");
}

#[test]
fn states_and_system_calls_tell_where_frames_do_not() {
    let check = |state: &str, call: &str, functions: &[&str], expected: &str| {
        let fields = [Field::new("state", state), Field::new("system_call", call)];
        let text = text(&threads([stack(1, &fields, functions)]));
        assert!(text.contains(&format!("\n    {expected}")), "{state}, {call}: {text}");
    };
    check("running", "", &[MUTEX, "api::put"], "nothing: running");
    check("asleep in the kernel and not interruptible", "", &[], "the kernel, not interruptible");
    check("woken, waits for a worker", "", &["api::put"], "a worker, ready to go on");
    check("asleep", "epoll_wait", &["api::poll_all"], "input or output");
    check("asleep", "clock_nanosleep", &[], "a time to pass");
    check("asleep", "futex", &["api::put"], "something unknown");
}

#[test]
fn place_has_the_end_of_its_file_s_path_and_the_reporter_is_left_out() {
    let file = Some("/build/api/src/queue/put.rs".to_owned());
    let put = Frame { calls: vec![Call { file, line: Some(7), ..Call::of("api::put") }], ..Frame::default() };
    let members = ["signal", "own"].map(|method| Field::new("method", method));
    let members = members.map(|method| Member { id: 1, name: None, fields: vec![method] });
    let text = text(&threads([trace(TraceKind::Stack, members.into(), vec![put])]));
    assert!(
        text.contains("\n    something unknown        1  none     [api::put src/queue/put.rs:7]\n"),
        "{text}"
    );
}

#[test]
fn many_groups_are_cut_with_a_count() {
    let place = |number| stack(1, &[], &[MUTEX, &format!("api::number_{number}")]);
    assert!(text(&threads((0..23).map(place))).ends_with("and 3 smaller groups\n"));
    assert!(text(&threads((0..20).map(place))).ends_with("[api::number_9]\n"));
}

#[test]
fn report_without_traces_and_missing_grant_are_told_apart() {
    assert!(matches!(Host::new().render::<Contention>(), Err(Failure::Unavailable(_))));
    assert!(matches!(threads([]).render::<Contention>(), Err(Failure::Unavailable(_))));
    assert!(matches!(threads([]).deny("report").render::<Contention>(), Err(Failure::Denied(_))));
}
