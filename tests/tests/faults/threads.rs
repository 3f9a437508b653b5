//! Threads and stacks: very many, very deep, nearly used up, all blocked.

use std::fs;

use crate::line::Line;
use crate::report::{Stacks, has_call};
use crate::stage::require;

pub static LINES: &[Line] = &[
    Line {
        name: "running-threads",
        source: "issue",
        condition: "four threads run without a pause",
        run: |stage| {
            let mut subject = stage.launch().start();
            (0..4).for_each(|_| drop(subject.ask("spin")));
            let seen = subject.report();
            let report = seen.whole();
            assert!(
                has_call(seen.thread("spinner"), "spins_in_arithmetic"),
                "the running threads have no stack"
            );
            subject.ask("rest");
            subject.finish(report)
        },
    },
    Line {
        name: "main-is-busy",
        source: "oslo",
        condition: "the main thread computes and does not come back",
        run: |stage| {
            let mut subject = stage.launch().start();
            subject.ask("spin-here");
            // It may be in the midst of its answer still.
            let seen = gmr_test_support::wait_for(|| {
                let seen = subject.report();
                if seen.text.contains("spins_in_arithmetic") { Ok(seen) } else { Err("its stack is missing") }
            });
            let report = seen.whole();
            subject.finish_by_kill(report)
        },
    },
    Line {
        name: "futures-that-nobody-polls",
        source: "trouble 16",
        condition: "a report is made of a future that counts its polls",
        run: |stage| {
            let mut subject = stage.launch().start();
            let before = subject.ask("polls");
            let report = subject.report().whole();
            assert_eq!(subject.ask("polls"), before, "the report polls it");
            subject.finish(report)
        },
    },
    Line {
        name: "unknown-runtime",
        source: "trouble 18",
        condition: "there is a second runtime of which the reporter was not told",
        run: |stage| {
            let mut subject = stage.launch().start();
            subject.ask("start-runtime");
            subject.descriptors_differ();
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "running-task",
        source: "trouble 19",
        condition: "a task runs in its thread for long",
        run: |stage| {
            let mut subject = stage.launch().start();
            subject.ask("work-in-place");
            let seen = subject.report();
            let report = seen.whole();
            assert!(!seen.text.contains("came_later"), "a reason that is not known to be true");
            subject.finish_by_kill(report)
        },
    },
    Line {
        name: "twenty-thousand-threads",
        source: "issue",
        condition: "20,000 threads",
        run: |stage| {
            require("20,000 threads", "test $(cat /proc/sys/kernel/pid_max) -gt 25000");
            require("20,000 threads", "test $(cat /proc/sys/kernel/threads-max) -gt 25000");
            let mut subject = stage.launch().set("GMR_DEADLINE", "30").start();
            assert_eq!(subject.ask("crowd 20000"), "done");
            let seen = subject.report();
            let crowd = seen.count_of("crowd");
            assert!(crowd >= 20_000, "only {crowd} of 20,000 threads");
            seen.configuration();
            seen.chains();
            subject.finish(format!("{crowd} threads and the others, chains, configuration"))
        },
    },
    Line {
        name: "deep-recursion",
        source: "trouble 20",
        condition: "a thread waits under 5,000 calls",
        run: |stage| {
            let mut subject = stage.launch().start();
            subject.ask("recurse 5000");
            let seen = subject.report();
            let report = seen.whole();
            both_ends(&seen);
            subject.finish(format!("{report}, both ends of the deep one"))
        },
    },
    Line {
        name: "very-deep-recursion",
        source: "trouble 20",
        condition: "a thread waits under 500,000 calls",
        run: |stage| {
            let mut subject = stage.launch().start();
            subject.ask("recurse 500000");
            let seen = subject.report();
            let report = seen.whole();
            both_ends(&seen);
            subject.finish(format!("{report}, both ends of the deep one"))
        },
    },
    Line {
        name: "stack-nearly-used-up",
        source: "trouble 27",
        condition: "a running thread has 4 KiB of its stack left",
        run: |stage| {
            let mut subject = stage.launch().start();
            subject.ask("use-stack-up 4096");
            // It may be on its way there still.
            let seen = gmr_test_support::wait_for(|| {
                let seen = subject.report();
                if has_call(seen.thread("cramped"), "uses_the_stack_up") {
                    Ok(seen)
                } else {
                    Err("its stack is missing")
                }
            });
            let report = seen.whole();
            subject.finish(report)
        },
    },
    Line {
        name: "every-worker-blocked",
        source: "issue",
        condition: "every worker of the runtime waits for a lock of the standard library",
        run: |stage| {
            let mut subject = stage.launch().without_load().start();
            subject.ask("block-workers");
            let seen = subject.report();
            let report =
                format!("{}, {}, {}", seen.threads(Stacks::Named), seen.chains(), seen.configuration());
            assert!(seen.text.contains("waits_for_a_standard_lock"), "the workers' stacks are missing");
            subject.finish_by_kill(format!("{report}, what the workers wait for"))
        },
    },
    Line {
        name: "thread-name-with-escapes",
        source: "trouble 34",
        condition: "a thread's name commands the terminal",
        run: |stage| {
            let mut subject = stage.launch().set("GMR_FORMAT", "text").start();
            subject.ask("name-thread \u{1b}[2J\u{1b}[31m!");
            subject.signal(rustix::process::Signal::USR2);
            subject.wait_for_error("====");
            subject.rests();
            assert!(!subject.errors().contains('\u{1b}'), "the escape is printed");
            subject.finish("escaped")
        },
    },
    Line {
        name: "thread-name-cut-in-a-letter",
        source: "oslo",
        condition: "the kernel cuts a thread's name in the middle of a letter: it is no UTF-8",
        run: |stage| {
            let mut subject = stage.launch().start();
            subject.ask("name-thread üüüüüüüüüü");
            let names: Vec<Vec<u8>> = fs::read_dir(subject.proc("task"))
                .expect("it lives")
                .flatten()
                .filter_map(|thread| fs::read(thread.path().join("comm")).ok())
                .collect();
            assert!(
                names.iter().any(|name| std::str::from_utf8(name).is_err()),
                "the kernel cuts it elsewhere"
            );
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
];

/// The innermost frames and the thread's start are there, and how many are between.
fn both_ends(seen: &crate::report::Seen) {
    let trace = seen.thread("deep");
    assert!(has_call(trace, "recurses"), "the innermost frames are missing");
    assert!(
        has_call(trace, "start_thread") || has_call(trace, "thread_start"),
        "the stack's beginning is missing"
    );
    seen.says(&["between", "omitted", "left out"]);
}
