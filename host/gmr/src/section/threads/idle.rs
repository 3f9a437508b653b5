//! Machinery of runtimes and pools in stacks: threads that wait for work, which text shows in one line, and frames that are
//! the same on each thread.

use gmr_inspect::tasks::tokio::{is_poll_frame, is_scheduler_frame};
use gmr_inspect::threads::{State, Thread};
use gmr_report::words::short_function;
use gmr_report::{Frame, fold_inner, fold_outer};

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
    if first.state == State::Sleeping { waits_for_work(first) } else { None }
}

/// What a thread of a runtime or pool is that is not in the midst of a task or job, by its stack. A worker's stack has a poll
/// all the same: that of the blocking pool, whose job it is to be a worker.
pub(crate) fn waits_for_work(thread: &Thread) -> Option<&'static str> {
    let names = functions(thread).take_while(|name| !is_poll_frame(name));
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

/// Folds what a thread of tokio's own calls a task or a blocking job through: fifty frames that are the same on each. Nested
/// runtimes are left alone, whose frames are between the application's.
pub(super) fn fold_runtime(thread: &Thread, frames: &mut [Frame]) {
    let names = lines(thread);
    let outside =
        |end: usize, part: &str| names[..end].iter().rposition(|name| short_function(name).contains(part));
    let poll = |end: usize| names[..end].iter().rposition(|name| is_poll_frame(name));
    let Some(job) = outside(names.len(), "blocking::pool::Inner::run").and_then(poll) else { return };
    // A worker is itself a job of the blocking pool.
    let called = match outside(job, "multi_thread::worker::run") {
        Some(worker) => poll(worker),
        None => Some(job),
    };
    let Some(called) = called else { return };
    let inwards = (0..called).rev().take_while(|at| is_of_runtime(names[*at]));
    let innermost = inwards.filter(|at| is_poll_frame(names[*at])).last().unwrap_or(called);
    fold_outer(frames, innermost);
}

/// Whether a function may stand between a task and the runtime that polls it.
fn is_of_runtime(function: &str) -> bool {
    let name = function.trim_start_matches('<');
    ["tokio::", "core::", "std::", "alloc::", "__rust_try"].iter().any(|start| name.starts_with(start))
}

/// The functions of a stack as text has them, a line each; of a frame without a name it is empty.
fn lines(thread: &Thread) -> Vec<&str> {
    let frames = frames_of(thread).iter();
    let lines = frames.flat_map(|frame| {
        let bare = frame.symbols.is_empty().then_some("");
        bare.into_iter().chain(frame.symbols.iter().map(|symbol| symbol.function.as_str()))
    });
    lines.collect()
}

/// Whether a task's poll sleeps on this thread, which is a worker of a runtime. What `spawn_blocking` runs may sleep.
pub(super) fn sleeps_in_poll(thread: &Thread) -> bool {
    let mut outwards = functions(thread).skip_while(|name| !is_poll_frame(name));
    thread.state == State::Sleeping && outwards.any(is_scheduler_frame)
}

/// The functions of a stack, the innermost first.
fn functions(thread: &Thread) -> impl Iterator<Item = &str> {
    let symbols = frames_of(thread).iter().flat_map(|frame| frame.symbols.iter());
    symbols.map(|symbol| symbol.function.as_str())
}
