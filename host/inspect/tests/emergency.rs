//! The emergency capture sees what the other capture sees, and allocates nothing.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use gmr_inspect::emergency::{Capture, Frame, Resource, Stack};
use gmr_inspect::threads::{self, Incomplete, Method, Missing, Options};
use gmr_test_support::workload::{
    RUNNING, SLEEPING, StopAtEnd, Waits, start, start_running, wait_until_asleep,
};

/// The system's allocator, which counts what a thread asks of it while that is forbidden.
struct Watched;

thread_local!(static FORBIDDEN: Cell<bool> = const { Cell::new(false) });
static REQUESTS: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Watched = Watched;

impl Watched {
    fn note() {
        if FORBIDDEN.get() {
            REQUESTS.fetch_add(1, Ordering::Relaxed);
        }
    }
}

// SAFETY: hands everything to the system's allocator.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Watched::note();
        // SAFETY: the caller's layout, as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        Watched::note();
        // SAFETY: the caller's memory and layout, as they came; all of it is the system's.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Runs this, and counts the requests of this thread to the allocator.
fn requests<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = REQUESTS.load(Ordering::Relaxed);
    FORBIDDEN.set(true);
    let result = run();
    FORBIDDEN.set(false);
    (result, REQUESTS.load(Ordering::Relaxed) - before)
}

/// A thread as the emergency capture saw it.
#[derive(Default)]
struct Seen {
    name: Vec<u8>,
    call: Option<&'static str>,
    futex: Option<u64>,
    target: Vec<u8>,
    frames: Vec<(u64, Option<u64>, bool)>,
    incomplete: Option<Incomplete>,
    missing: Option<Missing>,
}

fn look(capture: &mut Capture, id: u32, seen: &mut Seen) {
    let thread = capture.thread(id);
    seen.name.extend_from_slice(thread.name);
    seen.call = thread.wait.and_then(|wait| wait.name);
    match thread.wait.and_then(|wait| wait.resource) {
        Some(Resource::Futex(address)) => seen.futex = Some(address),
        Some(Resource::Descriptor { target: Some(target), .. }) => seen.target.extend_from_slice(target),
        _ => {}
    }
    match thread.stack {
        Stack::Captured { frames, incomplete } => {
            let frame = |frame: Frame<'_>| (frame.address.value(), frame.offset, frame.verified);
            seen.frames.extend(frames.iter().map(frame));
            seen.incomplete = incomplete;
        }
        Stack::Missing(missing) => seen.missing = Some(missing),
    }
}

/// Each thread, and how many requests to the allocator that took.
fn all(ids: &[u32]) -> (BTreeMap<u32, Seen>, usize) {
    let mut capture = Capture::prepare().unwrap();
    let room = || Seen {
        name: Vec::with_capacity(64),
        target: Vec::with_capacity(4096),
        frames: Vec::with_capacity(512),
        ..Seen::default()
    };
    let mut seen: BTreeMap<u32, Seen> = ids.iter().map(|id| (*id, room())).collect();
    let ((), requests) = requests(|| {
        capture.begin();
        seen.iter_mut().for_each(|(id, seen)| look(&mut capture, *id, seen));
    });
    assert!(ids.iter().all(|id| capture.ids().contains(id)), "{ids:?} of {:?}", capture.ids());
    assert_eq!((capture.ids_left_out(), capture.modules_left_out()), (0, 0));
    (seen, requests)
}

#[test]
fn the_counting_allocator_counts() {
    assert_eq!(requests(|| drop(std::hint::black_box(Box::new(7)))).1, 2);
    assert_eq!(requests(|| ()).1, 0);
}

#[test]
fn sleeping_threads_have_the_stacks_of_the_other_capture_and_nothing_is_allocated() {
    let waits = Waits::new();
    let started: Vec<_> = SLEEPING.iter().map(|(name, leaf)| (start(&waits, name, *leaf), *name)).collect();
    started.iter().for_each(|(id, _)| wait_until_asleep(*id));
    let ids: Vec<u32> = started.iter().map(|(id, _)| *id).collect();
    let (seen, requests) = all(&ids);
    assert_eq!(requests, 0);

    let expected = threads::capture(&Options::default().with_symbols(false).with_signal(None));
    let (mut compared, mut wrong) = (0, Vec::new());
    for (id, name) in started {
        let seen = &seen[&id];
        let thread = expected.threads.iter().find(|thread| thread.id == id).unwrap();
        assert_eq!(String::from_utf8_lossy(&seen.name), thread.name);
        let wait = thread.wait.as_ref().unwrap();
        assert_eq!(seen.call, wait.name, "{name}");
        match &wait.resource {
            Some(threads::Resource::Futex(address)) => assert_eq!(seen.futex, Some(*address), "{name}"),
            Some(threads::Resource::Descriptor { target, .. }) => {
                assert_eq!(Some(String::from_utf8_lossy(&seen.target).into_owned()), *target, "{name}");
            }
            _ => {}
        }
        let threads::Stack::Captured { frames, method: Method::Sleeping, quality } = &thread.stack else {
            continue;
        };
        let frames: Vec<_> =
            frames.iter().map(|frame| (frame.address.value(), frame.offset, frame.verified)).collect();
        // Without a signal that one gives up where this one marks what is doubtful.
        let certain = &seen.frames[..frames.len().min(seen.frames.len())];
        let whole = quality == &threads::Quality::Verified;
        if certain != frames || (whole && (seen.frames.len() != frames.len() || seen.incomplete.is_some())) {
            wrong.push(format!("{name}: {frames:x?}\nbut {:x?} {:?}", seen.frames, seen.incomplete));
        }
        compared += usize::from(whole);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > SLEEPING.len() / 2, "only {compared} of {} were whole", SLEEPING.len());
}

#[test]
fn a_running_thread_is_listed_with_its_reason() {
    let waits = Waits::new();
    let _stop = StopAtEnd(waits.clone());
    let id = start_running(&waits, "spinner", RUNNING[0].1);
    let (seen, requests) = all(&[id]);
    assert_eq!(requests, 0);
    assert_eq!(seen[&id].name, b"spinner");
    assert_eq!(seen[&id].missing, Some(Missing::NoSignal));
}

#[test]
fn a_thread_that_is_gone_says_so() {
    let mut capture = Capture::prepare().unwrap();
    capture.begin();
    assert!(matches!(capture.thread(u32::MAX).stack, Stack::Missing(Missing::Ended)));
}
