//! Captures while other threads do what has broken reporters before. Each stress has a process of its own:
//! it must not hang, crash, or show a wrong stack of the threads that are known.
#![cfg(target_os = "linux")]

use gmr_inspect::threads::{Method, Missing, Quality, Stack, capture};
use gmr_test_support::workload::{self, Known, patient};
use gmr_test_support::{succeeds_in_child, wait_until};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const CAPTURES: usize = 40;

static ROUNDS: AtomicU64 = AtomicU64::new(0);
/// Whether the known threads are all there.
static STARTED: AtomicBool = AtomicBool::new(false);

/// Runs `round` over and over on two threads while captures are made, and makes sure that it really ran.
fn under(test: &str, round: fn(u64)) {
    succeeds_in_child(test, || {
        for seed in 0..2 {
            std::thread::spawn(move || {
                for number in seed.. {
                    round(number);
                    ROUNDS.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let known = Known::start();
        STARTED.store(true, Ordering::SeqCst);
        let before = ROUNDS.load(Ordering::Relaxed);
        known.stay_right(CAPTURES);
        wait_until("the stress goes on", || ROUNDS.load(Ordering::Relaxed) != before);
    });
}

#[test]
fn allocation() {
    under("allocation", |number| {
        let sizes = [24, 700, 40_000, 300_000];
        let blocks: Vec<Vec<u8>> = (0..40).map(|at| vec![1; sizes[(number as usize + at) % 4]]).collect();
        black_box(&blocks);
    });
}

/// A capture of so many threads is shared with another processor.
#[test]
fn many_threads_are_all_read_and_share_their_frames() {
    succeeds_in_child("many_threads_are_all_read_and_share_their_frames", || {
        let waits = workload::Waits::new();
        let name = "pipe";
        let ids: Vec<u32> = (0..300).map(|_| workload::start(&waits, name, workload::leaf_pipe)).collect();
        ids.iter().for_each(|id| workload::wait_until_asleep(*id));
        for _ in 0..CAPTURES {
            let found = capture(&patient());
            assert!(found.threads.is_sorted_by_key(|thread| thread.id));
            let of = |id: &u32| found.threads.iter().find(|thread| thread.id == *id).unwrap();
            let mut different = std::collections::HashSet::new();
            for id in &ids {
                workload::judge(&found, *id, name, Method::Sleeping).unwrap();
                assert!(of(id).age.is_some() && of(id).on_cpu == Some(false));
                let Stack::Captured { frames, .. } = &of(id).stack else { panic!("judged before") };
                different.insert(frames.as_ptr());
            }
            assert_eq!(different.len(), 1, "they stand in the same place");
            // The thread that captures is running.
            let own = of(&workload::gettid());
            assert!(matches!(own.stack, Stack::Captured { method: Method::Own, .. }));
            assert_eq!(own.on_cpu, Some(true));
        }
    });
}

#[test]
fn panics() {
    #[inline(never)]
    fn deep(depth: u64) -> u64 {
        let kept = Box::new(depth);
        match depth {
            0 => std::panic::resume_unwind(Box::new(7_u64)),
            _ => deep(black_box(depth - 1)) + *black_box(kept),
        }
    }
    under("panics", |_| {
        let caught = std::panic::catch_unwind(|| deep(20)).unwrap_err();
        assert_eq!(*caught.downcast::<u64>().unwrap(), 7);
    });
}

#[test]
fn processes() {
    under("processes", |_| {
        std::process::Command::new("true").status().unwrap();
    });
}

#[test]
fn mappings() {
    under("mappings", |number| {
        let length = 4096 * (1 + number as usize % 64);
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: new memory, wherever the kernel likes.
        let memory = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, -1, 0) };
        assert_ne!(memory, libc::MAP_FAILED);
        // SAFETY: the memory that was just mapped, which nobody else knows.
        unsafe { libc::munmap(memory, length) };
    });
}

#[test]
fn libraries() {
    under("libraries", |_| {
        for name in [c"libresolv.so.2", c"libanl.so.1", c"libutil.so.1", c"libnsl.so.1"] {
            // SAFETY: system libraries whose initialisers do nothing of note.
            let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
            if !library.is_null() {
                // SAFETY: the handle that was just opened; nothing of the library is in use.
                unsafe { libc::dlclose(library) };
            }
        }
    });
}

#[test]
fn threads_that_come_and_go() {
    under("threads_that_come_and_go", |_| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                std::thread::spawn(|| {
                    for _ in 0..black_box(2_000) {
                        black_box(());
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn lists_of_libraries() {
    extern "C" fn each(_: *mut libc::dl_phdr_info, _: usize, count: *mut libc::c_void) -> i32 {
        // SAFETY: the pointer is to the caller's own counter.
        unsafe { *count.cast::<u32>() += 1 };
        0
    }
    under("lists_of_libraries", |_| {
        let mut count = 0_u32;
        // SAFETY: the callback expects the counter that it is given.
        unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut count).cast()) };
        assert!(count > 1);
    });
}

#[test]
fn registered_frames() {
    unsafe extern "C" {
        fn __register_frame(entries: *const u8);
        fn __deregister_frame(entries: *const u8) -> *mut libc::c_void;
    }
    /// One CIE and one FDE for a page that is never executed, then the terminator.
    fn entries(code: u64) -> Vec<u8> {
        let common = [1_u32.to_ne_bytes()[0], 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1, 0, 0];
        let mut bytes = Vec::new();
        bytes.extend((common.len() as u32 + 4).to_ne_bytes());
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend(common);
        bytes.extend(20_u32.to_ne_bytes());
        bytes.extend((bytes.len() as u32).to_ne_bytes());
        bytes.extend(code.to_ne_bytes());
        bytes.extend(4096_u64.to_ne_bytes());
        bytes.extend(0_u32.to_ne_bytes());
        bytes
    }
    under("registered_frames", |number| {
        let entries = entries(0x10_0000_0000 + (number % 512) * 4096);
        // SAFETY: well-formed entries that stay where they are until they are taken back.
        unsafe { __register_frame(entries.as_ptr()) };
        // SAFETY: registered just before, at this address.
        unsafe { __deregister_frame(entries.as_ptr()) };
    });
}

#[test]
fn captures_on_several_threads() {
    under("captures_on_several_threads", |_| {
        let all_started = STARTED.load(Ordering::SeqCst);
        let found = capture(&patient().with_symbols(false));
        let own = found.threads.iter().find(|thread| thread.id == workload::gettid());
        let is_own = own.is_some_and(|own| matches!(own.stack, Stack::Captured { method: Method::Own, .. }));
        if !is_own || all_started && found.threads.len() <= 4 {
            // A panic would end this thread alone.
            std::process::abort();
        }
    });
}

#[test]
fn a_stack_used_up_to_its_guard_page() {
    static THERE: AtomicBool = AtomicBool::new(false);
    #[inline(never)]
    fn down(bottom: usize) -> u64 {
        let here = black_box([1_u8; 32]);
        if here.as_ptr() as usize > bottom + 700 {
            return black_box(down(bottom)) + u64::from(black_box(here)[0]);
        }
        THERE.store(true, Ordering::SeqCst);
        let mut value = 1_u64;
        while value != 0 {
            value = black_box(value | 1);
        }
        value
    }
    fn bottom() -> usize {
        // SAFETY: an all-zero attribute object is plain memory, filled by the next call.
        let mut attributes: libc::pthread_attr_t = unsafe { std::mem::zeroed() };
        // SAFETY: takes nothing.
        let own = unsafe { libc::pthread_self() };
        // SAFETY: the thread exists and the memory is an attribute object.
        unsafe { libc::pthread_getattr_np(own, &mut attributes) };
        let (mut address, mut size) = (std::ptr::null_mut(), 0);
        // SAFETY: filled attributes, and room for both results.
        unsafe { libc::pthread_attr_getstack(&attributes, &mut address, &mut size) };
        address as usize
    }
    succeeds_in_child("a_stack_used_up_to_its_guard_page", || {
        let known = Known::start();
        let name = "at-the-guard";
        std::thread::Builder::new().name(name.into()).stack_size(256 << 10).spawn(|| down(bottom())).unwrap();
        wait_until("the thread is at its guard page", || THERE.load(Ordering::SeqCst));
        known.stay_right(CAPTURES);
        let found = capture(&patient());
        let thread = found.threads.iter().find(|thread| thread.name == name).unwrap();
        let Stack::Captured { frames, method, quality } = &thread.stack else {
            panic!("{}", workload::print(thread))
        };
        assert_eq!(*method, Method::Signal);
        // The copy holds a quarter of the stack; the rest stands still.
        assert_eq!(*quality, Quality::Verified);
        assert!(frames.len() > 100);
        assert!(frames[5].symbols.iter().any(|symbol| symbol.function.ends_with("down")));
    });
}

#[test]
fn threads_that_end_with_the_signal_pending_do_not_hold_up_the_capture() {
    // More short-lived running threads than processors, and a deadline that a hang would use up.
    succeeds_in_child("threads_that_end_with_the_signal_pending_do_not_hold_up_the_capture", || {
        for _ in 0..4 {
            std::thread::spawn(|| {
                loop {
                    let spin = || (0..20_000_u64).fold(0, |sum, number| sum ^ black_box(number));
                    std::thread::spawn(move || black_box(spin())).join().unwrap();
                }
            });
        }
        for _ in 0..CAPTURES {
            let found = capture(&patient().with_symbols(false));
            let late = found
                .threads
                .iter()
                .filter(|thread| matches!(thread.stack, Stack::Missing(Missing::OutOfTime)));
            assert_eq!(late.count(), 0);
        }
    });
}
