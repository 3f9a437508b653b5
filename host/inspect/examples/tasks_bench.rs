//! Measures looks at many tasks: `tasks_bench [idle tasks] [churning tasks] [looks]`.
//!
//! Beside the times it checks every look: all idle tasks must be there, with the chain that they have.

use std::collections::HashSet;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gmr_inspect::tasks::{Inspector, Options, Rung, Track};
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

fn argument(number: usize, default: u64) -> u64 {
    std::env::args().nth(number).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    let (tasks, churning, looks) = (argument(1, 10_000), argument(2, 0), argument(3, 20));
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
    if churning > 0 {
        runtime.spawn(crowd::spawner(churning));
    }
    runtime.spawn(crowd::watch_gaps());
    std::thread::sleep(Duration::from_secs(1));
    println!("longest gap of a worker without looks, in a second: {:?}", crowd::longest_gap());

    let (mut times, mut missed, mut wrong, mut racy, mut others) = (Vec::new(), 0, 0, 0, 0);
    for _ in 0..looks {
        let snapshot = inspector.look(&options);
        assert_eq!(snapshot.rung, Rung::DebugInformation);
        times.push(snapshot.took);
        racy += snapshot.racy;
        let mut found = 0;
        for task in &snapshot.tasks {
            if !spawned.contains(&task.id) {
                others += 1;
                continue;
            }
            found += 1;
            let right = crowd::functions(task).is_some_and(|own| crowd::is_idle(&own));
            wrong += u64::from(!right);
        }
        missed += tasks - found;
    }
    times.sort_unstable();
    println!(
        "{tasks} idle, {churning} churning: looks took {:?} at best, {:?} typically, {:?} at worst",
        times[0],
        times[times.len() / 2],
        times[times.len() - 1]
    );
    println!("idle tasks missed {missed}, wrong {wrong}; others {others}, racy {racy}");
    println!("tasks finished meanwhile: {}", crowd::FINISHED.load(Ordering::Relaxed));
    println!("longest gap of a worker with looks: {:?}", crowd::longest_gap());
    println!("resident after: {:?} KiB", resident());
    crowd::STOP.store(true, Ordering::Relaxed);
    runtime.shutdown_background();
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
