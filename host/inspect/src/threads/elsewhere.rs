//! Platforms that give no way to see another thread: the calling one alone.

use super::{Capture, Options, PrepareError, State, Thread, own_by_library};
use crate::symbols::Symbolizer;
use std::time::{Duration, Instant};

pub(super) fn capture(options: &Options, _symbolizer: &mut Symbolizer) -> Capture {
    let started = Instant::now();
    let stack = own_by_library::stack(options.symbols);
    let thread = std::thread::current();
    Capture {
        threads: vec![Thread {
            id: 0,
            name: thread.name().unwrap_or_default().to_owned(),
            state: State::Running,
            on_cpu: Some(true),
            cpu_user: Duration::ZERO,
            cpu_system: Duration::ZERO,
            age: None,
            wait: None,
            stack,
        }],
        notes: vec![
            "other threads cannot be seen on this platform: only the calling one is listed".to_owned(),
        ],
        took: started.elapsed(),
    }
}

pub(super) fn prepare(_options: &Options) -> Result<Option<i32>, PrepareError> {
    Ok(None)
}

pub(super) fn restore(_signal: i32) {}
