//! `gmr trigger`: the signal arrives where it is caught, and is not sent where it would do harm.
#![cfg(target_os = "linux")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gmr_test_support::succeeds_in_child;
use rustix::process::{WaitId, WaitIdOptions};
use signal_hook::consts::{SIGUSR1, SIGUSR2};
use support::{bad, command, good, misuse};

/// A process that catches nothing and answers each line with the same one.
struct Echo(Child);

impl Echo {
    fn start() -> Echo {
        let mut command = Command::new("cat");
        let mut echo = Echo(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
        // Until it has answered, it may still be this program's copy.
        echo.answers();
        echo
    }

    #[track_caller]
    fn answers(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"alive\n").unwrap();
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "alive\n");
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_process_that_catches_the_signal_gets_it() {
    let (mut read, write) = UnixStream::pair().unwrap();
    read.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    signal_hook::low_level::pipe::register(SIGUSR2, write).unwrap();
    let own = std::process::id().to_string();
    // Until it has the reporter's thread, what it makes of the signal is not known.
    bad(&[&"trigger", &own], &["catches SIGUSR2", "no thread `gmr`"]);
    let (keep, wait) = std::sync::mpsc::channel::<()>();
    let (named, is_named) = std::sync::mpsc::channel();
    let reporter = std::thread::Builder::new().name("gmr".to_owned());
    let reporter = reporter.spawn(move || (named.send(()), wait.recv().is_err())).unwrap();
    is_named.recv().unwrap();
    let said = good(&[&"trigger", &own]);
    assert!(said.starts_with(&format!("sent SIGUSR2 to process {own} (")), "{said}");
    read.read_exact(&mut [0]).expect("the signal arrives");
    bad(&[&"trigger", &own, &"--signal", &"USR1"], &["does not catch SIGUSR1"]);
    // Another that is caught beside it.
    let (mut read, write) = UnixStream::pair().unwrap();
    read.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    signal_hook::low_level::pipe::register(SIGUSR1, write).unwrap();
    good(&[&"trigger", &own, &"--signal", &"SIGUSR1"]);
    read.read_exact(&mut [0]).expect("the signal arrives");
    drop(keep);
    assert!(reporter.join().unwrap().1);
}

#[test]
fn a_process_that_blocks_the_signal_everywhere_is_told() {
    // The child inherits the mask, all of its threads do.
    gmr_inspect::signals::block_all_in_this_thread();
    succeeds_in_child("a_process_that_blocks_the_signal_everywhere_is_told", || {
        let (read, write) = UnixStream::pair().unwrap();
        signal_hook::low_level::pipe::register(SIGUSR2, write).unwrap();
        let (named, is_named) = std::sync::mpsc::channel();
        let (keep, wait) = std::sync::mpsc::channel::<()>();
        let reporter = std::thread::Builder::new().name("gmr".to_owned());
        reporter.spawn(move || (named.send(()), wait.recv().is_err())).unwrap();
        is_named.recv().unwrap();
        let own = std::process::id().to_string();
        let blocked = format!("SIGUSR2 is blocked in every thread of process {own} (");
        bad(&[&"trigger", &own], &[&blocked, "would stay pending,", "--force"]);
        good(&[&"trigger", &own, &"--force"]);
        bad(&[&"trigger", &own], &[&blocked, "stay pending, as one that was sent before does"]);
        // Nothing was delivered.
        read.set_nonblocking(true).unwrap();
        assert!((&read).read(&mut [0]).is_err());
        drop(keep);
    });
}

#[test]
fn a_process_that_would_end_is_spared() {
    let mut echo = Echo::start();
    let id = echo.0.id().to_string();
    bad(&[&"trigger", &id], &[&id, "(cat)", "does not catch SIGUSR2", "--force"]);
    echo.answers();
}

#[test]
fn force_sends_it_all_the_same() {
    let mut echo = Echo::start();
    good(&[&"trigger", &echo.0.id().to_string(), &"--force"]);
    assert_eq!(echo.0.wait().unwrap().signal(), Some(SIGUSR2));
}

#[test]
fn what_is_no_living_process_is_told_apart() {
    // Beyond the largest id that a kernel gives.
    bad(&[&"trigger", &"4194305"], &["there is no process 4194305"]);
    let mut ended = command(&[&"--version"]).stdout(Stdio::null()).spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&ended);
    let id = ended.id().to_string();
    // It has ended, and nobody has asked how.
    let ends = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    rustix::process::waitid(WaitId::Pid(pid), ends).unwrap();
    bad(&[&"trigger", &id, &"--force"], &[&id, "has ended already"]);
    ended.wait().unwrap();
    let thread = std::thread::spawn(|| {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let id = status.lines().find_map(|line| line.strip_prefix("Pid:")).unwrap().trim().to_owned();
        bad(&[&"trigger", &id], &[&id, "is a thread"]);
    });
    thread.join().unwrap();
}

#[test]
fn what_is_no_signal_or_id_is_a_wrong_usage() {
    misuse(&[&"trigger", &"0"], "0 is not in");
    misuse(&[&"trigger", &"-1"], "-1");
    misuse(&[&"trigger", &"shop"], "shop");
    misuse(&[&"trigger", &"4194305", &"--signal", &"KILL"], "cannot be caught");
    misuse(&[&"trigger", &"4194305", &"--signal", &"USR3"], "did you mean");
}
