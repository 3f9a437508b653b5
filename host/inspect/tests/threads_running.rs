//! Threads that do not sleep: asked by signal where that is allowed, listed with the reason where not.
#![cfg(target_os = "linux")]

use gmr_inspect::threads::{
    Capture, Frame, Method, Missing, Note, Options, Quality, Stack, State, Thread, capture,
};
use gmr_test_support::workload::{
    self, RUNNING, StopAtEnd, Waits, judge, start, start_running, wait_until_asleep,
};
use gmr_test_support::{skip, wait_for};
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::time::Duration;

fn find(capture: &Capture, id: u32) -> &Thread {
    capture.threads.iter().find(|thread| thread.id == id).unwrap()
}

fn missing(capture: &Capture, id: u32) -> &Missing {
    match &find(capture, id).stack {
        Stack::Missing(missing) => missing,
        Stack::Captured { .. } => panic!("{}", workload::print(find(capture, id))),
    }
}

#[test]
fn more_running_threads_than_processors_all_show_their_stacks() {
    let waits = Waits::new();
    let _stop = StopAtEnd(waits.clone());
    let running = RUNNING.iter().cycle().take(4);
    let started: Vec<_> = running.map(|(name, leaf)| (start_running(&waits, name, *leaf), *name)).collect();
    for _ in 0..5 {
        let found = capture(&Options::default().with_deadline(Duration::from_secs(20)));
        for (id, name) in &started {
            if let Err(wrong) = judge(&found, *id, name, Method::Signal) {
                panic!("{wrong}");
            }
        }
    }
}

#[test]
fn a_running_thread_that_blocks_the_signal_is_listed_with_that_reason() {
    let waits = Waits::new();
    let _stop = StopAtEnd(waits.clone());
    let id = start_running(&waits, "masked_spin", workload::leaf_masked_spin);
    let found = capture(&Options::default());
    assert_eq!(*missing(&found, id), Missing::SignalBlocked);
    assert_eq!(find(&found, id).state, State::Running);
}

#[test]
fn without_a_signal_only_running_threads_lack_a_stack() {
    let waits = Waits::new();
    let _stop = StopAtEnd(waits.clone());
    let running = start_running(&waits, "spin", RUNNING[0].1);
    let asleep = start(&waits, "pipe", workload::leaf_pipe);
    wait_until_asleep(asleep);
    let found = capture(&Options::default().with_signal(None));
    assert_eq!(*missing(&found, running), Missing::NoSignal);
    judge(&found, asleep, "pipe", Method::Sleeping).unwrap();
}

#[test]
fn a_signal_that_means_a_fault_is_never_used() {
    let waits = Waits::new();
    let _stop = StopAtEnd(waits.clone());
    let running = start_running(&waits, "spin", RUNNING[0].1);
    for signal in [libc::SIGSEGV, libc::SIGKILL, 0, -1, 1000, 32] {
        let found = capture(&Options::default().with_signal(Some(signal)));
        assert_eq!(*missing(&found, running), Missing::NoSignal);
        assert!(found.notes.contains(&Note::SignalUnsuitable { signal }), "{:?}", found.notes);
    }
}

#[test]
fn when_time_is_over_every_thread_is_listed_still() {
    let waits = Waits::new();
    let _stop = StopAtEnd(waits.clone());
    let running = start_running(&waits, "spin", RUNNING[0].1);
    let asleep = start(&waits, "pipe", workload::leaf_pipe);
    wait_until_asleep(asleep);
    let found = capture(&Options::default().with_deadline(Duration::ZERO));
    assert_eq!(*missing(&found, running), Missing::OutOfTime);
    assert_eq!(*missing(&found, asleep), Missing::OutOfTime);
    assert!(matches!(find(&found, workload::gettid()).stack, Stack::Captured { method: Method::Own, .. }));
}

#[test]
fn a_sleeping_thread_that_blocks_every_signal_shows_its_stack() {
    let waits = Waits::new();
    let _stop = StopAtEnd(waits.clone());
    let id = start(&waits, "masked_sleep", workload::leaf_masked_sleep);
    wait_until_asleep(id);
    judge(&capture(&Options::default()), id, "masked_sleep", Method::Sleeping).unwrap();
}

// On aarch64 the return address of `vfork` is in a register, and such a thread takes no signal.
#[cfg(target_arch = "x86_64")]
#[test]
fn an_uninterruptible_thread_shows_its_stack() {
    let waits = Waits::new();
    let _stop = StopAtEnd(waits.clone());
    let id = start(&waits, "vfork", workload::leaf_vfork);
    wait_until_asleep(id);
    let found = capture(&Options::default());
    assert_eq!(find(&found, id).state, State::Uninterruptible);
    judge(&found, id, "vfork", Method::Sleeping).unwrap();
}

#[test]
fn code_made_at_run_time_is_passed_by_its_frame_pointer_and_marked() {
    let waits = Waits::new();
    let id = start(&waits, "made_code", workload::leaf_made_code);
    wait_until_asleep(id);
    let found = capture(&Options::default());
    let thread = find(&found, id);
    let Stack::Captured { frames, quality: Quality::Unverified, .. } = &thread.stack else {
        panic!("{}", workload::print(thread))
    };
    let at = |name: &str| {
        let has = |frame: &Frame| frame.symbols.iter().any(|symbol| symbol.function.ends_with(name));
        frames.iter().position(has).unwrap_or_else(|| panic!("{name}: {}", workload::print(thread)))
    };
    let (callback, leaf) = (at("leaf_made_code::callback"), at("leaf_made_code"));
    // Between the two is the made code, in no module; its caller is known by its frame pointer alone.
    assert_eq!(leaf, callback + 2);
    assert_eq!(frames[callback + 1].module, None);
    let unverified: Vec<_> = frames.iter().enumerate().filter(|(_, frame)| !frame.verified).collect();
    assert_eq!(unverified.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [leaf]);
    assert!(at("level_12") > at("level_01"));
}

#[test]
fn stacks_go_on_through_signal_handlers_and_back_from_alternate_stacks() {
    let waits = Waits::new();
    let _stop = StopAtEnd(waits.clone());
    let asleep = start(&waits, "in_handler", workload::leaf_in_handler);
    let running = start(&waits, "alternate", workload::leaf_on_alternate_stack);
    wait_until_asleep(asleep);
    judge(&capture(&Options::default()), asleep, "in_handler", Method::Sleeping).unwrap();
    // It says that it was started before it is in its handler.
    let in_handler = |found: &Capture| match &find(found, running).stack {
        Stack::Captured { frames, .. } => frames
            .iter()
            .flat_map(|frame| frame.symbols.iter())
            .any(|symbol| symbol.function.ends_with("leaf_on_alternate_stack::handler")),
        Stack::Missing(_) => false,
    };
    let found = std::iter::repeat_with(|| capture(&Options::default())).take(100).find(in_handler).unwrap();
    workload::HANDLER_STOP.store(true, std::sync::atomic::Ordering::Relaxed);
    judge(&found, running, "on_alternate_stack", Method::Signal).unwrap();
    // Only the frame right outside of the trampoline that returns from a handler was interrupted.
    for (id, handler) in [(asleep, "in_handler::handler"), (running, "on_alternate_stack::handler")] {
        let Stack::Captured { frames, .. } = &find(&found, id).stack else { panic!("judged before") };
        let has = |frame: &Frame| frame.symbols.iter().any(|symbol| symbol.function.ends_with(handler));
        let handler = frames.iter().rposition(has).unwrap();
        let interrupted =
            frames.iter().enumerate().skip(1).filter(|(_, frame)| frame.address.is_instruction());
        assert_eq!(interrupted.map(|(at, _)| at).collect::<Vec<_>>(), [handler + 2]);
    }
}

/// A ring whose submissions a thread of the kernel's looks for, and goes to sleep after a millisecond without one; the
/// kernel's error if it makes none.
fn ring_with_a_thread() -> std::io::Result<OwnedFd> {
    /// `struct io_uring_params`: 120 bytes, of which the third number is the flags and the fifth the idle time.
    const PARAMETERS: usize = 30;
    const IORING_SETUP_SQPOLL: u32 = 2;
    let mut parameters = [0_u32; PARAMETERS];
    (parameters[2], parameters[4]) = (IORING_SETUP_SQPOLL, 1);
    // SAFETY: the parameters have the size that the kernel reads and writes, and outlive the call.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, 4, parameters.as_mut_ptr()) };
    match i32::try_from(ring) {
        // SAFETY: the kernel has just opened it, for nobody else.
        Ok(ring @ 0..) => Ok(unsafe { OwnedFd::from_raw_fd(ring) }),
        _ => Err(std::io::Error::last_os_error()),
    }
}

#[test]
fn a_thread_of_the_kernels_io_uring_is_listed_with_the_reason_why_it_has_no_stack() {
    let _ring = match ring_with_a_thread() {
        Ok(ring) => ring,
        Err(error) => {
            return skip(format_args!("the kernel makes no ring with a thread of its own: {error}"));
        }
    };
    // It gives itself its name, and looks for submissions a while before it sleeps.
    let sleeps = |thread: &&Thread| thread.name.starts_with("iou-sqp") && thread.state != State::Running;
    let (found, id) = wait_for(|| {
        let found = capture(&Options::default());
        let id = found.threads.iter().find(sleeps).map(|thread| thread.id);
        id.map(|id| (found, id)).ok_or("no sleeping thread is named iou-sqp-PID")
    });
    let thread = find(&found, id);
    assert!(matches!(thread.stack, Stack::Missing(Missing::NoUserStack)), "{}", workload::print(thread));
    assert_eq!((thread.state, thread.on_cpu), (State::Sleeping, Some(false)));
    assert!(thread.age.is_some());
}
