//! Threads whose stacks are compared from one capture to the next.

use std::sync::Arc;
use std::time::Duration;

use gmr_inspect::threads::{Capture, Method, Options, Stack, capture};

use super::{RUNNING, SLEEPING, Waits};

/// Threads whose stacks are known, and stay so whatever else happens in the process.
pub struct Known {
    _waits: Arc<Waits>,
    threads: Vec<(u32, &'static str, Method)>,
    /// Each one's return addresses in the first capture, which was judged by name.
    expected: Vec<Vec<u64>>,
}

impl Known {
    /// Starts them, and judges their stacks by name once.
    pub fn start() -> Known {
        let waits = Waits::new();
        let mut threads = Vec::new();
        for (name, leaf) in SLEEPING.iter().filter(|way| ["mutex", "pipe", "condvar_timed"].contains(&way.0))
        {
            let id = super::start(&waits, name, *leaf);
            super::wait_until_asleep(id);
            threads.push((id, *name, super::method_asleep(name)));
        }
        let (name, leaf) = RUNNING[0];
        threads.push((super::start_running(&waits, name, leaf), name, Method::Signal));
        let found = capture(&patient());
        for (id, name, method) in &threads {
            if let Err(wrong) = super::judge(&found, *id, name, *method) {
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
                let shown = thread.map(super::print).unwrap_or_default();
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
        Stack::Missing(_) => Err(super::print(thread)),
    }
}
