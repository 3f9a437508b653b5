//! Deep stacks: both ends are there, and how many frames are between.
#![cfg(target_os = "linux")]

use gmr_inspect::threads::{Capture, Method, Quality, Stack, capture};
use gmr_test_support::workload::{self, patient, wait_until_asleep};
use std::hint::black_box;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;

const DEPTH: usize = 5000;

/// Calls itself so often, then the leaf.
#[inline(never)]
fn recurse(depth: usize, leaf: &dyn Fn()) -> usize {
    if depth == 1 {
        leaf();
        return black_box(1);
    }
    black_box(recurse(black_box(depth - 1), leaf)) + 1
}

#[inline(never)]
fn who_began_it(depth: usize, leaf: &dyn Fn()) {
    black_box(recurse(depth, leaf));
}

/// Starts a thread that does this below a recursion; its id once it has reached the leaf.
fn start(depth: usize, leaf: impl Fn() + Send + 'static) -> u32 {
    let (tell, told) = mpsc::channel();
    let leaf = move || {
        tell.send(workload::gettid()).unwrap();
        leaf();
    };
    let builder = std::thread::Builder::new().stack_size(64 << 20);
    builder.spawn(move || who_began_it(depth, &leaf)).unwrap();
    told.recv().unwrap()
}

/// The innermost and the outermost functions are there, and every frame is there or counted.
#[track_caller]
fn check(found: &Capture, id: u32, expected: Method, depth: usize) {
    let thread = found.threads.iter().find(|thread| thread.id == id).unwrap();
    let Stack::Captured { frames, method, quality } = &thread.stack else {
        panic!("{}", workload::print(thread))
    };
    assert_eq!((method, quality), (&expected, &Quality::Verified), "{}", workload::print(thread));
    let is = |at: usize, name: &str| {
        frames[at].symbols.iter().any(|symbol| symbol.function.ends_with(&format!("threads_deep::{name}")))
    };
    let recursions: Vec<usize> = (0..frames.len()).filter(|at| is(*at, "recurse")).collect();
    let (first, last) = (recursions[0], *recursions.last().unwrap());
    assert!(is(last + 1, "who_began_it"), "{}", workload::print(thread));
    assert!(first < 20, "the leaf is there: {}", workload::print(thread));
    let omitted: u64 = frames.iter().map(|frame| frame.omitted).sum();
    assert_eq!(recursions.len() as u64 + omitted, depth as u64);
    assert!(frames.len() <= 1024);
    // One gap, between two turns of the recursion.
    let gaps: Vec<usize> = (0..frames.len()).filter(|at| frames[*at].omitted > 0).collect();
    assert!(gaps.iter().all(|at| is(*at, "recurse") && is(at + 1, "recurse")));
    assert_eq!(gaps.len(), usize::from(omitted > 0));
}

#[test]
fn a_sleeping_thread_is_read_to_its_start_without_a_signal() {
    for depth in [500, DEPTH] {
        let (waits, _keep) = UnixStream::pair().unwrap();
        let id = start(depth, move || drop(std::io::Read::read(&mut &waits, &mut [0])));
        wait_until_asleep(id);
        check(&capture(&patient()), id, Method::Sleeping, depth);
    }
}

#[test]
fn of_a_running_thread_the_rest_is_read_where_the_copy_ends() {
    static STOP: AtomicBool = AtomicBool::new(false);
    static TURNS: AtomicU32 = AtomicU32::new(0);
    let id = start(DEPTH, || {
        while !STOP.load(Ordering::Relaxed) {
            TURNS.fetch_add(1, Ordering::Relaxed);
        }
    });
    let found = capture(&patient());
    STOP.store(true, Ordering::Relaxed);
    check(&found, id, Method::Signal, DEPTH);
}
