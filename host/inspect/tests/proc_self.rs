//! What is held open serves when the process has no descriptors left, another root, another user, or when a daemon has
//! closed everything; and what belongs to others is left alone.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::path::Path;

use gmr_inspect::proc_self::{self, SPARE_DESCRIPTORS};
use gmr_inspect::threads::{Capture, Method, Quality, Stack, capture};
use gmr_test_support::workload::{
    self, RUNNING, Waits, judge, patient, start, start_running, wait_until_asleep,
};
use gmr_test_support::{skip, succeeds_in_child};
use rustix::process::{Resource, Rlimit, setrlimit};

/// The directory and the spare ones.
const HELD: usize = 1 + SPARE_DESCRIPTORS;

/// A sleeping thread and a running one.
fn two_threads() -> (u32, u32) {
    let waits = Waits::new();
    let asleep = start(&waits, "pipe", workload::leaf_pipe);
    wait_until_asleep(asleep);
    (asleep, start_running(&waits, "spin", RUNNING[0].1))
}

fn descriptors() -> usize {
    // One is the list's own.
    std::fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

/// Lets the process have so few descriptors that a test can use them up.
fn limit() {
    let limit = Some(100);
    setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit }).unwrap();
}

/// Opens files until there are no descriptors left.
fn exhaust() -> Vec<File> {
    let files: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(files.len() >= 10, "{}", files.len());
    assert_eq!(File::open("/dev/null").unwrap_err().raw_os_error(), Some(libc::EMFILE));
    files
}

fn seen_whole(found: &Capture, (asleep, running): (u32, u32), method: Method) {
    judge(found, asleep, "pipe", method).unwrap();
    judge(found, running, "spin", Method::Signal).unwrap();
    let own = found.threads.iter().find(|thread| thread.id == workload::gettid()).unwrap();
    assert!(
        matches!(own.stack, Stack::Captured { method: Method::Own, quality: Quality::Verified, .. }),
        "{}",
        workload::print(own)
    );
    assert!(!own.name.is_empty());
}

#[test]
fn without_a_descriptor_left_all_threads_have_stacks_and_names() {
    succeeds_in_child("without_a_descriptor_left_all_threads_have_stacks_and_names", || {
        limit();
        let threads = two_threads();
        let before = descriptors();
        let hold = proc_self::hold();
        assert_eq!(descriptors(), before + HELD);
        assert_eq!(proc_self::exhausted_descriptors(), None);
        let files = exhaust();
        // The program that started this one may have left it one with a larger number.
        let all = proc_self::exhausted_descriptors().unwrap();
        assert!(all.limit == 100 && [100, 101].contains(&all.open), "{all:?}");
        // Also what was lost to others, who may be faster, does not add up.
        for _ in 0..20 {
            seen_whole(&capture(&patient()), threads, Method::Sleeping);
            assert!(File::open("/dev/null").is_err(), "what is spare is taken back");
        }
        drop(files);
        seen_whole(&capture(&patient()), threads, Method::Sleeping);
        drop(hold);
        assert_eq!(descriptors(), before);
    });
}

#[test]
fn in_another_root_and_as_another_user_all_threads_are_seen() {
    succeeds_in_child("in_another_root_and_as_another_user_all_threads_are_seen", || {
        let threads = two_threads();
        let _hold = proc_self::hold();
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty-root");
        std::fs::create_dir_all(&root).unwrap();
        if let Err(error) = std::os::unix::fs::chroot(&root) {
            return skip(format_args!("only root may change the root: {error}"));
        }
        std::env::set_current_dir("/").unwrap();
        assert!(!Path::new("/proc").exists());
        seen_whole(&capture(&patient()), threads, Method::Sleeping);
        // SAFETY: takes integers.
        assert_eq!(unsafe { libc::setresgid(65534, 65534, 65534) }, 0);
        // SAFETY: takes integers.
        assert_eq!(unsafe { libc::setresuid(65534, 65534, 65534) }, 0);
        // What a process does that is not dumpable is shown to root alone.
        seen_whole(&capture(&patient()), threads, Method::Signal);
    });
}

#[test]
fn a_thousand_captures_leave_no_descriptor_behind() {
    succeeds_in_child("a_thousand_captures_leave_no_descriptor_behind", || {
        let _hold = proc_self::hold();
        let options = patient().with_symbols(false);
        drop(capture(&options));
        let before = descriptors();
        (0..1000).for_each(|_| drop(capture(&options)));
        assert_eq!(descriptors(), before);
    });
}

#[test]
fn what_others_have_opened_since_under_the_same_numbers_is_left_alone() {
    succeeds_in_child("what_others_have_opened_since_under_the_same_numbers_is_left_alone", || {
        let threads = two_threads();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign");
        std::fs::write(&path, "untouched").unwrap();
        let hold = proc_self::hold();
        // As a daemon does, but for the pipes that the threads wait in.
        // SAFETY: nothing in this process relies on those above.
        assert_eq!(unsafe { libc::syscall(libc::SYS_close_range, 100, u32::MAX, 0) }, 0);
        let files: Vec<File> = (0..400).map(|_| File::open(&path).unwrap()).collect();
        assert!(files.iter().any(|file| file.as_raw_fd() > 300), "all former numbers are taken");
        // What is held is opened anew.
        seen_whole(&capture(&patient()), threads, Method::Sleeping);
        drop(hold);
        for mut file in files {
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, "untouched", "it is open, and nobody has read on in it");
        }
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn a_forked_child_sees_itself_and_not_its_parent() {
    succeeds_in_child("a_forked_child_sees_itself_and_not_its_parent", || {
        let (asleep, _) = two_threads();
        let _hold = proc_self::hold();
        // SAFETY: the child ends without returning; it is single-threaded, so that locks of others do not matter: the
        // allocator's are made free by the C library.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let options = patient().with_symbols(false);
            let alone = capture(&options).threads.iter().map(|thread| thread.id).eq([std::process::id()]);
            let hold = proc_self::hold();
            let held = capture(&options).threads.iter().map(|thread| thread.id).eq([std::process::id()]);
            drop(hold);
            // SAFETY: ends the process without running anything more of it.
            unsafe { libc::_exit(if alone && held { 0 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: `status` is an integer of our own, and the child is ours.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
        judge(&capture(&patient()), asleep, "pipe", Method::Sleeping).unwrap();
    });
}
