//! What no runtime that was passed in lists: the futures of `block_on`, the tasks of `LocalSet`s and of other runtimes.

#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use gmr_inspect::tasks::{
    Await, Chain, Inspector, Note, Options, Root, Rung, Snapshot, Task, TaskState, Track,
};
use gmr_inspect::threads;
use gmr_test_support::wait_for;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

fn look(inspector: &Inspector) -> Snapshot {
    let capture = threads::capture(&threads::Options::default().with_evidence(true));
    let options = Options::default().with_deadline(Duration::from_secs(60));
    let snapshot = inspector.look_with_threads(&options, &capture);
    assert_eq!(snapshot.rung, Rung::DebugInformation);
    snapshot
}

/// Looks until `settled` has what it wants.
#[track_caller]
fn until<T>(inspector: &Inspector, settled: impl Fn(&Snapshot) -> Option<T>) -> T {
    wait_for(|| {
        let snapshot = look(inspector);
        settled(&snapshot).ok_or_else(|| format!("{:#?}\n{:#?}", snapshot.roots, snapshot.notes))
    })
}

/// Starts a thread that runs this and never ends, and tells its kernel id.
fn thread(run: impl FnOnce() + Send + 'static) -> u32 {
    let id = Arc::new(AtomicU32::new(0));
    let own = Arc::clone(&id);
    std::thread::spawn(move || {
        own.store(rustix_id(), Ordering::SeqCst);
        run();
    });
    wait_for(|| match id.load(Ordering::SeqCst) {
        0 => Err("the thread has not begun"),
        id => Ok(id),
    })
}

fn rustix_id() -> u32 {
    std::fs::read_link("/proc/thread-self").unwrap().file_name().unwrap().to_str().unwrap().parse().unwrap()
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn workers(count: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(count).enable_all().build().unwrap()
}

fn functions(chain: &Chain) -> Vec<&str> {
    let (Chain::Known(chain) | Chain::Passed(chain)) = chain else { panic!("{chain:?}") };
    chain.iter().map(|step: &Await| step.future.rsplit("::").next().unwrap_or_default()).collect()
}

fn of_thread(snapshot: &Snapshot, thread: u32) -> Vec<&Root> {
    snapshot.roots.iter().filter(|root| root.thread == thread).collect()
}

/// The one root of that thread, once it waits.
#[track_caller]
fn waiting_root(inspector: &Inspector, thread: u32) -> Root {
    until(inspector, |snapshot| match of_thread(snapshot, thread)[..] {
        [root] if root.task.state == TaskState::Idle => Some(root.clone()),
        _ => None,
    })
}

async fn accept(connections: &Semaphore) {
    let permit = connections.acquire().await;
    drop(permit);
}

async fn serve() {
    let connections = Semaphore::new(0);
    let kept = std::hint::black_box([7_u64; 32]);
    accept(&connections).await;
    std::hint::black_box(kept);
}

#[test]
fn the_future_of_a_multi_threaded_block_on_is_named_with_its_chain() {
    let runtime = workers(2);
    let inspector = Inspector::new([runtime.handle().clone()]);
    let id = thread(move || runtime.block_on(serve()));
    let root = waiting_root(&inspector, id);
    assert!(root.task.future.ends_with("tasks_roots::serve"), "{root:?}");
    assert_eq!(functions(&root.task.chain), ["serve", "accept", "acquire", "Acquire"]);
    assert_eq!((root.task.id, root.task.runtime), (0, Some(0)));
}

#[test]
fn the_future_of_a_current_thread_block_on_stands_once() {
    let runtime = current_thread();
    let inspector = Inspector::new([runtime.handle().clone()]);
    let id = thread(move || runtime.block_on(serve()));
    let root = waiting_root(&inspector, id);
    assert_eq!(functions(&root.task.chain), ["serve", "accept", "acquire", "Acquire"]);
    assert_eq!(root.task.runtime, Some(0));
}

#[test]
fn a_large_future_that_is_boxed_is_followed() {
    async fn large() {
        let kept = std::hint::black_box([1_u8; 40_000]);
        pending::<()>().await;
        std::hint::black_box(kept);
    }
    let id = thread(|| workers(1).block_on(large()));
    let root = waiting_root(&Inspector::new([]), id);
    assert_eq!(functions(&root.task.chain), ["large", "Pending"]);
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[test]
fn executors_of_others_that_block_are_read_too() {
    /// As small executors do it.
    fn block_on<F: Future>(future: F) -> F::Output {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            std::thread::park();
        }
    }
    let id = thread(|| block_on(serve()));
    let root = waiting_root(&Inspector::new([]), id);
    assert_eq!(functions(&root.task.chain), ["serve", "accept", "acquire", "Acquire"]);
}

#[test]
fn a_future_that_no_variable_points_to_is_searched_for() {
    /// Has what it was given, and no pointer to it: so optimised code looks, too.
    fn block_on<F: Future>(future: F) -> F::Output {
        drive(pin!(future))
    }
    fn drive<F: Future>(mut future: Pin<&mut F>) -> F::Output {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            std::thread::park();
        }
    }
    let id = thread(|| block_on(serve()));
    let root = waiting_root(&Inspector::new([]), id);
    assert_eq!(functions(&root.task.chain), ["serve", "accept", "acquire", "Acquire"]);
}

#[test]
fn a_registered_root_stands_once_and_has_its_name() {
    let whole = thread(|| workers(1).block_on(serve().tracked("the whole")));
    let part = thread(|| {
        workers(1).block_on(async {
            serve().tracked("a part").await;
        });
    });
    let inspector = Inspector::new([]);
    assert_eq!(waiting_root(&inspector, whole).task.name.as_deref(), Some("the whole"));
    let snapshot = look(&inspector);
    let is_named =
        |task: &&Task| task.name.as_deref().is_some_and(|name| name == "the whole" || name == "a part");
    assert_eq!(snapshot.tasks.iter().find(is_named).map(|task| &task.name), None);
    let root = waiting_root(&inspector, part);
    assert_eq!(root.task.particulars.len(), 2, "a name and a semaphore: {root:?}");
}

async fn connection(number: usize) {
    let kept = std::hint::black_box(number);
    pending::<()>().await;
    std::hint::black_box(kept);
}

#[test]
fn the_tasks_of_local_sets_are_listed_by_their_threads() {
    let run = |tasks: usize| {
        thread(move || {
            let set = LocalSet::new();
            for number in 0..tasks {
                set.spawn_local(connection(number));
            }
            set.block_on(&current_thread(), serve());
        })
    };
    let (three, five) = (run(3), run(5));
    let inspector = Inspector::new([]);
    let count = |snapshot: &Snapshot, thread| {
        let own = snapshot.tasks.iter().filter(|task| task.local_set == Some(thread));
        let chains = own.filter(|task| functions(&task.chain) == ["connection", "Pending"]);
        chains.count()
    };
    let root = waiting_root(&inspector, five);
    assert_eq!(functions(&root.task.chain)[..3], ["run_until", "RunUntil", "serve"]);
    until(&inspector, |snapshot| (count(snapshot, three) == 3 && count(snapshot, five) == 5).then_some(()));
    let snapshot = look(&inspector);
    let runtime = |thread| snapshot.tasks.iter().find(|task| task.local_set == Some(thread))?.runtime;
    let found_by = runtime(three).map(|number| snapshot.runtimes[number].found_by);
    assert_eq!(found_by, Some(Some(three)));
    let missed =
        |note: &&Note| matches!(note, Note::LocalSetNotRead { thread } if [three, five].contains(thread));
    assert_eq!(snapshot.notes.iter().find(missed), None);
}

#[test]
fn a_set_that_is_awaited_itself_lists_its_tasks() {
    let id = thread(|| {
        let set = LocalSet::new();
        set.spawn_local(connection(1));
        current_thread().block_on(async {
            set.await;
        });
    });
    until(&Inspector::new([]), |snapshot| {
        let mut own = snapshot.tasks.iter().filter(|task| task.local_set == Some(id));
        own.next().map(|task| assert_eq!(functions(&task.chain), ["connection", "Pending"]))
    });
}

#[test]
fn a_runtime_that_nobody_passed_in_shows_its_tasks_once() {
    let (given, other) = (workers(1), workers(2));
    let tasks: Vec<_> = (0..3).map(|number| other.spawn(connection(number))).collect();
    let spawned = given.spawn(serve());
    let inspector = Inspector::new([given.handle().clone()]);
    let id = thread(move || other.block_on(serve()));
    let snapshot = until(&inspector, |snapshot| {
        let of_tasks =
            |task: &&Task| functions(&task.chain) == ["connection", "Pending"] && task.local_set.is_none();
        let own = snapshot.tasks.iter().filter(of_tasks).count();
        (own == tasks.len()).then(|| snapshot.clone())
    });
    let number = of_thread(&snapshot, id)[0].task.runtime.unwrap();
    assert_ne!(number, 0);
    let runtime = &snapshot.runtimes[number];
    assert_eq!((runtime.flavor.as_str(), runtime.workers.len()), ("multi_thread", 2));
    assert!(runtime.found_by.is_some() && snapshot.runtimes[0].found_by.is_none());
    assert_eq!(snapshot.tasks.iter().filter(|task| task.runtime == Some(0)).count(), 1);
    drop(spawned);
}

#[test]
fn what_a_thread_polls_at_the_moment_is_no_more_than_passed() {
    async fn blocks() {
        pending_once().await;
        std::thread::sleep(Duration::from_secs(3600));
    }
    async fn pending_once() {
        tokio::task::yield_now().await;
    }
    let id = thread(|| current_thread().block_on(blocks()));
    let root = until(&Inspector::new([]), |snapshot| match of_thread(snapshot, id)[..] {
        [root] if matches!(root.task.chain, Chain::Passed(_)) => Some(root.clone()),
        _ => None,
    });
    assert_eq!((root.task.state, root.task.running_on), (TaskState::Running, Some(id)));
}

#[test]
fn a_block_on_without_its_future_says_so() {
    /// Has no variable that points to the future.
    #[inline(never)]
    fn block_on() {
        loop {
            std::thread::park();
        }
    }
    let id = thread(block_on);
    until(&Inspector::new([]), |snapshot| {
        let missed = |note: &&Note| matches!(note, Note::RootNotRead { thread, function } if *thread == id && function.ends_with("block_on"));
        snapshot.notes.iter().find(missed).map(|_| ())
    });
}

/// As where a library without debug information drives it: no future of this thread leads to its set.
#[test]
fn the_tasks_of_a_set_are_found_by_the_stack_of_its_thread_alone() {
    fn filled(tasks: usize) -> LocalSet {
        let set = LocalSet::new();
        for number in 0..tasks {
            set.spawn_local(connection(number));
        }
        set.block_on(&current_thread(), tokio::task::yield_now());
        set
    }
    fn stay_with<T>(kept: T) {
        let kept = std::hint::black_box(kept);
        loop {
            std::thread::park();
            std::hint::black_box(&kept);
        }
    }
    let by_value = thread(|| stay_with(filled(3)));
    let boxed = thread(|| stay_with(Box::new(filled(4))));
    let dropped = thread(|| {
        drop(filled(5));
        stay_with(());
    });
    let runtime = current_thread();
    let inspector = Inspector::new([runtime.handle().clone()]);
    let own = |snapshot: &Snapshot, thread| {
        let own = snapshot.tasks.iter().filter(|task| task.local_set == Some(thread));
        own.filter(|task| functions(&task.chain) == ["connection", "Pending"]).count()
    };
    let count =
        |snapshot: &Snapshot, counts| ([by_value, boxed].map(|id| own(snapshot, id)) == counts).then_some(());
    until(&inspector, |snapshot| count(snapshot, [3, 4]));
    let of_dropped = |task: &&Task| task.local_set == Some(dropped);
    assert_eq!(look(&inspector).tasks.iter().filter(of_dropped).count(), 0);
}
