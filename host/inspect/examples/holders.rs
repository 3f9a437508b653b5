//! Starts threads, some of which wait for locks that others hold, and prints what it takes to find out who has them:
//! `holders [threads] [locks] [looks]`. Each lock has one holder and three that wait.

use gmr_inspect::symbols::Symbolizer;
use gmr_inspect::tasks::Inspector;
use gmr_inspect::threads::{Options, capture_with};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

static HELD: AtomicUsize = AtomicUsize::new(0);

#[inline(never)]
fn hold(lock: &Mutex<u64>) {
    let mut guard = lock.lock().unwrap();
    *guard += 1;
    HELD.fetch_add(1, Ordering::SeqCst);
    std::thread::sleep(Duration::from_secs(3600));
    *guard += 1;
}

#[inline(never)]
fn wait(lock: &Mutex<u64>) {
    *lock.lock().unwrap() += 1;
}

fn start(body: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(128 << 10).spawn(body).unwrap();
}

fn main() {
    let argument = |at: usize, default: usize| {
        std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (threads, locks, looks) = (argument(1, 1000), argument(2, 0), argument(3, 11));
    let idle: Arc<(Mutex<bool>, Condvar)> = Arc::default();
    for _ in 4 * locks..threads {
        let idle = Arc::clone(&idle);
        start(move || drop(idle.1.wait_while(idle.0.lock().unwrap(), |stop| !*stop).unwrap()));
    }
    let locks: Vec<Arc<Mutex<u64>>> = (0..locks).map(|_| Arc::default()).collect();
    for lock in &locks {
        let lock = Arc::clone(lock);
        start(move || hold(&lock));
    }
    while HELD.load(Ordering::SeqCst) < locks.len() {
        std::thread::yield_now();
    }
    for lock in locks.iter().flat_map(|lock| [lock; 3]) {
        let lock = Arc::clone(lock);
        start(move || wait(&lock));
    }
    let inspector = Inspector::new([]);
    println!("types: {:?}", inspector.prepared(Duration::from_secs(60)));
    let options = Options::default().with_evidence(true);
    let mut symbolizer = Symbolizer::new(options.symbol_budget_bytes);
    let mut took = Vec::new();
    for number in 0..looks {
        let begin = Instant::now();
        let capture = capture_with(&options, &mut symbolizer);
        let captured = begin.elapsed();
        let begin = Instant::now();
        let found = inspector.thread_sightings(&capture, &[], begin + Duration::from_secs(10));
        let searched = begin.elapsed();
        if number == 0 {
            let [waits, holds] = [found.waits.len(), found.holds.len()];
            println!(
                "first: captured in {captured:?}, searched in {searched:?}: {waits} waits, {holds} holds"
            );
        }
        took.push((captured, searched));
    }
    let mut median = |of: fn(&(Duration, Duration)) -> Duration| {
        took.sort_by_key(of);
        took.get(looks / 2).map(of).unwrap_or_default()
    };
    println!(
        "median of {looks}: captured in {:?}, searched in {:?}",
        median(|took| took.0),
        median(|took| took.1)
    );
}
