//! Memory that is unmapped while it is read: tasks and what they box go back to the system the moment they end. The
//! allocator is the whole process's, so this test has one of its own.

#![cfg(target_os = "linux")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gmr_inspect::tasks::{Chain, Inspector, Options, Rung};

/// Maps each large piece by itself, and unmaps it when it is freed.
struct Mapping;

/// Only this test allocates pieces as large as this.
const LARGE: usize = 4096;

static UNMAPPED: AtomicU64 = AtomicU64::new(0);

// SAFETY: each piece is the system allocator's or a mapping of its own, by its size alone, which is the same when it is
// given back; a mapping is aligned to a page, and larger alignments are the system allocator's.
unsafe impl GlobalAlloc for Mapping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE || layout.align() > LARGE {
            // SAFETY: the caller's promise is handed on.
            return unsafe { System.alloc(layout) };
        }
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, wherever the kernel likes, touches nothing that is there.
        let mapped = unsafe { libc::mmap(ptr::null_mut(), layout.size(), access, kind, -1, 0) };
        if mapped == libc::MAP_FAILED { ptr::null_mut() } else { mapped.cast() }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        if layout.size() < LARGE || layout.align() > LARGE {
            // SAFETY: the caller's promise is handed on.
            return unsafe { System.dealloc(piece, layout) };
        }
        UNMAPPED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: `alloc` mapped this for a layout of that size, and the caller has no use for it any more.
        unsafe { libc::munmap(piece.cast(), layout.size()) };
    }
}

#[global_allocator]
static ALLOCATOR: Mapping = Mapping;

static STOP: AtomicBool = AtomicBool::new(false);

/// So large that it is mapped by itself, whether it is a task, or boxed in one.
async fn large(number: u64) -> u64 {
    let kept = black_box([number; 2 * LARGE / 8]);
    tokio::task::yield_now().await;
    kept[7]
}

fn boxed(number: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move { large(number).await + 1 })
}

async fn task(number: u64) -> u64 {
    if number.is_multiple_of(2) { large(number).await } else { boxed(number).await }
}

async fn spawner() {
    let mut number = 0;
    while !STOP.load(Ordering::Relaxed) {
        let tasks: Vec<_> = (0..64).map(|more| tokio::spawn(task(number + more))).collect();
        number += 64;
        for task in tasks {
            let _ = task.await;
        }
    }
}

#[test]
fn tasks_whose_memory_is_unmapped_under_the_look_are_gone_or_racy_but_never_wrong() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.spawn(spawner());
    let inspector = Inspector::new([runtime.handle().clone()]);
    let options = Options::default().with_deadline(Duration::from_secs(60));
    assert_eq!(inspector.look(&options).rung, Rung::DebugInformation);

    let before = UNMAPPED.load(Ordering::Relaxed);
    let patience = Instant::now() + Duration::from_secs(60);
    let (mut seen, mut looks) = (0, 0);
    // Until a good many of them were seen alive, and far more have been unmapped meanwhile.
    while seen < 500 || UNMAPPED.load(Ordering::Relaxed) - before < 10 * seen || looks < 100 {
        assert!(Instant::now() < patience, "{looks} looks, {seen} tasks");
        let snapshot = inspector.look(&options);
        assert_eq!(snapshot.rung, Rung::DebugInformation);
        looks += 1;
        for task in &snapshot.tasks {
            let Chain::Known(chain) = &task.chain else { continue };
            let functions: Vec<&str> =
                chain.iter().map(|step| step.future.rsplit("::").next().unwrap_or_default()).collect();
            seen += u64::from(functions.contains(&"large"));
            let right = match &functions[..] {
                [] | ["task"] | ["spawner", ..] => true,
                ["task", "large", rest @ ..] | ["task", "{async block#0}", "large", rest @ ..] => {
                    matches!(rest, ["yield_now", ..])
                }
                _ => false,
            };
            assert!(right, "{task:#?}");
        }
    }
    println!("{looks} looks, {seen} tasks, {} pieces unmapped", UNMAPPED.load(Ordering::Relaxed) - before);
    STOP.store(true, Ordering::Relaxed);
    runtime.shutdown_timeout(Duration::from_secs(60));
}
