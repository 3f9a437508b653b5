//! Tables of scenes: each rule fires where it should, and not in a healthy scene like it. A long file, since all of
//! them are made of the same few pieces, and stand side by side to be compared.

#![expect(clippy::field_reassign_with_default, reason = "a scene is told piece by piece")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gmr_inspect::holds::{
    Circumstances, Hold, Kind, Library, Object, Party, Progress, Role, Sightings, Wait, Want, join,
};
use gmr_inspect::process::{Listening, Usage, Utilization};
use gmr_inspect::tasks::{
    Await, Blocking, Chain, Fact, Particular, Polling, Reason, Rung, Runtime, Snapshot, SourceLine, Task,
    TaskState, Worker,
};
use gmr_inspect::threads::{
    self as seen, Capture, CodeAddress, Frame, Method, Missing, Quality, Resource, Stack, State, Symbol,
    Thread,
};

use super::{Index, Scene, Standing};

/// What a report sees, to be filled.
struct Sight {
    threads: Vec<Thread>,
    snapshot: Snapshot,
    seen: Sightings,
    circumstances: Circumstances,
    stood_still: HashSet<u32>,
    utilization: Utilization,
    standing: Standing,
    began: Instant,
}

impl Default for Sight {
    fn default() -> Sight {
        let began = Instant::now();
        Sight {
            threads: Vec::new(),
            snapshot: Snapshot::default(),
            seen: Sightings::default(),
            circumstances: Circumstances::default(),
            stood_still: HashSet::new(),
            utilization: Utilization::default(),
            standing: Standing::new(began),
            began,
        }
    }
}

impl Sight {
    fn capture(&self) -> Capture {
        let mut threads = self.threads.clone();
        threads.sort_by_key(|thread| thread.id);
        Capture::new(threads)
    }

    /// Takes in what is seen, as a report so many seconds after the start does.
    fn report(&mut self, seconds: u64) {
        let now = self.began + Duration::from_secs(seconds);
        let polling = &self.circumstances.polling;
        let capture = self.capture();
        self.standing.update(&capture, &self.snapshot, polling, &self.utilization.listening, now);
    }

    fn remarks(&self) -> Vec<String> {
        let capture = self.capture();
        let known = super::circumstances(&self.snapshot, &self.circumstances.polling);
        let graph = join([self.seen.clone()], &known);
        let scene = Scene {
            capture: &capture,
            snapshot: &self.snapshot,
            graph: &graph,
            polling: &self.circumstances.polling,
            stood_still: &self.stood_still,
            standing: &self.standing,
            utilization: &self.utilization,
            index: Index::default(),
        };
        super::diagnosis(&scene).section.map(|section| section.remarks).unwrap_or_default()
    }

    #[track_caller]
    fn check(&self, expected: &[&str]) {
        assert_eq!(self.remarks(), expected);
    }

    fn waits(&mut self, by: Party, object: Object, want: Want) -> &mut Wait {
        self.seen.waits.push(Wait::new(by, object, want));
        self.seen.waits.last_mut().unwrap()
    }

    fn holds(&mut self, by: Party, object: Object, role: Role) -> &mut Hold {
        self.seen.holds.push(Hold::new(by, object, role));
        self.seen.holds.last_mut().unwrap()
    }
}

fn at(kind: Kind, address: u64) -> Object {
    Object::new(Library::Tokio, kind, address, 8)
}

/// A thread asleep in a futex, in these functions, innermost first.
fn thread(id: u32, name: &str, functions: &[&str]) -> Thread {
    let frame = |function: &&str| {
        let mut frame = Frame::new(CodeAddress::Return(function.len() as u64));
        frame.symbols = Arc::new([Symbol::new(*function).at("/home/me/shop/src/store.rs", Some(88), None)]);
        frame
    };
    let mut thread = Thread::new(id, name);
    thread.state = State::Sleeping;
    thread.wait = Some(seen::Wait::new(202, Some("futex"), Some(Resource::Futex(0x10))));
    thread.stack = Stack::Captured {
        frames: functions.iter().map(frame).collect(),
        method: Method::Sleeping,
        quality: Quality::Verified,
    };
    thread
}

fn sleeps(mut thread: Thread, seconds: u64) -> Thread {
    let time = Some(Resource::Time(Duration::from_secs(seconds)));
    thread.wait = Some(seen::Wait::new(230, Some("clock_nanosleep"), time));
    thread
}

fn runs(mut thread: Thread) -> Thread {
    (thread.state, thread.wait) = (State::Running, None);
    thread
}

/// A task that waits in these futures, outermost first; those of the application at a line.
fn task(id: u64, futures: &[&str]) -> Task {
    let step = |(depth, future): (usize, &&str)| {
        let mut step = Await::new(depth as u16, *future);
        step.location = future.starts_with("shop").then(|| SourceLine::new("/home/me/shop/src/bank.rs", 42));
        step
    };
    let mut task = Task::new(id, futures[0], TaskState::Idle);
    task.runtime = Some(0);
    task.chain = Chain::Known(futures.iter().enumerate().map(step).collect());
    task
}

const LOCK: [&str; 3] =
    ["shop::transfer", "tokio::sync::mutex::Mutex<T>::lock", "tokio::sync::batch_semaphore::Acquire"];

#[test]
fn tasks_that_wait_for_each_other() {
    let mut sight = Sight::default();
    sight.snapshot.tasks = vec![task(17, &LOCK), task(18, &LOCK)];
    let (one, other) = (at(Kind::Mutex, 0x100), at(Kind::Mutex, 0x200));
    sight.waits(Party::Task(17), other, Want::Exclusive).at = Some(2);
    sight.waits(Party::Task(18), one, Want::Exclusive).at = Some(2);
    for (id, object) in [(17, one), (18, other)] {
        let hold = sight.holds(Party::Task(id), object, Role::Exclusive);
        (hold.variable, hold.function) = (Some("from".into()), Some("shop::transfer".into()));
    }
    sight.check(&["\
deadlock: tasks 17 and 18 wait for each other
task 17 shop::transfer (shop/src/bank.rs:42) waits for a tokio Mutex that task 18 holds (`from`)
task 18 shop::transfer (shop/src/bank.rs:42) waits for a tokio Mutex that task 17 holds (`from`)"]);
    // Its twin: one of them waits for nobody.
    sight.seen.waits.pop();
    sight.check(&[]);
}

#[test]
fn a_thread_that_waits_for_itself_and_a_ring_that_is_not_sure() {
    let lock = Object::new(Library::Std, Kind::Mutex, 0x100, 4);
    let mut sight = Sight::default();
    sight.threads =
        vec![thread(12, "a", &["syscall", "std::sys::sync::mutex::futex::Mutex::lock", "shop::pay"])];
    sight.waits(Party::Thread(12), lock, Want::Exclusive).timed = true;
    sight.holds(Party::Thread(12), lock, Role::Exclusive).certainty = gmr_inspect::holds::Certainty::Probable;
    sight.check(&["\
probably a deadlock: thread 12 \"a\" waits for what it holds itself, until one gives up
thread 12 \"a\" shop::pay (shop/src/store.rs:88) waits for a Mutex that it probably holds"]);
    // One of two that may have it is no deadlock.
    sight.holds(Party::Thread(13), lock, Role::Exclusive).certainty = gmr_inspect::holds::Certainty::Probable;
    sight.check(&[]);
}

#[test]
fn a_sleeping_holder_and_those_who_wait_for_it() {
    let lock = Object::new(Library::ParkingLot, Kind::Mutex, 0x100, 1);
    let mut sight = Sight::default();
    sight.threads =
        vec![sleeps(thread(11, "writer", &["clock_nanosleep", "std::thread::sleep", "shop::flush"]), 60)];
    sight.threads.extend(
        (12..15).map(|id| thread(id, "w", &["syscall", "parking_lot::RawMutex::lock_slow", "shop::get"])),
    );
    for id in 12..15 {
        sight.waits(Party::Thread(id), lock, Want::Exclusive);
    }
    sight.holds(Party::Thread(11), lock, Role::Exclusive);
    let expected = "\
3 threads wait for a Mutex in shop::get (shop/src/store.rs:88)
thread 11 \"writer\" holds it; it sleeps 1m 0s in shop::flush (shop/src/store.rs:88)";
    sight.check(&[expected]);
    // One waiter is enough if the holder will not be done soon, and is not if it works.
    sight.seen.waits.truncate(1);
    assert_eq!(sight.remarks().len(), 1);
    sight.threads[0] = runs(sight.threads[0].clone());
    sight.check(&[]);
}

#[test]
fn of_hundreds_of_queues_the_heaviest_are_told_and_the_others_counted() {
    let mut sight = Sight::default();
    sight.threads = vec![sleeps(thread(1, "writer", &["clock_nanosleep", "shop::flush"]), 60)];
    for number in 0..300 {
        let lock = Object::new(Library::Std, Kind::Mutex, 0x100 * (number + 1), 4);
        sight.holds(Party::Thread(1), lock, Role::Exclusive);
        // For the last one three wait, for each other one a single thread.
        for id in 0..if number == 299 { 3 } else { 1 } {
            sight.waits(Party::Thread(1000 * (id + 1) + number as u32), lock, Want::Exclusive);
        }
    }
    let remarks = sight.remarks();
    assert_eq!(remarks.len(), 101);
    assert!(remarks[0].starts_with("3 threads wait for a Mutex"), "{}", remarks[0]);
    assert_eq!(remarks[100], "200 more things are waited for in these ways");
}

#[test]
fn a_lock_of_which_nobody_knows_who_has_it() {
    let lock = Object::new(Library::Std, Kind::Mutex, 0x100, 4);
    let mut sight = Sight::default();
    sight.threads = (1..5).map(|id| thread(id, "w", &["syscall", "shop::get"])).collect();
    sight.waits(Party::Thread(1), lock, Want::Exclusive);
    sight.waits(Party::Thread(2), lock, Want::Exclusive);
    sight.check(&["\
2 threads wait for a Mutex in shop::get (shop/src/store.rs:88)
nobody was found to hold it (leaked, static, in a map or behind an Arc)"]);
    for id in 3..5 {
        sight.holds(Party::Thread(id), lock, Role::Exclusive).certainty =
            gmr_inspect::holds::Certainty::Probable;
    }
    sight.check(&["\
2 threads wait for a Mutex in shop::get (shop/src/store.rs:88)
thread 3 \"w\" or thread 4 \"w\" has it"]);
}

#[test]
fn a_thread_that_has_waited_for_long() {
    let mut sight = Sight::default();
    let mut waiter = thread(1, "w", &["syscall", "shop::get"]);
    waiter.cpu_time = Some(Duration::from_millis(7));
    sight.threads = vec![waiter];
    sight.waits(Party::Thread(1), Object::new(Library::Std, Kind::Mutex, 0x100, 4), Want::Exclusive);
    sight.report(1);
    sight.report(5);
    sight.check(&[]);
    sight.report(13);
    sight.check(&["\
thread 1 \"w\" waits for a Mutex in shop::get (shop/src/store.rs:88), for at least 12 s
nobody was found to hold it (leaked, static, in a map or behind an Arc)"]);
}

#[test]
fn a_pool_that_many_wait_for() {
    let pool = at(Kind::Semaphore, 0x100);
    let waiting = [
        "shop::serve",
        "shop::Pool::checkout",
        "tokio::sync::semaphore::Semaphore::acquire",
        "tokio::sync::batch_semaphore::Acquire",
    ];
    let pool_of = |waiters: u64| {
        let mut sight = Sight::default();
        sight.snapshot.tasks = (1..3)
            .map(|id| task(id, &["shop::serve", "shop::run_statement", "core::future::Pending"]))
            .collect();
        for id in 1..3 {
            sight.holds(Party::Task(id), pool, Role::Permits(1));
        }
        for id in 3..3 + waiters {
            sight.snapshot.tasks.push(task(id, &waiting));
            let wait = sight.waits(Party::Task(id), pool, Want::Permits(1));
            (wait.at, wait.permits) = (Some(3), Some(0));
        }
        sight
    };
    pool_of(30).check(&["\
30 tasks wait for a permit of a Semaphore in shop::Pool::checkout (shop/src/bank.rs:42)
none is free, and 2 are with tasks 1 and 2, which stand in shop::run_statement (shop/src/bank.rs:42)"]);
    let mut in_question = pool_of(30);
    for hold in &mut in_question.seen.holds {
        hold.certainty = gmr_inspect::holds::Certainty::Probable;
    }
    in_question.check(&["\
30 tasks wait for a permit of a Semaphore in shop::Pool::checkout (shop/src/bank.rs:42)
none is free, and up to 2 are with tasks 1 and 2, which stand in shop::run_statement (shop/src/bank.rs:42)"]);
    // A few wait now and then.
    pool_of(3).check(&[]);
    let mut later = pool_of(3);
    later.report(5);
    later.report(17);
    assert_eq!(later.remarks().len(), 1, "but not for ten seconds");
}

#[test]
fn idle_receivers_and_workers_of_pools_are_how_a_program_works() {
    let mut sight = Sight::default();
    for id in 1..40 {
        sight.snapshot.tasks.push(task(id, &["shop::worker", "tokio::sync::mpsc::Receiver<T>::recv"]));
        sight.waits(Party::Task(id), at(Kind::Channel, 0x100 * id), Want::Receive);
        sight.waits(Party::Task(id), at(Kind::Notify, 0x10_0000), Want::End);
    }
    for id in 1..40 {
        sight.threads.push(thread(
            id,
            "pool",
            &["syscall", "std::sync::condvar::Condvar::wait", "shop::idle"],
        ));
        sight.waits(Party::Thread(id), Object::new(Library::Std, Kind::Condvar, 0x50, 4), Want::End);
    }
    // `main` joins a server's thread, and one producer waits for its consumer.
    sight.waits(Party::Thread(1), Object::new(Library::Std, Kind::ThreadEnd, 2, 1), Want::End);
    sight.waits(Party::Task(50), at(Kind::Channel, 0x9000), Want::Send);
    sight.holds(Party::Task(51), at(Kind::Channel, 0x9000), Role::Receiver);
    sight.check(&[]);
    sight.report(1);
    sight.report(100);
    sight.check(&[]);
}

#[test]
fn a_full_channel() {
    let channel = at(Kind::Channel, 0x100);
    let mut sight = Sight::default();
    sight.snapshot.tasks = vec![task(1, &["shop::consume", "core::future::Pending"])];
    sight.holds(Party::Task(1), channel, Role::Receiver);
    for id in 2..52 {
        sight.snapshot.tasks.push(task(id, &["shop::produce", "tokio::sync::mpsc::Sender<T>::send"]));
        sight.waits(Party::Task(id), channel, Want::Send);
    }
    sight.check(&["\
50 tasks wait for room in a channel in shop::produce (shop/src/bank.rs:42)
task 1 receives from it; it waits in shop::consume (shop/src/bank.rs:42)"]);
}

#[test]
fn a_permit_that_nobody_uses() {
    let lock = at(Kind::Mutex, 0x100);
    let mut sight = Sight::default();
    sight.snapshot.tasks = (1..4).map(|id| task(id, &LOCK)).collect();
    for id in 2..4 {
        sight.waits(Party::Task(id), lock, Want::Exclusive);
    }
    let given = sight.waits(Party::Task(1), lock, Want::Exclusive);
    (given.progress, given.awaited) = (Progress::Granted, false);
    let remarks = sight.remarks();
    assert!(remarks[0].ends_with("it was given to a future of task 1 that is not polled: as long as it is neither polled nor dropped, nobody else gets it"), "{remarks:?}");
}

#[test]
fn an_initialiser_that_hangs() {
    let once = Object::new(Library::Std, Kind::Once, 0x100, 4);
    let mut sight = Sight::default();
    let init = [
        "clock_nanosleep",
        "std::thread::sleep",
        "shop::config::load",
        "shop::CONFIG::{closure#0}",
        "std::sys::sync::once::futex::Once::call",
        "shop::get",
    ];
    sight.threads = vec![sleeps(thread(9, "first", &init), 3600)];
    for id in 10..15 {
        sight.threads.push(thread(
            id,
            "w",
            &["syscall", "std::sys::sync::once::futex::Once::wait", "shop::get"],
        ));
        sight.waits(Party::Thread(id), once, Want::End);
    }
    sight.holds(Party::Thread(9), once, Role::Runs).certainty = gmr_inspect::holds::Certainty::Probable;
    sight.check(&["\
5 threads wait for the initialiser shop::CONFIG::{closure} in shop::get (shop/src/store.rs:88)
thread 9 \"first\" probably runs it; it sleeps 1h 0m in shop::config::load (shop/src/store.rs:88)"]);
    sight.threads[0] = runs(sight.threads[0].clone());
    sight.check(&[]);
}

/// A runtime of two workers, threads 40 and 41, of which these poll these tasks.
fn workers(polling: &[(u32, u64)], threads: Vec<Thread>) -> Sight {
    let mut sight = Sight::default();
    let mut runtime = Runtime::new(1, "multi_thread");
    runtime.workers = [40, 41]
        .map(|id| {
            let mut worker = Worker::default();
            (worker.thread, worker.busy, worker.parks) = (Some(id), Some(Duration::from_millis(1)), Some(3));
            worker
        })
        .into();
    sight.snapshot.runtimes = vec![runtime];
    sight.snapshot.tasks = (1..8).map(|id| task(id, &["shop::serve"])).collect();
    for at in &mut sight.snapshot.tasks[4..] {
        at.state = TaskState::Scheduled;
    }
    sight.circumstances.polling = polling.iter().map(|(thread, task)| Polling::new(*thread, *task)).collect();
    sight.stood_still =
        threads.iter().filter(|thread| thread.state == State::Sleeping).map(|thread| thread.id).collect();
    sight.threads = threads;
    sight
}

/// A worker is a job of the pool for what blocks.
const IN_POLL: [&str; 5] = [
    "clock_nanosleep",
    "shop::client_call",
    "tokio::runtime::task::raw::poll",
    "tokio::runtime::scheduler::multi_thread::worker::Context::run_task",
    "tokio::runtime::task::raw::poll",
];

#[test]
fn a_worker_that_sleeps_in_a_poll() {
    let blocked = sleeps(thread(41, "tokio-runtime-w", &IN_POLL), 100);
    let idle = thread(
        40,
        "tokio-runtime-w",
        &[
            "epoll_wait",
            "tokio::runtime::scheduler::multi_thread::worker::Context::park",
            "tokio::runtime::task::raw::poll",
        ],
    );
    let sight = workers(&[(41, 2)], vec![idle.clone(), blocked.clone()]);
    sight.check(&["worker 1 of 2 does not poll: task 2 sleeps 1m 40s in shop::client_call (shop/src/store.rs:88); 3 tasks wait for a worker (thread 41)"]);
    let mut moved_on = workers(&[(41, 2)], vec![idle.clone(), blocked.clone()]);
    moved_on.stood_still.clear();
    moved_on.check(&[]);
    // Without types it is not known which task that is.
    let untold = workers(&[], vec![idle.clone(), blocked]).remarks();
    assert!(untold[0].starts_with("worker 1 of 2 does not poll: a task sleeps 1m 40s in shop"), "{untold:?}");
    // Its own job is no task of the runtime's.
    workers(&[(40, 100)], vec![idle]).check(&[]);
    let allowed = thread(
        41,
        "tokio-runtime-w",
        &["clock_nanosleep", "shop::io", "tokio::task::blocking::block_in_place"],
    );
    workers(&[(41, 2)], vec![allowed]).check(&[]);
}

/// A worker is a job of the blocking pool, so that its stack has a poll and it has the id of that job's task.
#[test]
fn workers_that_wait_for_work_are_in_no_poll() {
    let parked = |id| {
        let functions = [
            "syscall",
            "tokio::runtime::scheduler::multi_thread::worker::Context::park_internal",
            "tokio::runtime::scheduler::multi_thread::worker::run",
            "tokio::runtime::task::raw::poll",
            "tokio::runtime::blocking::pool::Inner::run",
        ];
        sleeps(thread(id, "tokio-runtime-w", &functions), 100)
    };
    workers(&[(40, 90), (41, 91)], vec![parked(40), parked(41)]).check(&[]);
    // As compilers since 1.97 mangle names: with all arguments, among which is what a worker is made of.
    let parked = |id| {
        let functions = [
            "syscall",
            "<tokio::runtime::scheduler::multi_thread::worker::Context>::park_internal",
            "tokio::runtime::scheduler::multi_thread::worker::run",
            "<tokio::runtime::task::core::Core<tokio::runtime::blocking::task::BlockingTask<<\
             tokio::runtime::scheduler::multi_thread::worker::Launch>::launch::{closure#0}>, \
             tokio::runtime::blocking::schedule::BlockingSchedule>>::poll",
            "<tokio::runtime::blocking::pool::Inner>::run",
        ];
        sleeps(thread(id, "tokio-runtime-w", &functions), 100)
    };
    workers(&[(40, 90), (41, 91)], vec![parked(40), parked(41)]).check(&[]);
}

#[test]
fn all_workers_at_once() {
    let blocked = |id| sleeps(thread(id, "tokio-runtime-w", &IN_POLL), 100);
    workers(&[(40, 1), (41, 2)], vec![blocked(40), blocked(41)]).check(&["\
none of the 2 workers of runtime 1 polls; 3 tasks wait for a worker
worker 0: task 1 sleeps 1m 40s in shop::client_call (shop/src/store.rs:88)
worker 1: task 2 sleeps 1m 40s in shop::client_call (shop/src/store.rs:88)"]);
}

#[test]
fn a_worker_that_computes() {
    let busy = |seconds| {
        let mut thread =
            runs(thread(41, "tokio-runtime-w", &["shop::spin", "tokio::runtime::task::raw::poll"]));
        thread.cpu_user = Duration::from_secs(seconds);
        workers(&[(41, 2)], vec![thread])
    };
    let remarks = busy(25).remarks();
    assert!(remarks[0].starts_with("worker 1 of 2 does not poll: task 2 has run in shop::spin (shop/src/store.rs:88) for at least 24."), "{remarks:?}");
    busy(0).check(&[]);
    // As many seconds that tokio has counted are many polls.
    let mut counted = busy(25);
    counted.snapshot.runtimes[0].workers[1].busy = Some(Duration::from_millis(24_900));
    counted.check(&[]);
    // At the same task since the report before, without having parked.
    counted.report(3);
    counted.report(6);
    assert_eq!(counted.remarks().len(), 1);
    counted.snapshot.runtimes[0].workers[1].parks = Some(4);
    counted.report(9);
    counted.check(&[]);
}

#[test]
fn a_blocking_pool_without_a_free_thread() {
    let busy = [
        "clock_nanosleep",
        "shop::resize",
        "tokio::runtime::task::raw::poll",
        "<tokio::runtime::blocking::pool::Inner>::run",
    ];
    let idle = [
        "syscall",
        "std::sync::condvar::Condvar::wait_timeout",
        "<tokio::runtime::blocking::pool::Inner>::run",
    ];
    let pool = |count| {
        let mut sight = Sight::default();
        sight.threads = (1..=count).map(|id| thread(id, "tokio-runtime-w", &busy)).collect();
        for id in 1..=3 {
            sight.waits(Party::Task(id), Object::new(Library::Tokio, Kind::TaskEnd, 100 + id, 1), Want::End);
        }
        sight
    };
    pool(512).check(&["the blocking pool is exhausted: all of its 512 threads are busy, in shop::resize (shop/src/store.rs:88); 3 more of what spawn_blocking was given wait for one"]);
    assert!(pool(511).remarks()[0].contains("is probably exhausted"), "what nobody has begun waits");
    let mut growing = pool(511);
    growing.seen.waits.clear();
    growing.check(&[]);
    let mut with_idle = pool(512);
    with_idle.threads.push(thread(600, "tokio-runtime-w", &idle));
    with_idle.check(&[]);
    let mut small = pool(4);
    let mut runtime = Runtime::new(1, "multi_thread");
    let mut blocking = Blocking::default();
    (blocking.threads, blocking.queue_depth) = (4, 88);
    runtime.blocking = Some(blocking);
    small.snapshot.runtimes = vec![runtime];
    assert!(small.remarks()[0].contains("all of its 4 threads are busy"), "{:?}", small.remarks());
}

#[test]
fn what_is_nearly_used_up() {
    let mut sight = Sight::default();
    sight.utilization.descriptors = Some(Usage::new(899, 1000));
    sight.utilization.control_group = Some(Usage::new(1 << 29, 1 << 30));
    sight.check(&[]);
    sight.utilization.descriptors = Some(Usage::new(900, 1000));
    sight.utilization.control_group = Some(Usage::new(1 << 30, 1 << 30));
    sight.check(&[
        "1.0 GiB of 1.0 GiB of its control group's memory is in use: the kernel ends the process at the limit",
        "900 of 1000 descriptors are open",
    ]);
}

#[test]
fn connections_that_are_not_accepted() {
    let with = |not_accepted| {
        let mut socket = Listening::new(7, "127.0.0.1:8080", 128);
        socket.not_accepted = not_accepted;
        let mut sight = Sight::default();
        sight.utilization.listening = vec![socket];
        sight
    };
    with(127).check(&[]);
    with(128).check(&["128 connections to 127.0.0.1:8080 are not accepted, which is the most that may wait"]);
    let mut grows = with(5);
    grows.report(1);
    grows.utilization.listening[0].not_accepted = 9;
    grows.report(10);
    grows.check(&["9 connections to 127.0.0.1:8080 are not accepted, 5 at the report before"]);
    let mut at_limit = with(1);
    let wait =
        at_limit.waits(Party::BlockOn(std::process::id()), at(Kind::Semaphore, 0x100), Want::Permits(1));
    wait.permits = Some(0);
    at_limit.holds(Party::Task(1), at(Kind::Semaphore, 0x100), Role::Permits(1));
    at_limit.holds(Party::Task(2), at(Kind::Semaphore, 0x100), Role::Permits(1));
    at_limit.check(&[&format!(
        "1 connection to 127.0.0.1:8080 is not accepted\nmain's future (thread {}) waits for a permit meanwhile\n\
         none is free, and 2 are with tasks 1 and 2",
        std::process::id()
    )]);
}

#[test]
fn a_task_that_nobody_will_wake() {
    let mut sight = Sight::default();
    sight.snapshot.tasks = vec![task(7, &["shop::answer", "tokio::sync::mpsc::Receiver<T>::recv"])];
    let wait = sight.waits(Party::Task(7), at(Kind::Channel, 0x100), Want::Receive);
    (wait.progress, wait.at) = (Progress::NoWaker, Some(1));
    sight.check(&["task 7 waits for a message of a channel in shop::answer (shop/src/bank.rs:42), and nobody will wake it: it has left no waker"]);
    sight.snapshot.tasks[0].state = TaskState::Scheduled;
    sight.check(&[]);
    sight.snapshot.tasks[0].state = TaskState::Idle;
    sight.seen.waits[0].progress = Progress::Queued(None);
    sight.check(&[]);
}

#[test]
fn requests_whose_body_never_comes() {
    let handler = "axum::handler::{impl#6}::call::{async_block#0}";
    let waits = [
        "hyper::server::Dispatcher",
        handler,
        "axum_core::ext_traits::from_request",
        "http_body_util::Collect",
    ];
    let of = |count: u64| {
        let mut sight = Sight::default();
        sight.snapshot.tasks = (1..=count).map(|id| task(id, &waits)).collect();
        sight
    };
    of(30).check(&[
        "30 requests wait for the rest of their body in axum::handler::{impl#6}::call::{async_block#0}",
    ]);
    of(9).check(&[]);
    let mut named = of(30);
    for task in &mut named.snapshot.tasks {
        let functions = ["tower::map::{closure#0}", "shop::set_key"];
        let Chain::Known(chain) = &task.chain else { unreachable!("it was made so") };
        let mut chain = chain.to_vec();
        chain[1].facts.extend(functions.map(|name| Fact::MadeFor(name.into())));
        task.chain = Chain::Known(chain.into());
    }
    named.check(&["30 requests wait for the rest of their body in shop::set_key"]);
    // Those of another handler say nothing of this one's.
    named.snapshot.tasks.push(task(31, &[handler, "shop::get_key"]));
    named.check(&["30 requests wait for the rest of their body in shop::set_key"]);
    named.snapshot.tasks.push(task(32, &[handler, "shop::set_key"]));
    named.check(&[]);
    // Another one is answered meanwhile, so that it is only much to do.
    let mut busy = of(30);
    busy.snapshot.tasks.push(task(31, &[handler, "shop::set_key"]));
    busy.check(&[]);
    let mut idle = Sight::default();
    idle.snapshot.tasks = (1..=30).map(|id| task(id, &["hyper::server::Dispatcher"])).collect();
    idle.check(&[]);
}

#[test]
fn what_was_not_seen_stands_in_one_line() {
    let mut sight = Sight::default();
    let mut without = thread(1, "spinner", &[]);
    without.stack = Stack::Missing(Missing::SignalBlocked);
    let mut own = without.clone();
    own.name = "gmr-index".to_owned();
    sight.threads = vec![own];
    sight.snapshot.rung = Rung::Registered(Reason::TaskNotDescribed);
    sight.check(&[]);
    without.id = 2;
    sight.threads.push(without);
    sight.snapshot.rung = Rung::Registered(Reason::StillReading);
    sight.snapshot.not_reached = 21;
    let remarks = sight.remarks();
    assert_eq!(remarks.len(), 1);
    assert!(
        remarks[0]
            .starts_with("not seen: 1 thread has no stack; its reason stands with it; tasks that are not"),
        "{remarks:?}"
    );
    assert!(remarks[0].ends_with("; 21 tasks were not reached in time"), "{remarks:?}");
}

#[test]
fn the_likeliest_cause_stands_first() {
    let mut sight = Sight::default();
    sight.utilization.descriptors = Some(Usage::new(950, 1000));
    sight.snapshot.not_reached = 1;
    let lock = Object::new(Library::Std, Kind::Mutex, 0x100, 4);
    sight.waits(Party::Thread(1), lock, Want::Exclusive);
    sight.holds(Party::Thread(1), lock, Role::Exclusive);
    let starts: Vec<String> = sight.remarks().iter().map(|remark| remark.chars().take(8).collect()).collect();
    assert_eq!(starts, ["deadlock", "950 of 1", "not seen"]);
}

#[test]
fn a_task_that_sleeps_with_a_lock() {
    let lock = at(Kind::Mutex, 0x100);
    let mut sight = Sight::default();
    let mut holder = task(1, &["shop::report", "tokio::time::sleep::Sleep"]);
    holder.particulars = vec![Particular::new(1, Fact::FiresIn(Duration::from_secs(252)))];
    sight.snapshot.tasks = vec![holder, task(2, &LOCK)];
    sight.waits(Party::Task(2), lock, Want::Exclusive);
    sight.holds(Party::Task(1), lock, Role::Exclusive);
    sight.check(&["\
task 2 waits for a Mutex in shop::transfer (shop/src/bank.rs:42)
task 1 holds it; it sleeps in shop::report (shop/src/bank.rs:42), 4m 12s more"]);
}
