//! Runs a test's body in a process of its own, and watches known threads in it.

#[allow(dead_code, reason = "the file serves several test programs")]
#[path = "../../../../tests/fixtures/threads/src/workload.rs"]
pub mod workload;

use gmr_inspect::threads::{Capture, Method, Options, Stack, capture};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use workload::{RUNNING, SLEEPING, Waits};

const CHILD: &str = "GMR_TEST_CHILD";

/// Runs `body` in a child process: this test program again, with this test alone. The child ends as soon as
/// the body returns, whatever its other threads do.
pub fn in_child(test: &str, body: impl FnOnce()) -> ExitStatus {
    if std::env::var_os(CHILD).is_some() {
        body();
        // Not `process::exit`: called elsewhere than on the main thread it unmaps the alternate signal stack that std
        // gave that one (rust-lang/rust issue 161018), and a capture that goes on may be about to signal it.
        // SAFETY: ends the process without running anything more of it.
        unsafe { libc::_exit(0) };
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Far beyond what any body takes on a loaded machine: whoever is still there hangs.
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
    assert!(status.success(), "{test}: {status} (signal {:?})", status.signal());
}

/// Threads whose stacks are known, and stay so whatever else happens in the process.
pub struct Known {
    _waits: Arc<Waits>,
    threads: Vec<(u32, &'static str, Method)>,
    /// Each one's return addresses in the first capture, which was judged by name.
    expected: Vec<Vec<u64>>,
}

impl Known {
    pub fn start() -> Known {
        let waits = Waits::new();
        let mut threads = Vec::new();
        for (name, leaf) in SLEEPING.iter().filter(|way| ["mutex", "pipe", "condvar_timed"].contains(&way.0))
        {
            let id = workload::start(&waits, name, *leaf);
            workload::wait_until_asleep(id);
            threads.push((id, *name, workload::method_asleep(name)));
        }
        let (name, leaf) = RUNNING[0];
        threads.push((workload::start_running(&waits, name, leaf), name, Method::Signal));
        let found = capture(&patient());
        for (id, name, method) in &threads {
            if let Err(wrong) = workload::judge(&found, *id, name, *method) {
                panic!("before the stress: {wrong}");
            }
        }
        let expected = threads.iter().map(|(id, ..)| callers(&found, *id).unwrap()).collect();
        Known { _waits: waits, threads, expected }
    }

    /// Captures again and again, and compares each known thread's stack with the first.
    pub fn stay_right(&self, captures: usize) {
        for number in 0..captures {
            let found = capture(&patient().with_symbols(false));
            for ((id, name, _), expected) in self.threads.iter().zip(&self.expected) {
                let callers = callers(&found, *id);
                let thread = found.threads.iter().find(|thread| thread.id == *id);
                let shown = thread.map(workload::print).unwrap_or_default();
                assert_eq!(callers.as_ref(), Ok(expected), "{name} in capture {number}: {shown}");
            }
        }
    }
}

/// With time enough for a processor that is shared with many.
pub fn patient() -> Options {
    Options::default().with_deadline(Duration::from_secs(30))
}

/// The return addresses of a thread; not the innermost address, which moves.
fn callers(capture: &Capture, id: u32) -> Result<Vec<u64>, String> {
    let thread = capture.threads.iter().find(|thread| thread.id == id).ok_or("not listed")?;
    match &thread.stack {
        Stack::Captured { frames, .. } => {
            Ok(frames.iter().skip(1).map(|frame| frame.address.value()).collect())
        }
        Stack::Missing(_) => Err(workload::print(thread)),
    }
}
