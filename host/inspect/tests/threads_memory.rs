//! What a capture leaves behind: counted where it is allocated, and as the system sees it.
#![cfg(target_os = "linux")]

use gmr_inspect::symbols::Symbolizer;
use gmr_inspect::threads::{Capture, Method, Options, Quality, Stack, Thread, capture_with};
use gmr_test_support::memory::{COUNTING, Counting, Memory};
use gmr_test_support::wait_until;
use std::sync::{Arc, Barrier};
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: Counting = COUNTING;

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
    let options = Options::default().with_deadline(Duration::from_secs(30));
    let mut symbolizer = Symbolizer::new(options.symbol_budget_bytes);
    // All of them asleep: a thread that is not yet may touch another page of its stack meanwhile.
    let is_asleep = |thread: &Thread| {
        matches!(&thread.stack, Stack::Captured { method: Method::Sleeping, quality: Quality::Verified, .. })
    };
    let asleep = |found: &Capture| found.threads.iter().filter(|thread| is_asleep(thread)).count();
    let quiet = options.clone().with_symbols(false).with_signal(None);
    wait_until("all threads sleep", || asleep(&capture_with(&quiet, &mut symbolizer)) >= THREADS);

    let before = Memory::now();
    // All from one place, so that the first one looks up every name that there is.
    let after: Vec<Memory> = (0..22)
        .map(|_| {
            assert!(capture_with(&options, &mut symbolizer).threads.len() > THREADS);
            Memory::now()
        })
        .collect();
    let (first, warm, last) = (after[0], after[1], after[after.len() - 1]);
    let (first, more) = (first.since(before), last.since(warm));
    println!(
        "after the first: {} KiB live, {} KiB resident; 20 more: {} KiB live, {} KiB resident",
        first.live / KIB,
        first.resident / KIB,
        more.live / KIB,
        more.resident / KIB
    );
    // A symbolizer keeps a megabyte at the most; of the captures nothing stays.
    assert!(first.live <= 1024 * KIB, "{} bytes live after the first", first.live);
    assert!(more.live <= 4 * KIB, "{} bytes more live after the last", more.live);
    // How much an allocator keeps at hand after names were looked up is its own matter and the application's: glibc
    // keeps twice the largest block that anyone in the process has ever released. But it does not become more.
    assert!(more.resident <= 2048 * KIB, "{} bytes more resident after the last", more.resident);
}
