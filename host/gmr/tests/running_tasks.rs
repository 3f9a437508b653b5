//! A report of a task that does not give its worker back: the thread that runs it, and where it stands. A process has one
//! reporter, so this test has a process of its own.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gmr::report::{Block, Report, Trace, TraceKind, Value};
use gmr_test_support::wait_for;

static STOP: AtomicBool = AtomicBool::new(false);

#[inline(never)]
fn spin_for_long() {
    let mut number = 1_u64;
    while !STOP.load(Ordering::Relaxed) {
        number = black_box(number.wrapping_mul(3));
    }
}

#[inline(never)]
fn sleep_for_long() {
    while !STOP.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_secs(1));
    }
}

async fn spins() {
    spin_for_long();
}

async fn blocks() {
    sleep_for_long();
}

fn traces(report: &Report) -> Vec<&Trace> {
    let section = report.sections.iter().find(|section| section.name == "green_threads").unwrap();
    let traces = section.blocks.iter().filter_map(|block| match block {
        Block::Trace(trace) => Some(trace),
        _ => None,
    });
    traces.collect()
}

/// The thread that the report has at the task whose future ends so, and the functions of its stack.
fn stands(report: &Report, future: &str) -> Option<(i64, Vec<String>)> {
    let traces = traces(report);
    let is_task = |trace: &&&Trace| {
        trace.kind == TraceKind::Await
            && trace.members.iter().flat_map(|member| &member.fields).any(|field| {
                field.key == "future" && matches!(&field.value, Value::Text(text) if text.ends_with(future))
            })
    };
    let at = traces.iter().position(|trace| is_task(&trace))?;
    let fields = &traces[at].members[0].fields;
    let thread = fields.iter().find_map(|field| match field.value {
        Value::Integer(thread) if field.key == "thread" => Some(thread),
        _ => None,
    })?;
    // Without frames the first reports are, which come before the debug information is read.
    let stack =
        traces.get(at + 1).filter(|trace| trace.kind == TraceKind::Stack && !trace.frames.is_empty())?;
    assert!(stack.title.contains(&format!("on thread {thread} ")), "{stack:?}");
    assert!(stack.members.is_empty(), "a thread is not listed twice");
    assert!(stack.frames.iter().all(|frame| frame.folded), "text has it once, under Threads");
    let shown = stack.frames.iter().flat_map(|frame| &frame.calls);
    Some((thread, shown.filter(|call| !call.folded).map(|call| call.function.clone()).collect()))
}

#[test]
fn running_tasks_have_the_stack_of_their_thread_down_to_their_own_poll() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // To drop it would be to wait for its tasks, which a failure leaves running.
    let runtime = std::mem::ManuallyDrop::new(runtime);
    let mut settings = gmr::Settings::default();
    settings.deadline = Duration::from_secs(60);
    let builder = gmr::Builder::new(gmr::package!()).settings(settings).runtime(runtime.handle().clone());
    let guard = builder.install().unwrap();
    runtime.spawn(spins());
    runtime.spawn(blocks());

    let (report, spins, blocks) = wait_for(|| {
        let report = guard.report().unwrap();
        match (stands(&report, "::spins"), stands(&report, "::blocks")) {
            (Some(spins), Some(blocks)) => Ok((report, spins, blocks)),
            _ => Err(gmr::report::format::text::report(&report)),
        }
    });
    for ((thread, functions), own) in [(&spins, "spin_for_long"), (&blocks, "sleep_for_long")] {
        assert!(functions.iter().any(|function| function.ends_with(own)), "{functions:?}");
        assert!(functions.iter().all(|function| !function.starts_with("tokio::runtime::")), "{functions:?}");
        let threads = report.sections.iter().find(|section| section.name == "threads").unwrap();
        let is_listed = |block: &Block| matches!(block, Block::Trace(trace) if trace.members.iter().any(|member| member.id as i64 == *thread));
        assert!(threads.blocks.iter().any(is_listed), "{thread}");
    }
    assert_ne!(spins.0, blocks.0);
    STOP.store(true, Ordering::Relaxed);
}
