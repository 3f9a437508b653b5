//! Locks that never come back and calls that never return: the loader's, the allocator's, the standard library's, the
//! application's own.

use std::time::Duration;

use rustix::process::Signal;

use crate::line::{Line, Told};
use crate::report::Stacks;
use crate::stage::Stage;
use crate::subject::Subject;

pub static LINES: &[Line] = &[
    Line {
        name: "dlopen-hangs",
        source: "trouble 36",
        condition: "a library's constructor never returns: the dynamic loader's lock is held",
        run: |stage| {
            let subject = loading(stage);
            let seen = subject.report();
            let report = format!("{}, {}", seen.threads(Stacks::Addresses), seen.configuration());
            subject.finish_by_kill(report)
        },
    },
    Line {
        name: "dlopen-hangs-on-call",
        source: "trouble 36",
        condition: "the same, and the application asks by a call and then drops the reporter",
        run: |stage| {
            let mut subject = loading(stage);
            let sections = subject.ask("report");
            assert!(sections.ends_with("sections"), "{sections}");
            assert_eq!(subject.ask("drop"), "done");
            subject.finish_by_kill(sections)
        },
    },
    Line {
        name: "dlopen-hangs-at-install",
        source: "trouble 36",
        condition: "the dynamic loader's lock is held when the reporter is installed",
        run: |stage| {
            let mut subject = stage.launch().start();
            assert_eq!(subject.ask("drop"), "done");
            hang(&mut subject, stage);
            // A thread cannot start while that lock is held: installing may fail, and must not hang.
            let answer = {
                subject.tell("install");
                subject.answer()
            };
            subject.finish_by_kill(format!("install answers: {answer}"))
        },
    },
    Line {
        name: "allocator-hangs",
        source: "issue",
        condition: "no allocation comes back, in any thread",
        run: |stage| emergency(stage, "stop-allocator everywhere"),
    },
    Line {
        name: "allocator-hangs-in-the-reporter",
        source: "issue",
        condition: "no allocation of the reporter's threads comes back",
        run: |stage| emergency(stage, "stop-allocator reporter"),
    },
    Line {
        name: "stdout-held",
        source: "issue",
        condition: "a thread holds standard output's lock for ever",
        run: |stage| holding(stage, "stdout"),
    },
    Line {
        name: "stderr-held",
        source: "issue",
        condition: "a thread holds standard error's lock for ever",
        run: |stage| holding(stage, "stderr"),
    },
    Line {
        name: "panic-hook-held",
        source: "issue",
        condition: "the panic hook never returns, another one is being set, and a section panics",
        run: |stage| {
            let mut subject = stage.launch().order("contents:panics").start();
            subject.ask("hold panic-hook");
            let seen = subject.report();
            let report = seen.whole();
            assert!(!seen.failure("pool").is_empty(), "the section that panics says nothing");
            subject.finish_by_kill(report)
        },
    },
    Line {
        name: "section-panics",
        source: "oslo",
        condition: "a section of the application's panics",
        run: |stage| {
            let subject = stage.launch().order("contents:panics").start();
            let seen = subject.report();
            assert!(seen.failure("pool").contains("no pool today"), "{}", seen.failure("pool"));
            assert_eq!(seen.failure("queue"), "", "the other section has gone with it");
            let report = format!("{}; the section says why not", seen.whole());
            subject.finish(report)
        },
    },
    Line {
        name: "section-hangs",
        source: "oslo",
        condition: "a section of the application's never returns",
        run: |stage| {
            let subject = stage.launch().order("contents:stuck").start();
            for _ in 0..3 {
                let seen = subject.report();
                seen.whole();
                assert!(!seen.failure("stuck").is_empty(), "the section that hangs says nothing");
                assert_eq!(seen.failure("queue"), "", "the other section has gone with it");
            }
            let report = subject.report().whole();
            subject.finish(format!("{report}; the section says why not"))
        },
    },
    Line {
        name: "configuration-hangs",
        source: "issue",
        condition: "the closure that gives the configuration never returns",
        run: |stage| {
            let subject = stage.launch().order("contents:stuck-configuration").start();
            let seen = subject.report();
            let report = format!("{}, {}", seen.threads(Stacks::Named), seen.chains());
            assert!(!seen.failure("configuration").is_empty(), "the section says nothing");
            subject.finish(format!("{report}; the section says why not"))
        },
    },
    Line {
        name: "section-floods",
        source: "issue",
        condition: "a section of the application's has a hundred thousand paragraphs",
        run: |stage| {
            let subject = stage.launch().order("contents:floods").start();
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
];

/// A program one of whose threads is in a library's constructor for ever.
fn loading(stage: &Stage) -> Subject {
    let mut subject = stage.launch().set("GMR_DEADLINE", "3").start();
    hang(&mut subject, stage);
    subject
}

fn hang(subject: &mut Subject, stage: &Stage) {
    let sign = stage.path("sign");
    // Creating a file tells that the constructor has begun.
    let statement = format!("symlink(\"x\", \"{}\"); for (;;) pause();", sign.display());
    let library = stage.library("hangs", &statement);
    subject.ask(&format!("load {}", library.display()));
    gmr_test_support::wait_until("the constructor does not begin", || sign.is_symlink());
}

/// The emergency report comes: threads and their addresses without the allocator.
fn emergency(stage: &Stage, order: &str) -> Told {
    let mut subject = stage.launch().set("GMR_DEADLINE", "1").without_load().start();
    subject.rests();
    subject.tell(order);
    // Its answer may never come.
    std::thread::sleep(Duration::from_millis(100));
    subject.signal(Signal::USR2);
    let seen = subject.next_report();
    let report = format!("{}, \"{}\"", seen.threads(Stacks::Addresses), seen.says(&["emergency"]));
    Told { report, application: "as it was: nothing else is taken from it".to_owned() }
}

fn holding(stage: &Stage, what: &str) -> Told {
    let mut subject = stage.launch().start();
    subject.ask(&format!("hold {what}"));
    let report = subject.report().whole();
    assert_eq!(subject.ask("drop"), "done");
    subject.finish_by_kill(report)
}
