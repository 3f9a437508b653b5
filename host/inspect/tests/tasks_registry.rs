//! Registered futures: what the list says of them, at every moment of their lives, under any executor.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::marker::PhantomPinned;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use gmr_inspect::tasks::{Inspector, Options, Snapshot, Task, TaskState, Track, Tracked, look, spawn};

fn snapshot() -> Snapshot {
    look(&[], &Options::default())
}

/// The one task of that name. Each test uses names of its own: the tests of this file share a process.
fn find(name: &str) -> Option<Task> {
    let mut found: Vec<Task> =
        snapshot().tasks.into_iter().filter(|task| task.name.as_deref() == Some(name)).collect();
    assert!(found.len() <= 1, "{name} is listed {} times", found.len());
    found.pop()
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_future_is_listed_from_birth_until_it_is_finished() {
    let mut turns = 0;
    let future = poll_fn(move |_| {
        turns += 1;
        if turns < 3 { Poll::Pending } else { Poll::Ready(turns) }
    });
    let line = line!() + 1;
    let mut future = pin!(future.tracked("life"));

    let task = find("life").unwrap();
    assert_eq!((task.state, task.polls, task.idle), (TaskState::NotStarted, Some(0), None));
    let place = task.spawned_at.unwrap();
    assert!(place.file.ends_with("tasks_registry.rs"));
    assert_eq!(place.line, line);
    assert!(task.future.contains("PollFn"));

    for polls in 1..3 {
        assert_eq!(poll(future.as_mut()), Poll::Pending);
        let task = find("life").unwrap();
        assert_eq!((task.state, task.polls), (TaskState::Idle, Some(polls)));
        assert!(task.idle.unwrap() <= task.age.unwrap());
    }

    assert_eq!(poll(future.as_mut()), Poll::Ready(3));
    assert!(find("life").is_none(), "finished, although it is not dropped yet");
}

#[test]
fn a_dropped_future_is_gone_whether_or_not_it_was_polled() {
    drop(pending::<()>().tracked("never polled"));
    assert!(find("never polled").is_none());

    let mut future = Box::pin(pending::<()>().tracked("polled once"));
    assert!(poll(future.as_mut()).is_pending());
    assert!(find("polled once").is_some());
    drop(future);
    assert!(find("polled once").is_none());
}

#[test]
fn a_future_is_running_while_it_is_polled() {
    let mut future = pin!(poll_fn(|_| Poll::Ready(find("runs").unwrap())).tracked("runs"));
    let Poll::Ready(task) = poll(future.as_mut()) else { panic!("it is ready at once") };
    assert_eq!(task.state, TaskState::Running);
    assert_eq!((task.polls, task.idle), (Some(1), None));
    assert!(task.polling.is_some());
    #[cfg(target_os = "linux")]
    assert_eq!(task.running_on, Some(rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()));
}

#[test]
fn time_in_poll_is_counted() {
    // Spun rather than slept: it is what a busy poll does.
    let busy = Duration::from_millis(60);
    let mut future = pin!(
        poll_fn(|_| {
            let began = Instant::now();
            while began.elapsed() < busy {
                std::hint::spin_loop();
            }
            Poll::<()>::Pending
        })
        .tracked("busy")
    );
    assert!(poll(future.as_mut()).is_pending());
    // A tick of 10 ms, the slowest that kernels are built with, may be missing at either end.
    assert!(find("busy").unwrap().poll_time.unwrap() >= busy - Duration::from_millis(20));
}

#[test]
fn a_panic_in_a_poll_ends_the_poll() {
    let mut future = Box::pin(poll_fn(|_| -> Poll<()> { panic!("on purpose") }).tracked("panics"));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| poll(future.as_mut())));
    assert!(caught.is_err());
    assert_eq!(find("panics").unwrap().state, TaskState::Idle);
    drop(future);
    assert!(find("panics").is_none());
}

#[test]
fn long_names_are_cut_between_characters() {
    let _future = pending::<()>().tracked("x".to_owned() + &"ä".repeat(100));
    assert!(find(&("x".to_owned() + &"ä".repeat(35))).is_some());
}

#[test]
fn spawned_tasks_carry_the_number_that_tokio_gave_them() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let inspector = Inspector::new([runtime.handle().clone()]);
    runtime.block_on(async {
        let line = line!() + 1;
        let handle = spawn(pending::<()>());
        tokio::task::yield_now().await;

        let snapshot = inspector.look(&Options::default());
        assert_eq!(snapshot.runtimes.len(), 1);
        assert_eq!(snapshot.runtimes[0].flavor, "current_thread");
        assert_eq!((snapshot.runtimes[0].alive_tasks, snapshot.runtimes[0].workers.len()), (Some(1), 1));
        let id: u64 = handle.id().to_string().parse().unwrap();
        let tasks: Vec<&Task> = snapshot.tasks.iter().filter(|task| task.id == id).collect();
        let [task] = tasks[..] else { panic!("{tasks:?}") };
        assert_eq!(task.spawned_at.as_ref().unwrap().line, line);
        assert_eq!((task.state, task.polls), (TaskState::Idle, Some(1)));

        handle.abort();
        assert!(handle.await.unwrap_err().is_cancelled());
        assert!(inspector.look(&Options::default()).tasks.iter().all(|task| task.id != id));
    });
}

#[test]
fn readers_never_see_two_futures_mixed() {
    // Names tell which future the other words must belong to.
    static STOP: AtomicBool = AtomicBool::new(false);
    let small = std::thread::spawn(|| {
        while !STOP.load(Ordering::Relaxed) {
            let _ = poll(pin!(pending::<u8>().tracked("mixed small")));
        }
    });
    let large = std::thread::spawn(|| {
        while !STOP.load(Ordering::Relaxed) {
            let _ = poll(pin!(poll_fn(|_| Poll::<u64>::Pending).tracked("mixed large")));
        }
    });
    let (mut seen, patience) = (0, Instant::now() + Duration::from_secs(60));
    while seen < 2_000 {
        for task in snapshot().tasks {
            match task.name.as_deref() {
                Some("mixed small") => assert!(task.future.contains("Pending<u8>"), "{task:?}"),
                Some("mixed large") => assert!(task.future.contains("PollFn"), "{task:?}"),
                _ => continue,
            }
            assert!(task.polls <= Some(1), "{task:?}");
            seen += 1;
        }
        assert!(Instant::now() < patience, "seen {seen} only");
    }
    STOP.store(true, Ordering::Relaxed);
    small.join().unwrap();
    large.join().unwrap();
}

#[test]
fn a_tracked_future_crosses_threads_and_moves_where_the_inner_one_does() {
    // Where it must not is shown by the examples of `Tracked` that fail to compile.
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    fn unpin<T: Unpin>() {}
    send::<Tracked<Cell<u8>>>();
    send::<Tracked<PhantomPinned>>();
    sync::<Tracked<PhantomPinned>>();
    unpin::<Tracked<Cell<u8>>>();
}
