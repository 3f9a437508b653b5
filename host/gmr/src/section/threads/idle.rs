//! Idle machinery: threads of a runtime or pool that wait for work. They are normal, there are many, and text shows them in
//! one line.

use gmr_inspect::tasks::tokio::is_poll_frame;
use gmr_inspect::threads::{State, Thread};
use gmr_report::words::short_function;
use gmr_report::{Frame, fold_inner};

use super::grouping::{Group, frames_of};

/// Parts of the names of functions in which a thread of a runtime or pool waits for work, and what such a thread is. From
/// tokio's `runtime/scheduler/multi_thread/{worker,park}.rs` and `runtime/blocking/pool.rs`, and rayon-core's `registry.rs`.
const WAITS_FOR_WORK: [(&str, &str); 4] = [
    ("multi_thread::worker::Context::park", "tokio worker"),
    // Where the former was inlined and no debug information tells so.
    ("multi_thread::park::", "tokio worker"),
    ("runtime::blocking::pool::Inner::run", "blocking-pool thread"),
    ("registry::WorkerThread::wait_until_out_of_work", "rayon worker"),
];

/// The functions in which the thread that calls a runtime's `block_on` waits for its future to be woken, from tokio's
/// `runtime/park.rs` and `runtime/scheduler/current_thread/mod.rs`.
const BLOCKS_ON: [&str; 3] = ["CachedParkThread::park", "current_thread::Context::park", "park::Inner::park"];

/// What the threads of a group are if they only wait for work, or belong to the reporter.
pub(super) fn kind(group: &Group<'_>) -> Option<&'static str> {
    if group.threads.iter().all(|thread| crate::own_threads::is_ours(&thread.name)) {
        return Some("reporter's thread");
    }
    let first = group.threads[0];
    if first.state != State::Sleeping {
        return None;
    }
    let names = functions(first).take_while(|name| !is_poll_frame(name));
    let mut kinds = names.filter_map(|name| {
        let name = short_function(name);
        WAITS_FOR_WORK.iter().find(|(part, _)| name.contains(part)).map(|(_, kind)| *kind)
    });
    kinds.next()
}

/// Folds the frames of a runtime's `block_on` that waits, which say no more than that it does.
pub(super) fn fold_block_on(thread: &Thread, frames: &mut [Frame]) {
    let names = || functions(thread).take_while(|name| !is_poll_frame(name)).map(short_function);
    let waits = names().any(|name| BLOCKS_ON.iter().any(|part| name.contains(part)));
    if thread.state == State::Sleeping && waits {
        fold_inner(frames, |name| {
            let name = short_function(name);
            name.starts_with("tokio::") && name.contains("block_on")
        });
    }
}

/// Whether a task's poll sleeps on this thread, which is a worker of a runtime. What `spawn_blocking` runs may sleep.
pub(super) fn sleeps_in_poll(thread: &Thread) -> bool {
    let mut outwards = functions(thread).skip_while(|name| !is_poll_frame(name));
    thread.state == State::Sleeping && outwards.any(|name| name.contains("runtime::scheduler::"))
}

/// The functions of a stack, the innermost first.
fn functions(thread: &Thread) -> impl Iterator<Item = &str> {
    let symbols = frames_of(thread).iter().flat_map(|frame| frame.symbols.iter());
    symbols.map(|symbol| symbol.function.as_str())
}
