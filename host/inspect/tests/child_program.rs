//! A child program, of which the process notices nothing. Handlers and waits belong to a whole process: each test has one.

#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::ffi::CString;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use gmr_inspect::child_program::{Ended, Limits, Program, run};
use gmr_test_support::succeeds_in_child;
use rustix::fs::MemfdFlags;
use rustix::process::{WaitOptions, wait};

fn memory() -> File {
    rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC).unwrap().into()
}

fn duplicate(file: &File) -> OwnedFd {
    file.as_fd().try_clone_to_owned().unwrap()
}

fn limits() -> Limits {
    Limits::new(1 << 30, Duration::from_secs(20))
}

/// What a shell prints that runs this script with this input, and how it ended.
fn shell(script: &str, input: &str, limits: Limits, is_stopped: impl Fn() -> bool) -> (Ended, String) {
    let (mut given, mut printed) = (memory(), memory());
    given.write_all(input.as_bytes()).unwrap();
    given.rewind().unwrap();
    let shell = File::open("/bin/sh").unwrap();
    let (output, errors) = (duplicate(&printed), duplicate(&printed));
    let mut program = Program::new(shell.into(), c"sh".into(), given.into(), output, errors);
    program.arguments.extend([CString::from(c"-c"), CString::new(script).unwrap()]);
    let ended = run(program, limits, is_stopped).unwrap();
    let mut text = String::new();
    printed.rewind().unwrap();
    printed.read_to_string(&mut text).unwrap();
    (ended, text)
}

/// The open descriptors and what they lead to.
fn descriptors() -> Vec<(String, String)> {
    let all = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = all
        .filter_map(|path| {
            let target = std::fs::read_link(&path).ok()?.display().to_string();
            (!target.contains("/fd")).then(|| (path.display().to_string(), target))
        })
        .collect();
    all.sort();
    all
}

static CHILD_SIGNALS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: i32) {
    CHILD_SIGNALS.fetch_add(1, Ordering::Relaxed);
}

fn count_child_signals() {
    // SAFETY: the handler only counts.
    unsafe { libc::signal(libc::SIGCHLD, count as extern "C" fn(i32) as libc::sighandler_t) };
}

#[test]
fn a_program_gets_its_input_and_gives_its_output_and_status() {
    succeeds_in_child("a_program_gets_its_input_and_gives_its_output_and_status", || {
        let (ended, text) = shell("read word; echo \"$0 got $word\"; exit 7", "it\n", limits(), || false);
        assert_eq!((ended, text.as_str()), (Ended::Exited(7), "sh got it\n"));
        let (ended, _) = shell("kill -9 $$", "", limits(), || false);
        assert_eq!(ended, Ended::Signal(9));
    });
}

#[test]
fn the_process_has_no_child_and_gets_no_signal() {
    succeeds_in_child("the_process_has_no_child_and_gets_no_signal", || {
        count_child_signals();
        let (over, waits) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(wait(WaitOptions::NOHANG).unwrap_err(), rustix::io::Errno::CHILD);
                    waits.fetch_add(1, Ordering::Relaxed);
                }
            });
            for _ in 0..20 {
                // The shell has children of its own.
                let (ended, text) = shell("(exit 3); /bin/true; echo $?", "", limits(), || false);
                assert_eq!((ended, text.as_str()), (Ended::Exited(0), "0\n"));
            }
            over.store(true, Ordering::Relaxed);
        });
        assert_ne!(waits.load(Ordering::Relaxed), 0);
        assert_eq!(CHILD_SIGNALS.load(Ordering::Relaxed), 0);
        // As a child of the usual kind is noticed.
        std::process::Command::new("/bin/true").status().unwrap();
        assert_eq!(CHILD_SIGNALS.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn nothing_is_passed_on_and_nothing_is_left() {
    succeeds_in_child("nothing_is_passed_on_and_nothing_is_left", || {
        // Some that would survive an exec, at numbers low and high.
        let kept: Vec<i32> = (0..3)
            .map(|at| {
                let descriptor =
                    rustix::io::fcntl_dupfd_cloexec(File::open("/").unwrap(), 5 + 40 * at).unwrap();
                rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::empty()).unwrap();
                let number = descriptor.as_raw_fd();
                std::mem::forget(descriptor);
                number
            })
            .collect();
        assert_eq!(kept.len(), 3);
        // SAFETY: sets a disposition that an exec keeps.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
        gmr_inspect::signals::block_all_in_this_thread();
        let before = descriptors();
        // A shell blocks signals while it starts another program, so it reads its own status by itself.
        let script = "tr '\\0' '\\n' < /proc/$$/environ; ls /proc/$$/fd; while read -r line; do case $line in Sig[BI]*) echo \"$line\";; esac; done < /proc/$$/status; \
                      ulimit -c; ulimit -v";
        let (ended, text) = shell(script, "", limits(), || false);
        assert_eq!(ended, Ended::Exited(0), "{text}");
        let none = "0000000000000000";
        let masks = [format!("SigBlk:\t{none}"), format!("SigIgn:\t{none}")];
        let lines: Vec<&str> = text.lines().collect();
        // A shell keeps its script's descriptor, if it has one, from 10 on.
        assert_eq!(lines[..3], ["0", "1", "2"], "{text}");
        assert!(masks.iter().all(|mask| lines.contains(&mask.as_str())), "{text}");
        assert_eq!(lines[lines.len() - 2..], ["0", "1048576"], "{text}");
        assert_eq!(descriptors(), before);
    });
}

#[test]
fn a_program_that_takes_too_much_is_ended_by_its_limit() {
    succeeds_in_child("a_program_that_takes_too_much_is_ended_by_its_limit", || {
        let second = Limits::new(1 << 30, Duration::from_secs(1));
        let (ended, _) = shell("while :; do :; done", "", second, || false);
        assert_eq!(ended, Ended::Signal(libc::SIGXCPU));
        let mut short = limits();
        short.time = Duration::from_millis(200);
        assert_eq!(shell("exec sleep 1000", "", short, || false).0, Ended::TimedOut);
        let mut small = limits();
        small.file_bytes = 1000;
        let (ended, _) = shell("trap '' XFSZ; head -c 5000 /dev/zero", "", small, || false);
        assert_ne!(ended, Ended::Exited(0));
        let begun = AtomicBool::new(false);
        let stop = || begun.swap(true, Ordering::Relaxed);
        assert_eq!(shell("exec sleep 1000", "", limits(), stop).0, Ended::Stopped);
    });
}

#[test]
fn what_is_no_program_is_refused() {
    succeeds_in_child("what_is_no_program_is_refused", || {
        count_child_signals();
        let file = memory();
        let program =
            Program::new(duplicate(&file), c"none".into(), duplicate(&file), duplicate(&file), file.into());
        let refused = run(program, limits(), || false).unwrap_err();
        assert!(refused.raw_os_error().is_some(), "{refused}");
        assert_eq!(wait(WaitOptions::NOHANG).unwrap_err(), rustix::io::Errno::CHILD);
        assert_eq!(CHILD_SIGNALS.load(Ordering::Relaxed), 0);
    });
}

/// The first process whose command line has this in it.
fn process_with(argument: &str) -> Option<String> {
    let all =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    all.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).find(|process| {
        let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        // Not a shell that was told to look for it.
        line.starts_with(b"sleep\0") && String::from_utf8_lossy(&line).contains(argument)
    })
}

#[test]
fn nothing_goes_on_when_the_process_has_ended() {
    const SECONDS: &str = "7654321";
    // Ends as soon as the program runs.
    succeeds_in_child("nothing_goes_on_when_the_process_has_ended", || {
        std::thread::spawn(|| shell(&format!("exec sleep {SECONDS}"), "", limits(), || false));
        gmr_test_support::wait_for(|| process_with(SECONDS).ok_or("the program does not run yet"));
    });
    gmr_test_support::wait_for(|| {
        process_with(SECONDS).map_or(Ok(()), |process| Err(format!("{process} goes on")))
    });
}
