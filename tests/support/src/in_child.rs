//! A test's body in a process of its own: its signals, handlers and threads are nobody else's.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const CHILD: &str = "GMR_TEST_CHILD";

/// How a child ends whose body has returned. A test program that has no test of that name ends with 0.
const SUCCESS: i32 = 23;

/// Runs `body` in a child process: this test program again, with this test alone. The child ends as soon as
/// the body returns, whatever its other threads do.
pub fn in_child(test: &str, body: impl FnOnce()) -> ExitStatus {
    if std::env::var_os(CHILD).is_some() {
        body();
        // Not `process::exit`: called elsewhere than on the main thread it unmaps the alternate signal stack that std
        // gave that one (rust-lang/rust issue 161018), and a capture that goes on may be about to signal it.
        // SAFETY: ends the process without running anything more of it.
        unsafe { libc::_exit(SUCCESS) };
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Far beyond what any body takes on a loaded machine: a child that is still there hangs.
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{test}: the child hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// As [`in_child`], for a body that must succeed.
pub fn succeeds_in_child(test: &str, body: impl FnOnce()) {
    let status = in_child(test, body);
    assert_eq!(status.code(), Some(SUCCESS), "{test}: {status} (signal {:?})", status.signal());
}
