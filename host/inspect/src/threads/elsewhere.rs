//! Platforms that give no way to see another thread: the calling one alone.

use super::{Capture, Listing, Note, Options, PrepareError, State, Thread, system_unwinder};
use crate::symbols::Symbolizer;
use std::time::Instant;

pub(super) fn capture(_listing: &Listing, options: &Options, _symbolizer: &mut Symbolizer) -> Capture {
    let started = Instant::now();
    let stack = system_unwinder::stack(options.symbols);
    let thread = std::thread::current();
    Capture {
        threads: vec![Thread {
            state: State::Running,
            on_cpu: Some(true),
            stack,
            ..Thread::new(0, thread.name().unwrap_or_default())
        }],
        notes: vec![Note::OnlyCallingThread],
        took: started.elapsed(),
    }
}

#[cfg(target_os = "linux")]
pub(super) fn list() -> Listing {
    use crate::proc_self;
    let directory = proc_self::open_proc(std::path::Path::new("/proc/self/task"));
    match directory.and_then(proc_self::numbers) {
        Ok(ids) => Listing::of(ids, Default::default()),
        Err(errno) => Listing::failed(errno.raw_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn list() -> Listing {
    Listing::default()
}

pub(super) fn prepare(_options: &Options) -> Result<Option<i32>, PrepareError> {
    Ok(None)
}

pub(super) fn restore(_signal: i32) {}

/// No other thread's clock is known.
pub(super) fn cpu_time(_id: u32) -> Option<std::time::Duration> {
    None
}
