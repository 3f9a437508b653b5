//! Starts sleeping and running threads, captures all of them again and again, and prints what that cost:
//! `threads [sleeping] [running] [captures] [evidence]`.

use gmr_inspect::symbols::Symbolizer;
use gmr_inspect::threads::{Options, Quality, Stack, capture_with};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

#[inline(never)]
fn below(depth: u32, then: &dyn Fn()) {
    match depth {
        0 => then(),
        _ => std::hint::black_box(below)(depth - 1, then),
    }
    std::hint::black_box(());
}

/// Starts the threads and waits until all of them are there. The running ones end when the flag is set.
fn start(sleeping: usize, running: usize) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let started = Arc::new(AtomicUsize::new(0));
    let shared: Arc<(Mutex<bool>, Condvar)> = Arc::default();
    for number in 0..sleeping {
        let (shared, started) = (Arc::clone(&shared), Arc::clone(&started));
        let (keep, channel) = mpsc::channel::<()>();
        let body = move || {
            started.fetch_add(1, Ordering::SeqCst);
            below(8, &|| match number % 3 {
                0 => drop(shared.1.wait_while(shared.0.lock().unwrap(), |stop| !*stop).unwrap()),
                1 => std::thread::sleep(Duration::from_secs(3600)),
                _ => drop(channel.recv()),
            });
            drop(keep);
        };
        std::thread::Builder::new().stack_size(128 << 10).spawn(body).unwrap();
    }
    for _ in 0..running {
        let (stop, started) = (Arc::clone(&stop), Arc::clone(&started));
        std::thread::spawn(move || {
            started.fetch_add(1, Ordering::SeqCst);
            below(8, &|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        });
    }
    while started.load(Ordering::SeqCst) < sleeping + running {
        std::thread::yield_now();
    }
    stop
}

fn main() {
    let argument = |at: usize, default: usize| {
        std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (sleeping, running, captures) = (argument(1, 1000), argument(2, 0), argument(3, 11));
    let stop = start(sleeping, running);
    let options = Options::default().with_evidence(std::env::args().nth(4).is_some());
    let mut symbolizer = Symbolizer::new(options.symbol_budget_bytes);
    let before = resident_kib();
    let mut took = Vec::new();
    let mut whole = Vec::new();
    for number in 0..captures {
        let begin = Instant::now();
        let found = capture_with(&options, &mut symbolizer);
        let all = begin.elapsed();
        let of = |quality: &Quality| {
            let is =
                |stack: &Stack| matches!(stack, Stack::Captured { quality: found, .. } if found == quality);
            found.threads.iter().filter(|thread| is(&thread.stack)).count()
        };
        if number == 0 {
            println!(
                "first: {:?} captured and unwound, {all:?} with symbols; {} of {} verified, {} unverified; {:?}",
                found.took,
                of(&Quality::Verified),
                found.threads.len(),
                of(&Quality::Unverified),
                found.notes,
            );
        }
        took.push(found.took);
        whole.push(all);
    }
    took.sort();
    whole.sort();
    if let (Some(took), Some(whole)) = (took.get(captures / 2), whole.get(captures / 2)) {
        println!("median of {captures}: {took:?} captured and unwound, {whole:?} with symbols");
    }
    println!(
        "resident anonymous memory: {before} KiB before the first, {} KiB after the last",
        resident_kib()
    );
    stop.store(true, Ordering::Relaxed);
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
