//! Threads by Rust's library.

use super::Run;
use std::ffi::CStr;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// A thread, which goes on by itself when this is dropped.
pub(super) struct Thread(JoinHandle<()>);

/// # Errors
///
/// What the system says.
pub(super) fn start(name: &'static CStr, work: Arc<dyn Run>) -> io::Result<Thread> {
    let name = name.to_string_lossy().into_owned();
    Builder::new().name(name).spawn(move || work.run()).map(Thread)
}

impl Thread {
    /// Waits until the thread is gone, but not longer than so; then it is let go.
    pub(super) fn join(self, patience: Duration) {
        let until = Instant::now() + patience;
        while !self.0.is_finished() && Instant::now() < until {
            std::thread::yield_now();
        }
    }
}
