//! Measures looks at many tasks: `tasks_bench [idle tasks] [churning tasks] [looks] [pairs]`.
//!
//! Of each pair one task waits for a lock that the other one holds. Beside the times it checks every look: all idle tasks
//! must be there, with the chain that they have, and every second look all pairs, with who holds and who waits.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gmr_inspect::holds::{Certainty, Hold, Kind, Wait};
use gmr_inspect::tasks::{Inspector, Options, Rung, Snapshot, Task, Track};
use gmr_test_support::tasks::crowd;

/// Anonymous and file memory in KiB.
fn resident() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
    };
    (field("RssAnon:"), field("RssFile:"))
}

/// What this thread has used of the processor.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap())
}

fn argument(number: usize, default: u64) -> u64 {
    std::env::args().nth(number).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    let (tasks, churning, looks) = (argument(1, 10_000), argument(2, 0), argument(3, 20));
    let pairs = argument(4, 0);
    polls();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let spawned: HashSet<u64> = (0..tasks)
        .map(|number| runtime.spawn(crowd::idle(number)).id().to_string().parse().unwrap())
        .collect();
    let inspector = Inspector::new([runtime.handle().clone()]);
    let options = Options::default().with_deadline(Duration::from_secs(60));
    println!("resident before: {:?} KiB", resident());
    let began = Instant::now();
    inspector.prepare();
    inspector.prepared(Duration::from_secs(60)).unwrap();
    println!("prepared in {:?}; resident {:?} KiB", began.elapsed(), resident());

    println!("the first look took {:?}", inspector.look(&options).took);
    // Until all have gone to sleep.
    loop {
        let snapshot = inspector.look(&options);
        let asleep = |functions: Option<Vec<&str>>| functions.is_some_and(|own| crowd::is_idle(&own));
        if snapshot.tasks.iter().filter(|task| asleep(crowd::functions(task))).count() as u64 == tasks {
            break;
        }
    }
    for _ in 0..pairs {
        let lock = Arc::new(tokio::sync::Mutex::new(0));
        runtime.spawn(crowd::hold(lock.clone()));
        runtime.spawn(crowd::wait(lock));
    }
    let with_holders = options.clone().with_holders(true);
    while edges(&inspector.look(&with_holders)) < pairs {}
    if churning > 0 {
        runtime.spawn(crowd::spawner(churning));
    }
    runtime.spawn(crowd::watch_gaps());
    std::thread::sleep(Duration::from_secs(1));
    println!("longest gap of a worker without looks, in a second: {:?}", crowd::longest_gap());

    measure(&inspector, [&options, &with_holders], looks, pairs, &spawned);
    println!("{tasks} idle, {churning} churning, {pairs} pairs");
    println!("tasks finished meanwhile: {}", crowd::FINISHED.load(Ordering::Relaxed));
    println!("longest gap of a worker with looks: {:?}", crowd::longest_gap());
    println!("resident after: {:?} KiB", resident());
    crowd::STOP.store(true, Ordering::Relaxed);
    runtime.shutdown_background();
}

/// Looks without and with holders in turns, and prints what they took and whether they were right.
fn measure(
    inspector: &Inspector,
    [without, with]: [&Options; 2],
    looks: u64,
    pairs: u64,
    spawned: &HashSet<u64>,
) {
    let (mut missed, mut wrong, mut racy, mut others) = (0, 0, 0, 0);
    let (mut times, mut times_with) = (Vec::new(), Vec::new());
    for look in 0..2 * looks {
        let holders = look % 2 == 1;
        let began = processor_time();
        let snapshot = inspector.look(if holders { with } else { without });
        let took = (snapshot.took, processor_time() - began);
        assert_eq!(snapshot.rung, Rung::DebugInformation);
        if holders {
            times_with.push(took);
            assert_eq!(edges(&snapshot), pairs);
        } else {
            times.push(took);
        }
        racy += snapshot.racy;
        let (own, foreign): (Vec<_>, Vec<_>) =
            snapshot.tasks.iter().partition(|task| spawned.contains(&task.id));
        let is_right = |task: &&&Task| crowd::functions(task).is_some_and(|own| crowd::is_idle(&own));
        others += foreign.len();
        wrong += own.len() - own.iter().filter(is_right).count();
        missed += spawned.len() - own.len();
    }
    for (what, mut times) in [("looks", times), ("with holders", times_with)] {
        times.sort_unstable();
        let [best, typical, worst] = [0, times.len() / 2, times.len() - 1].map(|at| times[at].0);
        println!("{what} took {best:?} at best, {typical:?} typically, {worst:?} at worst");
        times.sort_unstable_by_key(|(_, processor)| *processor);
        let [best, typical] = [0, times.len() / 2].map(|at| times[at].1);
        println!("of the processor {best:?} at best, {typical:?} typically");
    }
    println!("idle tasks missed {missed}, wrong {wrong}; others {others}, racy {racy}");
}

/// How many waits for a lock there are of which the holder is certain.
fn edges(snapshot: &Snapshot) -> u64 {
    let holds = &snapshot.sightings.holds;
    let sure = |hold: &&Hold| hold.certainty == Certainty::Certain;
    let held: HashSet<u64> = holds.iter().filter(sure).map(|hold| hold.object.start).collect();
    let waits = snapshot.sightings.waits.iter().filter(|wait| wait.object.kind == Kind::Mutex);
    let held_by = |wait: &&Wait| (wait.object.start - 64..=wait.object.start).any(|at| held.contains(&at));
    waits.filter(held_by).count() as u64
}

/// What registration costs.
fn polls() {
    use std::task::{Context, Poll, Waker};
    const COUNT: u32 = 5_000_000;
    let mut context = Context::from_waker(Waker::noop());
    let time = |name: &str, mut work: Box<dyn FnMut() + '_>| {
        let began = Instant::now();
        (0..COUNT).for_each(|_| work());
        println!("{name}: {:.1} ns", began.elapsed().as_nanos() as f64 / f64::from(COUNT));
    };
    let never = || std::future::poll_fn(|_| Poll::<()>::Pending);
    let (mut plain, mut tracked) = (Box::pin(never()), Box::pin(never().tracked("bench")));
    time("a poll, plain", Box::new(|| assert!(plain.as_mut().poll(&mut context).is_pending())));
    let mut context = Context::from_waker(Waker::noop());
    time("a poll, tracked", Box::new(|| assert!(tracked.as_mut().poll(&mut context).is_pending())));
    time(
        "a future made, polled once, dropped",
        Box::new(|| {
            let mut future = std::pin::pin!(std::future::ready(1).tracked(""));
            let mut context = Context::from_waker(Waker::noop());
            assert!(std::hint::black_box(future.as_mut().poll(&mut context)).is_ready());
        }),
    );
}
