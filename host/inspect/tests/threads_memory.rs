//! What a capture leaves behind: counted where it is allocated, and as the system sees it.
#![cfg(target_os = "linux")]

use gmr_inspect::symbols::Symbolizer;
use gmr_inspect::threads::{Capture, Method, Options, Quality, Stack, Thread, capture_with};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

struct Counting;

static LIVE: AtomicI64 = AtomicI64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: each call is passed on to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.dealloc(at, layout) }
    }
}

/// What is resident and this process's alone, in bytes.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<i64>().unwrap() << 10
}

const KIB: i64 = 1 << 10;
const THREADS: usize = 1000;

// One test, since the allocator and the resident memory are the whole process's.
#[test]
fn a_capture_of_a_thousand_threads_leaves_the_names_that_it_found_and_little_else() {
    let ready = Arc::new(Barrier::new(THREADS + 1));
    for _ in 0..THREADS {
        let ready = ready.clone();
        let wait = move || {
            ready.wait();
            std::thread::sleep(Duration::from_secs(36_000));
        };
        std::thread::Builder::new().stack_size(64 << 10).spawn(wait).unwrap();
    }
    ready.wait();
    let options = Options { deadline: Duration::from_secs(30), ..Options::default() };
    let mut symbolizer = Symbolizer::new(options.symbol_budget_bytes);
    // All of them asleep: who still is on its way there may touch a page of its stack meanwhile.
    let is_asleep = |thread: &Thread| {
        matches!(&thread.stack, Stack::Captured { method: Method::Sleeping, quality: Quality::Verified, .. })
    };
    let asleep = |found: &Capture| found.threads.iter().filter(|thread| is_asleep(thread)).count();
    let quiet = Options { symbols: false, signal: None, ..options.clone() };
    let deadline = Instant::now() + Duration::from_secs(60);
    while asleep(&capture_with(&quiet, &mut symbolizer)) < THREADS {
        assert!(Instant::now() < deadline, "the threads do not go to sleep");
        std::thread::yield_now();
    }

    let now = || (LIVE.load(Ordering::Relaxed), resident());
    let before = now();
    // All from one place, so that the first one looks up every name that there is.
    let after: Vec<(i64, i64)> = (0..22)
        .map(|_| {
            assert!(capture_with(&options, &mut symbolizer).threads.len() > THREADS);
            now()
        })
        .collect();
    let (first, warm, last) = (after[0], after[1], after[after.len() - 1]);
    println!(
        "after the first: {} KiB live, {} KiB resident; 20 more: {} KiB live, {} KiB resident",
        (first.0 - before.0) / KIB,
        (first.1 - before.1) / KIB,
        (last.0 - warm.0) / KIB,
        (last.1 - warm.1) / KIB
    );
    // A symbolizer keeps a megabyte at the most; of the captures nothing stays.
    assert!(first.0 - before.0 <= 1024 * KIB, "{} bytes live after the first", first.0 - before.0);
    assert!(last.0 - warm.0 <= 4 * KIB, "{} bytes more live after the last", last.0 - warm.0);
    // How much an allocator keeps at hand after names were looked up is its own matter and the application's: glibc
    // keeps twice the largest block that anyone in the process has ever released. But it does not become more.
    assert!(last.1 - warm.1 <= 2048 * KIB, "{} bytes more resident after the last", last.1 - warm.1);
}
