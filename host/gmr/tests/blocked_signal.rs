//! The signal that asks for reports where every thread of the application blocks it, as after `exec` from a program that
//! did. A process of its own, whose mask it is.
#![cfg(target_os = "linux")]

use std::fs;

use gmr::{Builder, Settings};
use gmr_inspect::signals::block_all_in_this_thread;
use gmr_test_support::{succeeds_in_child, wait_until};
use rustix::process::{Signal, getpid, kill_process};

#[test]
fn a_signal_that_every_thread_blocks_is_answered() {
    // The child inherits it, all of its threads do.
    block_all_in_this_thread();
    succeeds_in_child("a_signal_that_every_thread_blocks_is_answered", || {
        let directory = tempfile::tempdir().unwrap();
        let reports = || fs::read_dir(directory.path()).unwrap().count();
        let ask = || kill_process(getpid(), Signal::USR2).unwrap();
        // One that comes before anything is installed stays pending, and is answered then.
        ask();
        let mut settings = Settings::default();
        settings.log_dir = Some(directory.path().to_owned());
        let guard = Builder::new(gmr::Package::new("blocked", "1")).settings(settings).install().unwrap();
        wait_until("the signal that was pending is answered", || reports() == 1);
        ask();
        wait_until("the signal is answered", || reports() == 2);
        drop(guard);
    });
}
