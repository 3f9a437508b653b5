//! Reports while threads of the program hold locks of the system's for ever: the dynamic loader's, and those of Rust's
//! library. Each has a process of its own.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::future::pending;
use std::sync::mpsc::channel;
use std::time::Duration;

use gmr::report::{Block, Frame, Report, Section, Trace};
use gmr::{Builder, Guard};
use gmr_inspect::tasks::Inspector;
use gmr_test_support::{HangingLibrary, succeeds_in_child};

#[inline(never)]
fn waits_for_ever() {
    loop {
        std::thread::park();
    }
}

async fn never_ready() {
    pending::<()>().await;
}

fn install(runtime: &tokio::runtime::Runtime) -> Guard {
    std::thread::Builder::new().name("waiting".to_owned()).spawn(waits_for_ever).unwrap();
    runtime.spawn(never_ready());
    // The debug information is read once a process, whoever asks for it; the first report is to be the one in trouble.
    let inspector = Inspector::new([runtime.handle().clone()]);
    inspector.prepare();
    inspector.prepared(Duration::from_secs(60)).unwrap();
    Builder::new(gmr::package!())
        .runtime(runtime.handle().clone())
        .configuration(&std::collections::BTreeMap::from([("listen", "0.0.0.0:80")]))
        .section("Pool", Vec::new)
        .install()
        .unwrap()
}

fn section<'r>(report: &'r Report, name: &str) -> &'r Section {
    report.sections.iter().find(|section| section.name == name).unwrap()
}

fn traces<'r>(report: &'r Report, section_name: &str) -> impl Iterator<Item = &'r Trace> {
    section(report, section_name).blocks.iter().filter_map(|block| match block {
        Block::Trace(trace) => Some(trace),
        _ => None,
    })
}

fn has_frame(report: &Report, section: &str, function: &str) -> bool {
    let is_it = |frame: &Frame| frame.calls.iter().any(|call| call.function.ends_with(function));
    traces(report, section).any(|trace| trace.frames.iter().any(is_it))
}

/// The stack of a thread and the chain of a task, with names; and the configuration.
fn is_complete(report: &Report) -> bool {
    has_frame(report, "threads", "waits_for_ever")
        && has_frame(report, "green_threads", "never_ready")
        && section(report, "configuration").failure.is_none()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap()
}

#[test]
fn while_a_thread_hangs_in_dlopen_reports_are_whole_and_the_guard_can_be_dropped() {
    succeeds_in_child(
        "while_a_thread_hangs_in_dlopen_reports_are_whole_and_the_guard_can_be_dropped",
        || {
            let runtime = runtime();
            let guard = install(&runtime);
            let Some(library) = HangingLibrary::load(env!("CARGO_TARGET_TMPDIR"), "loading") else { return };
            let report = guard.report().unwrap();
            assert!(is_complete(&report), "{report:#?}");
            assert!(has_frame(&report, "threads", "hang"), "where the thread hangs");
            let late = section(&report, "pool").failure.as_deref().unwrap_or_default();
            assert!(late.contains("did not answer in time"), "{late}");
            // The call for the first one is still on its way.
            let again = guard.report().unwrap();
            assert!(is_complete(&again), "{again:#?}");
            let busy = section(&again, "pool").failure.as_deref().unwrap_or_default();
            assert!(busy.contains("still stuck"), "{busy}");
            drop(guard);
            library.release();
        },
    );
}

#[test]
fn while_locks_of_rusts_library_are_held_reports_are_whole() {
    succeeds_in_child("while_locks_of_rusts_library_are_held_reports_are_whole", || {
        let runtime = runtime();
        let guard = install(&runtime);
        let (tell, told) = channel();
        let held = tell.clone();
        std::thread::spawn(move || {
            let _locks = (std::io::stdout().lock(), std::io::stderr().lock());
            held.send(()).unwrap();
            waits_for_ever();
        });
        told.recv().unwrap();
        std::panic::set_hook(Box::new(move |_| {
            tell.send(()).unwrap();
            waits_for_ever();
        }));
        std::thread::spawn(|| panic!("its hook does not come back"));
        told.recv().unwrap();
        // It waits for the lock on the hook, and whoever comes after it does too.
        std::thread::spawn(|| drop(std::panic::take_hook()));
        assert!(is_complete(&guard.report().unwrap()));
        drop(guard);
    });
}
