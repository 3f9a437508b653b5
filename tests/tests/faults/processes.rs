//! Processes that fork, execute, end, and change their files; storms in the way of a report.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal};

use crate::line::{Line, Told};
use crate::report::Seen;
use crate::stage::{PROGRAM, Stage, run};
use crate::subject::Subject;

pub static LINES: &[Line] = &[
    Line {
        name: "forked-child",
        source: "oslo",
        condition: "a child was forked and executes nothing; both are signalled",
        run: |stage| {
            let mut subject = stage.launch().start();
            let child = forked(&mut subject, "fork");
            signal(child, Signal::USR2);
            let errors = subject.wait_for_error("forked");
            assert_eq!(errors.lines().count(), 1, "not one line: {errors}");
            assert!(Path::new(&format!("/proc/{child}/stat")).exists(), "the child died of it");
            let report = subject.report().whole();
            signal(child, Signal::KILL);
            subject.finish(format!("{report}; the child says why it has none"))
        },
    },
    Line {
        name: "preforked-worker",
        source: "trouble 25",
        condition: "a forked worker drops the parent's guard and installs a reporter of its own",
        run: |stage| {
            let folder = stage.folder("reports");
            let mut subject = stage.launch().set("GMR_LOG_DIR", &folder).start();
            let child = forked(&mut subject, "fork-reporter");
            let own = || {
                let names = gmr_test_support::subject::names(&folder);
                names.into_iter().filter(|name| name.contains(&format!("_{child}_"))).collect::<Vec<_>>()
            };
            // Until it has a reporter of its own, each signal is answered by a line.
            gmr_test_support::wait_for(|| {
                signal(child, Signal::USR2);
                std::thread::sleep(std::time::Duration::from_millis(100));
                if own().is_empty() { Err("no report of the worker's") } else { Ok(()) }
            });
            let (before, reports) = (subject.all_errors(), own().len());
            gmr_test_support::wait_for(|| {
                signal(child, Signal::USR2);
                std::thread::sleep(std::time::Duration::from_millis(100));
                if own().len() > reports { Ok(()) } else { Err("no other report of the worker's") }
            });
            let text = fs::read_to_string(folder.join(&own()[0])).expect("readable");
            Seen::of(&text).configuration();
            signal(child, Signal::KILL);
            assert_eq!(subject.all_errors(), before, "the worker has a reporter, and says something else");
            subject.finish("the worker's own")
        },
    },
    Line {
        name: "executed-child",
        source: "issue",
        condition: "a child was forked and executes a program",
        run: |stage| {
            let mut subject = stage.launch().start();
            subject.report();
            // This process's own child inherits what it got from whoever runs the tests; the program's has no more.
            let list = "ls /proc/self/fd | tr '\\n' ' '";
            let ours = Command::new("/bin/sh").args(["-c", list]).output().expect("a shell").stdout;
            let ours = String::from_utf8(ours).expect("UTF-8");
            let its = subject.ask(&format!("spawn {list}"));
            assert_eq!(its.split_whitespace().count(), ours.split_whitespace().count(), "inherited: {its}");
            let masks = subject.ask("spawn grep -E 'SigBlk|SigIgn' /proc/self/status | cut -f2");
            let usr2 = |mask: &str| u64::from_str_radix(mask, 16).expect("a mask") & (1 << 11 | 1 << 22);
            assert!(masks.split_whitespace().all(|mask| usr2(mask) == 0), "the child's masks: {masks}");
            let report = subject.report().whole();
            subject.finish(format!("{report}; nothing of ours in the child"))
        },
    },
    Line {
        name: "exec-while-reporting",
        source: "issue",
        condition: "the program executes another one while a report is made",
        run: |stage| {
            let mut subject = stage.launch().without_load().start();
            subject.signal(Signal::USR2);
            subject.tell("exec echo executed; exit 5");
            assert_eq!(subject.answer(), "executed");
            assert_eq!(subject.wait().code(), Some(5));
            Told {
                report: "none, or a whole one".to_owned(),
                application: "the other program, exit 5".to_owned(),
            }
        },
    },
    Line {
        name: "ends-while-reporting",
        source: "issue",
        condition: "main returns while a report is made",
        run: |stage| {
            let mut subject = stage.launch().without_load().start();
            subject.signal(Signal::USR2);
            let application = subject.ends();
            Told { report: "none, or a whole one".to_owned(), application }
        },
    },
    Line {
        name: "zombie",
        source: "oslo",
        condition: "a child has ended that nobody waits for",
        run: |stage| {
            let mut subject = stage.launch().start();
            forked(&mut subject, "zombie");
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "replaced-executable",
        source: "trouble 30",
        condition: "the executable is replaced by another program while it runs",
        run: |stage| {
            let program = copied(stage);
            let subject = stage.launch().program(&program).start();
            let other = stage.path("other");
            fs::copy("/bin/true", &other).expect("readable");
            fs::rename(&other, &program).expect("writable");
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "deleted-executable",
        source: "trouble 30",
        condition: "the executable is deleted while it runs",
        run: |stage| {
            let program = copied(stage);
            let subject = stage.launch().program(&program).start();
            fs::remove_file(&program).expect("writable");
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "stripped-executable",
        source: "trouble 31",
        condition: "the executable has no debug information and no symbols",
        run: |stage| {
            let program = copied(stage);
            run(Command::new("strip").arg(&program));
            let subject = stage.launch().program(&program).start();
            let seen = subject.report();
            let report =
                format!("{}, {}", seen.threads(crate::report::Stacks::Addresses), seen.configuration());
            subject.finish(format!("{report}, {}", seen.chains_or(&["debug information"])))
        },
    },
    Line {
        name: "storm-of-malloc",
        source: "issue",
        condition: "threads allocate and release without end",
        run: |stage| in_storm(stage, "malloc"),
    },
    Line {
        name: "storm-of-dlopen",
        source: "issue",
        condition: "a thread loads and unloads a library without end",
        run: |stage| {
            let library = stage.library("empty", "");
            in_storm(stage, &format!("dlopen {}", library.display()))
        },
    },
    Line {
        name: "storm-of-panics",
        source: "issue",
        condition: "a thread panics and catches that without end",
        run: |stage| in_storm(stage, "panic"),
    },
    Line {
        name: "storm-of-forks",
        source: "issue",
        condition: "a thread forks children without end, which end at once",
        run: |stage| in_storm(stage, "fork"),
    },
    Line {
        name: "storm-of-programs",
        source: "issue",
        condition: "a thread runs programs without end",
        run: |stage| in_storm(stage, "exec"),
    },
    Line {
        name: "storm-of-threads",
        source: "issue",
        condition: "threads are born and die without end",
        run: |stage| in_storm(stage, "threads"),
    },
];

/// Ten reports come while it storms.
fn in_storm(stage: &Stage, storm: &str) -> Told {
    let mut subject = stage.launch().start();
    subject.ask(&format!("storm {storm}"));
    for _ in 0..10 {
        let seen = subject.report();
        seen.configuration();
        seen.chains();
    }
    let turns = subject.ask("calm");
    let report = subject.report().whole();
    let mut told = subject.finish(format!("ten of ten; {report}"));
    told.application = format!("{}, {turns}", told.application);
    told
}

fn copied(stage: &Stage) -> std::path::PathBuf {
    let copy = stage.path("program");
    fs::copy(PROGRAM, &copy).expect("there is room for it");
    copy
}

fn forked(subject: &mut Subject, order: &str) -> i32 {
    subject.ask(order).parse().expect("a process id")
}

fn signal(process: i32, signal: Signal) {
    let process = Pid::from_raw(process).expect("it is not 0");
    rustix::process::kill_process(process, signal).expect("the child lives");
}
