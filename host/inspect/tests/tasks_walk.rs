//! Tasks found by the walk, in the situations that a service gets into.

#![cfg(target_os = "linux")]

use std::future::pending;
use std::sync::mpsc;
use std::time::Duration;

use gmr_inspect::tasks::{
    Await, Chain, Fact, Inspector, Options, Rung, Snapshot, Task, TaskState, Track, spawn,
};
use gmr_test_support::wait_for;
use tokio::runtime::{Builder, Runtime};

fn options() -> Options {
    Options::default().with_deadline(Duration::from_secs(60))
}

fn look(inspector: &Inspector) -> Snapshot {
    let snapshot = inspector.look(&options());
    assert_eq!(snapshot.rung, Rung::DebugInformation);
    snapshot
}

/// Looks until `settled` is content.
fn until(inspector: &Inspector, settled: impl Fn(&Snapshot) -> bool) -> Snapshot {
    wait_for(|| {
        let snapshot = look(inspector);
        if settled(&snapshot) { Ok(snapshot) } else { Err(format!("{snapshot:#?}")) }
    })
}

fn workers(count: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(count).enable_all().build().unwrap()
}

fn named<'a>(snapshot: &'a Snapshot, name: &str) -> Vec<&'a Task> {
    snapshot.tasks.iter().filter(|task| task.name.as_deref() == Some(name)).collect()
}

fn chain(task: &Task) -> &[Await] {
    match &task.chain {
        Chain::Known(chain) => chain,
        other => panic!("{other:?} of {task:?}"),
    }
}

/// The names that parts of the task were registered with, with the awaits that they are.
fn names_inside(task: &Task) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    for own in &task.particulars {
        let Fact::Name(name) = &own.fact else { panic!("{own:?} of {task:?}") };
        names.push((own.step, &**name));
    }
    names
}

fn functions(chain: &[Await]) -> Vec<&str> {
    chain.iter().map(|step| step.future.rsplit("::").next().unwrap_or_default()).collect()
}

async fn leaf() {
    pending::<()>().await;
}

async fn outer() {
    leaf().await;
}

#[test]
fn a_registered_task_that_the_walk_finds_is_one_task() {
    let runtime = workers(1);
    let inspector = Inspector::new([runtime.handle().clone()]);
    let _inside = runtime.enter();
    let line = line!() + 1;
    let handle = spawn(outer().tracked("one task"));
    let id: u64 = handle.id().to_string().parse().unwrap();
    let snapshot = until(&inspector, |snapshot| {
        snapshot.tasks.iter().any(|task| task.id == id && task.state == TaskState::Idle)
    });

    let same: Vec<&Task> = snapshot.tasks.iter().filter(|task| task.id == id).collect();
    let [task] = same[..] else { panic!("{same:#?}") };
    assert_eq!(functions(chain(task)), ["outer", "leaf", "Pending"]);
    assert_eq!(task.future.rsplit("::").next(), Some("outer"));
    assert_eq!(task.runtime, Some(0));
    assert_eq!(task.polls, Some(1));
    assert_eq!(task.spawned_at.as_ref().unwrap().line, line);
    // `spawn` registers without a name; the name is that of the future inside.
    assert_eq!(task.name, None);
    assert_eq!(names_inside(task), [(0, "one task")]);
    assert!(named(&snapshot, "one task").is_empty());
}

#[test]
fn a_registered_part_of_a_task_names_its_await() {
    let runtime = workers(1);
    let inspector = Inspector::new([runtime.handle().clone()]);
    runtime.spawn(async { leaf().tracked("the part").await }.tracked("the whole"));
    let snapshot = until(&inspector, |snapshot| {
        named(snapshot, "the whole").iter().any(|task| task.state == TaskState::Idle)
    });
    let whole = named(&snapshot, "the whole");
    let [whole] = whole[..] else { panic!("{whole:#?}") };
    let [(step, "the part")] = names_inside(whole)[..] else { panic!("{whole:#?}") };
    assert!(chain(whole)[step].future.ends_with("leaf"));
    assert!(named(&snapshot, "the part").is_empty(), "it is not a task of its own");
}

#[test]
fn futures_that_no_runtime_lists_are_read_if_they_are_registered() {
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let (tell, told) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        tell.send(runtime.handle().clone()).unwrap();
        let local = tokio::task::LocalSet::new();
        local.spawn_local(outer().tracked("in a local set"));
        local.block_on(&runtime, async { finished.await.unwrap() }.tracked("the main future"));
    });
    let inspector = Inspector::new([told.recv().unwrap()]);
    let both = ["in a local set", "the main future"];
    let snapshot = until(&inspector, |snapshot| {
        // A look that meets them in their first poll finds them idle afterwards, and unread.
        let is_read = |task: &&Task| task.state == TaskState::Idle && matches!(task.chain, Chain::Known(_));
        both.into_iter().all(|name| named(snapshot, name).iter().any(is_read))
    });
    assert_eq!(snapshot.runtimes[0].flavor, "current_thread");
    let [local, main] = both.map(|name| named(&snapshot, name)[0].clone());
    assert_eq!(functions(chain(&local)), ["outer", "leaf", "Pending"]);
    assert_eq!(functions(chain(&main))[1..], ["Receiver"]);
    assert_eq!((local.runtime, main.runtime), (None, None));
    finish.send(()).unwrap();
    thread.join().unwrap();
    assert!(named(&look(&inspector), "the main future").is_empty());
}

#[test]
fn each_of_several_runtimes_has_its_own_tasks() {
    let runtimes = [workers(2), workers(1)];
    let mut expected = Vec::new();
    for (number, runtime) in runtimes.iter().enumerate() {
        for _ in 0..=number {
            let handle = runtime.spawn(outer());
            expected.push((handle.id().to_string().parse::<u64>().unwrap(), Some(number)));
        }
    }
    // Each named twice, and there once.
    let named = runtimes.iter().chain(&runtimes);
    let inspector = Inspector::new(named.map(|runtime| runtime.handle().clone()));
    let of_ours = |snapshot: &Snapshot| -> Vec<(u64, Option<usize>)> {
        let ours = snapshot.tasks.iter().filter(|task| expected.iter().any(|(id, _)| *id == task.id));
        ours.map(|task| (task.id, task.runtime)).collect()
    };
    let snapshot = look(&inspector);
    assert_eq!(of_ours(&snapshot), expected);
    assert_eq!(
        snapshot.runtimes.iter().map(|runtime| runtime.alive_tasks).collect::<Vec<_>>(),
        [Some(1), Some(2)]
    );
    let tokios: Vec<String> = runtimes.iter().map(|runtime| runtime.handle().id().to_string()).collect();
    assert_eq!(snapshot.runtimes.iter().map(|runtime| runtime.id.to_string()).collect::<Vec<_>>(), tokios);
}

#[test]
fn a_task_that_was_never_polled_says_so() {
    // Nobody drives this runtime.
    let runtime = Builder::new_current_thread().build().unwrap();
    let id: u64 = runtime.spawn(outer()).id().to_string().parse().unwrap();
    let snapshot = look(&Inspector::new([runtime.handle().clone()]));
    let task = snapshot.tasks.iter().find(|task| task.id == id).unwrap();
    assert_eq!(task.state, TaskState::NotStarted);
    assert_eq!(functions(chain(task)), ["outer"]);
}

#[test]
fn blocked_workers_hide_nothing() {
    let runtime = workers(2);
    let inspector = Inspector::new([runtime.handle().clone()]);
    let idle: u64 = runtime.spawn(outer()).id().to_string().parse().unwrap();
    until(&inspector, |snapshot| {
        snapshot.tasks.iter().any(|task| task.id == idle && task.state == TaskState::Idle)
    });
    let mut release = Vec::new();
    for _ in 0..2 {
        let (go, wait) = mpsc::channel::<()>();
        release.push(go);
        runtime.spawn(async move { wait.recv() }.tracked("blocked"));
    }
    let blocked = |snapshot: &Snapshot| {
        named(snapshot, "blocked").iter().filter(|task| task.state == TaskState::Running).count() == 2
    };
    let snapshot = until(&inspector, blocked);
    let task = snapshot.tasks.iter().find(|task| task.id == idle).unwrap();
    assert_eq!(functions(chain(task)), ["outer", "leaf", "Pending"]);
    for task in named(&snapshot, "blocked") {
        assert!(matches!(task.chain, Chain::Passed(_)), "{task:?}");
        assert!(task.running_on.is_some() && task.polling.is_some());
    }
}

/// The kernel's id of the calling thread.
fn own_thread() -> u32 {
    let link = std::fs::read_link("/proc/thread-self").unwrap();
    link.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

#[test]
fn a_running_task_is_on_the_thread_that_polls_it_and_nowhere_afterwards() {
    let multi = workers(2);
    let single = Builder::new_current_thread().build().unwrap();
    let inspector = Inspector::new([multi.handle().clone(), single.handle().clone()]);
    inspector.prepare();
    assert_eq!(inspector.prepared(Duration::from_secs(60)), Ok(()));

    // On a worker, on a thread that became a blocking one, in the blocking pool, and on a runtime of one thread.
    let (tell, told) = mpsc::channel();
    let mut release = Vec::new();
    let mut stand = || {
        let (go, wait) = mpsc::channel::<()>();
        release.push(go);
        let tell = tell.clone();
        move || {
            tell.send((own_thread(), tokio::task::id().to_string().parse::<u64>().unwrap())).unwrap();
            let _ = wait.recv();
        }
    };
    let (plain, in_place, blocking, alone) = (stand(), stand(), stand(), stand());
    let handles = [
        multi.spawn(async move { plain() }),
        multi.spawn(async move { tokio::task::block_in_place(in_place) }),
        multi.spawn_blocking(blocking),
    ];
    let ids: Vec<u64> = handles.iter().map(|handle| handle.id().to_string().parse().unwrap()).collect();
    let driven = single.spawn(async move { alone() });
    let alone_id: u64 = driven.id().to_string().parse().unwrap();
    let driver = std::thread::spawn(move || single.block_on(driven).unwrap());
    let stand: Vec<(u32, u64)> = (0..4).map(|_| told.recv().unwrap()).collect();
    let polling: Vec<(u32, u64)> =
        inspector.polling().iter().map(|polling| (polling.thread, polling.task)).collect();
    // The worker's replacement may still be on its way.
    let all_work =
        |runtime: &gmr_inspect::tasks::Runtime| runtime.workers.iter().all(|worker| worker.thread.is_some());
    let snapshot = until(&inspector, |snapshot| snapshot.runtimes.iter().all(all_work));
    for (thread, task) in &stand {
        assert!(polling.contains(&(*thread, *task)), "{polling:?} has not {thread} at {task}");
        let listed = snapshot.tasks.iter().find(|listed| listed.id == *task);
        let on = listed.map(|listed| (listed.state, listed.running_on));
        // What `spawn_blocking` runs is in no list of tasks.
        let expected = (*task != ids[2]).then_some((TaskState::Running, Some(*thread)));
        assert_eq!(on, expected, "{snapshot:#?}");
    }
    // Each worker is one thread; a worker that became a blocking thread has been replaced.
    let mut workers: Vec<Vec<u32>> = Vec::new();
    for runtime in &snapshot.runtimes {
        workers.push(runtime.workers.iter().filter_map(|worker| worker.thread).collect());
    }
    assert_eq!(workers[1], [stand.iter().find(|(_, task)| *task == alone_id).unwrap().0]);
    let blocked = |id: u64| stand.iter().find(|(_, task)| *task == id).unwrap().0;
    let [plain, in_place] = [0, 1].map(|at: usize| blocked(ids[at]));
    assert!(workers[0].contains(&plain) && !workers[0].contains(&in_place), "{workers:?} {stand:?}");
    assert_ne!(workers[0][0], workers[0][1]);

    drop(release);
    handles.into_iter().for_each(|handle| multi.block_on(handle).unwrap());
    driver.join().unwrap();
    let after = inspector.polling();
    assert!(after.iter().all(|polling| stand.iter().all(|(_, task)| polling.task != *task)), "{after:?}");
}

#[test]
fn a_task_that_panicked_is_gone() {
    let runtime = workers(1);
    let inspector = Inspector::new([runtime.handle().clone()]);
    let handle = runtime.spawn(
        async {
            tokio::task::yield_now().await;
            panic!("on purpose");
        }
        .tracked("panics"),
    );
    assert!(runtime.block_on(handle).unwrap_err().is_panic());
    until(&inspector, |snapshot| snapshot.tasks.iter().all(|task| task.runtime.is_none()));
    assert!(named(&look(&inspector), "panics").is_empty());
}

#[test]
fn a_runtime_may_shut_down_during_a_look() {
    let runtimes: Vec<Runtime> = (0..20).map(|_| workers(1)).collect();
    let inspector = Inspector::new(runtimes.iter().map(|runtime| runtime.handle().clone()));
    for runtime in &runtimes {
        (0..50).for_each(|_| drop(runtime.spawn(outer())));
    }
    let stopper = std::thread::spawn(move || {
        runtimes.into_iter().for_each(|runtime| runtime.shutdown_timeout(Duration::from_secs(60)));
    });
    let wrong = |task: &&Task| match &task.chain {
        Chain::Known(chain) => !matches!(functions(chain)[..], ["outer"] | ["outer", "leaf", "Pending"] | []),
        _ => false,
    };
    while !stopper.is_finished() {
        let snapshot = look(&inspector);
        let ours = snapshot.tasks.iter().filter(|task| task.runtime.is_some());
        let wrong: Vec<&Task> = ours.filter(wrong).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    stopper.join().unwrap();
    assert!(look(&inspector).tasks.iter().all(|task| task.runtime.is_none()));
}

#[test]
fn no_more_tasks_are_decoded_than_asked_for() {
    let runtime = workers(1);
    (0..50).for_each(|_| drop(runtime.spawn(outer())));
    let inspector = Inspector::new([runtime.handle().clone()]);
    let all = inspector.look(&options().with_deadline(Duration::MAX));
    assert_eq!((all.tasks.iter().filter(|task| task.runtime.is_some()).count(), all.not_reached), (50, 0));
    let snapshot = inspector.look(&options().with_max_tasks(10));
    assert_eq!(snapshot.tasks.len(), 10);
    assert!(snapshot.not_reached >= 40, "{}", snapshot.not_reached);
}
