//! The directed signal's handler beside handlers of the application.
#![cfg(target_os = "linux")]

use gmr_inspect::threads::{Capture, Method, Missing, Note, Options, Stack, capture, prepare};
use gmr_test_support::workload::{RUNNING, Waits, judge, patient, start_running};
use gmr_test_support::{in_child, succeeds_in_child};
use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicU32, Ordering};

static CALLS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_: i32) {
    CALLS.fetch_add(1, Ordering::SeqCst);
}

fn action(signal: i32, new: Option<usize>) -> usize {
    // SAFETY: an all-zero action is valid: default handler, empty mask, no flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut old: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = new.unwrap_or_default();
    let given = if new.is_some() { &raw const action } else { std::ptr::null() };
    // SAFETY: null or a valid action whose handler has the right type.
    assert_eq!(unsafe { libc::sigaction(signal, given, &mut old) }, 0);
    old.sa_sigaction
}

/// The signal's disposition as it is, with a new one in its place if one is given.
fn exchange(signal: i32, new: Option<&libc::sigaction>) -> libc::sigaction {
    // SAFETY: an all-zero action is valid: default handler, empty mask, no flags.
    let mut old: libc::sigaction = unsafe { std::mem::zeroed() };
    let new = new.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: null or a valid action whose handler has the right type; room for the one before.
    assert_eq!(unsafe { libc::sigaction(signal, new, &mut old) }, 0);
    old
}

/// A disposition with this handler, which blocks SIGUSR1 beside the signal itself.
fn with_mask(handler: usize, flags: i32) -> libc::sigaction {
    // SAFETY: as above.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    // SAFETY: the set is initialised, and the number is a signal.
    unsafe { libc::sigaddset(&raw mut action.sa_mask, libc::SIGUSR1) };
    action
}

fn has(set: &libc::sigset_t, signal: i32) -> bool {
    // SAFETY: reads an initialised set.
    unsafe { libc::sigismember(set, signal) == 1 }
}

/// The signals that the calling thread blocks.
fn blocked() -> libc::sigset_t {
    // SAFETY: an empty set is all zeros.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: changes nothing; room for the mask.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut set) };
    set
}

fn raise(signal: i32) {
    // SAFETY: takes an integer.
    unsafe { libc::raise(signal) };
}

fn stack(capture: &Capture, id: u32) -> &Stack {
    &capture.threads.iter().find(|thread| thread.id == id).unwrap().stack
}

#[test]
fn a_handler_that_was_there_gets_its_own_signals_and_none_of_ours() {
    succeeds_in_child("a_handler_that_was_there_gets_its_own_signals_and_none_of_ours", || {
        let counting = count as *const () as usize;
        action(libc::SIGURG, Some(counting));
        let prepared = prepare(&Options::default()).unwrap();
        let waits = Waits::new();
        let id = start_running(&waits, "spin", RUNNING[0].1);
        for _ in 0..10 {
            judge(&capture(&patient()), id, "spin", Method::Signal).unwrap();
        }
        assert_eq!(CALLS.load(Ordering::SeqCst), 0);
        raise(libc::SIGURG);
        assert_eq!(CALLS.load(Ordering::SeqCst), 1);
        drop(prepared);
        assert_eq!(action(libc::SIGURG, None), counting);
    });
}

#[test]
fn what_was_there_comes_back_whole() {
    succeeds_in_child("what_was_there_comes_back_whole", || {
        let former = with_mask(count as *const () as usize, libc::SA_NODEFER);
        exchange(libc::SIGURG, Some(&former));
        drop(prepare(&Options::default()).unwrap());
        let found = exchange(libc::SIGURG, None);
        assert_eq!(found.sa_sigaction, former.sa_sigaction);
        assert_eq!(found.sa_flags & libc::SA_NODEFER, libc::SA_NODEFER);
        assert_eq!(found.sa_flags & (libc::SA_RESTART | libc::SA_SIGINFO | libc::SA_ONSTACK), 0);
        let blocks: Vec<i32> = (1..=64).filter(|signal| has(&found.sa_mask, *signal)).collect();
        assert_eq!(blocks, [libc::SIGUSR1]);
    });
}

#[test]
fn a_handler_that_was_there_runs_with_its_own_mask() {
    /// Whether it ran with SIGUSR1 blocked, SIGTERM and SIGUSR2 not, and itself not.
    static AS_INSTALLED: AtomicU32 = AtomicU32::new(0);
    extern "C" fn look(signal: i32) {
        let blocks = blocked();
        let right = has(&blocks, libc::SIGUSR1)
            && ![signal, libc::SIGTERM, libc::SIGUSR2].into_iter().any(|other| has(&blocks, other));
        AS_INSTALLED.fetch_add(u32::from(right), Ordering::SeqCst);
    }
    succeeds_in_child("a_handler_that_was_there_runs_with_its_own_mask", || {
        exchange(libc::SIGURG, Some(&with_mask(look as *const () as usize, libc::SA_NODEFER)));
        let _prepared = prepare(&Options::default()).unwrap();
        raise(libc::SIGURG);
        assert_eq!(AS_INSTALLED.load(Ordering::SeqCst), 1);
        assert!(!has(&blocked(), libc::SIGUSR1), "the thread has its own mask again");
    });
}

#[test]
fn a_handler_that_serves_once_is_called_once() {
    succeeds_in_child("a_handler_that_serves_once_is_called_once", || {
        exchange(libc::SIGURG, Some(&with_mask(count as *const () as usize, libc::SA_RESETHAND)));
        let prepared = prepare(&Options::default()).unwrap();
        raise(libc::SIGURG);
        // The default, which is to ignore it.
        raise(libc::SIGURG);
        assert_eq!(CALLS.load(Ordering::SeqCst), 1);
        drop(prepared);
        assert_eq!(action(libc::SIGURG, None), libc::SIG_DFL);
    });
}

#[test]
fn the_handler_goes_with_the_last_preparation() {
    succeeds_in_child("the_handler_goes_with_the_last_preparation", || {
        let counting = count as *const () as usize;
        action(libc::SIGURG, Some(counting));
        let first = prepare(&Options::default()).unwrap();
        let ours = action(libc::SIGURG, None);
        let second = prepare(&Options::default()).unwrap();
        drop(first);
        assert_eq!(action(libc::SIGURG, None), ours);
        drop(second);
        assert_eq!(action(libc::SIGURG, None), counting);
    });
}

#[test]
fn a_handler_installed_over_ours_is_left_alone() {
    succeeds_in_child("a_handler_installed_over_ours_is_left_alone", || {
        let prepared = prepare(&Options::default()).unwrap();
        let counting = count as *const () as usize;
        action(libc::SIGURG, Some(counting));
        let waits = Waits::new();
        let id = start_running(&waits, "spin", RUNNING[0].1);
        let found = capture(&patient());
        assert!(matches!(stack(&found, id), Stack::Missing(Missing::SignalTaken)));
        assert_eq!(found.notes, [Note::SignalTaken { signal: libc::SIGURG }]);
        assert_eq!(CALLS.load(Ordering::SeqCst), 0);
        drop(prepared);
        assert_eq!(action(libc::SIGURG, None), counting);
    });
}

#[test]
fn dropping_the_preparation_puts_the_default_back() {
    succeeds_in_child("dropping_the_preparation_puts_the_default_back", || {
        for _ in 0..3 {
            assert_eq!(action(libc::SIGURG, None), libc::SIG_DFL);
            let prepared = prepare(&Options::default()).unwrap();
            assert_ne!(action(libc::SIGURG, None), libc::SIG_DFL);
            drop(prepared);
        }
        assert_eq!(action(libc::SIGURG, None), libc::SIG_DFL);
    });
}

#[test]
fn a_signal_whose_default_is_to_end_the_process_still_does() {
    let status = in_child("a_signal_whose_default_is_to_end_the_process_still_does", || {
        let _prepared = prepare(&Options::default().with_signal(Some(libc::SIGUSR1))).unwrap();
        raise(libc::SIGUSR1);
    });
    assert_eq!(status.signal(), Some(libc::SIGUSR1));
}

#[test]
fn a_real_time_signal_serves_as_well() {
    succeeds_in_child("a_real_time_signal_serves_as_well", || {
        let waits = Waits::new();
        let id = start_running(&waits, "spin", RUNNING[0].1);
        let options = patient().with_signal(Some(libc::SIGRTMIN() + 3));
        judge(&capture(&options), id, "spin", Method::Signal).unwrap();
    });
}

#[test]
fn the_child_of_a_fork_captures_itself() {
    succeeds_in_child("the_child_of_a_fork_captures_itself", || {
        let waits = Waits::new();
        let _id = start_running(&waits, "spin", RUNNING[0].1);
        capture(&patient());
        // SAFETY: the child has this thread alone; the C library makes allocation work in it.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let found = capture(&patient().with_symbols(false));
            let whole = found.threads.len() == 1
                && matches!(found.threads[0].stack, Stack::Captured { method: Method::Own, .. });
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(if whole { 0 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: the child that was just made, and room for its status.
        unsafe { libc::waitpid(child, &mut status, 0) };
        assert_eq!(status, 0);
    });
}
