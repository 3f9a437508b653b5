//! Descriptors: none left, closed by the application, its own under the numbers that ours had.

use std::fs;
use std::path::Path;
use std::process::Command;

use gmr_test_support::wait_for;

use crate::line::Line;
use crate::report::{Seen, in_folder};
use crate::stage::run;

/// The least that the program itself needs, and some.
const FEW: [&str; 2] = ["prlimit", "--nofile=72"];

pub static LINES: &[Line] = &[
    Line {
        name: "no-descriptor",
        source: "trouble 3",
        condition: "no descriptor is left, and the first report is asked for",
        run: |stage| {
            let mut subject = stage.launch().under(FEW).start();
            subject.ask("take-descriptors 0");
            subject.descriptors_differ();
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "one-descriptor",
        source: "trouble 3",
        condition: "one descriptor is left",
        run: |stage| {
            let mut subject = stage.launch().under(FEW).start();
            subject.ask("take-descriptors 1");
            subject.descriptors_differ();
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "after-the-shortage",
        source: "trouble 3",
        condition: "the first report fell into a shortage of descriptors, which is over",
        run: |stage| {
            let mut subject = stage.launch().under(FEW).start();
            subject.ask("take-descriptors 0");
            subject.report();
            subject.ask("give-descriptors-back");
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "few-descriptors-at-install",
        source: "trouble 3",
        condition: "four descriptors are left when the reporter is installed, and more later",
        run: |stage| {
            let launch = stage.launch().under(FEW).order("take-descriptors 4").without_load();
            let mut subject = launch.start();
            subject.ask("give-descriptors-back");
            subject.descriptors_differ();
            // Debug information may have to be read once more for it.
            let seen = wait_for(|| {
                let seen = subject.report();
                if seen.has_chains() { Ok(seen) } else { Err("no chains in any later report") }
            });
            let report = seen.whole();
            subject.finish(report)
        },
    },
    Line {
        name: "limit-below-what-is-open",
        source: "issue",
        condition: "the limit of descriptors is lowered below the number of those that are open",
        run: |stage| {
            let subject = stage.launch().start();
            run(Command::new("prlimit").arg(format!("--pid={}", subject.id())).arg("--nofile=4"));
            // No number is left that any descriptor could have, whatever is given up for it.
            let seen = subject.report();
            seen.configuration();
            let reason = seen.says(&["too many open files", "descriptors left"]);
            subject.finish(format!("configuration, \"{reason}\""))
        },
    },
    Line {
        name: "all-closed",
        source: "trouble 24",
        condition: "the application closes all descriptors from 3 on and opens forty files",
        run: |stage| {
            let folder = stage.folder("own");
            let mut subject = stage.launch().without_runtime().start();
            subject.ask(&format!("close-all {}", folder.display()));
            subject.descriptors_differ();
            let mut report = "no report: the reporter said that it ended".to_owned();
            if !ended_with_a_line(&subject.errors()) {
                subject.signal(rustix::process::Signal::USR2);
                subject.rests();
                let seen = subject.next_report();
                report = seen.whole_without_runtime();
            }
            files_are_untouched(&folder);
            subject.finish(report)
        },
    },
    Line {
        name: "all-closed-with-a-watched-file",
        source: "trouble 24",
        condition: "the application closes all descriptors, that of the file watcher too, and opens forty files",
        run: |stage| {
            let (folder, touched) = (stage.folder("own"), stage.file("touched", ""));
            let launch = stage.launch().set("GMR_FILE_EVENT_HANDLER", &touched);
            let mut subject = launch.without_runtime().start();
            subject.ask(&format!("close-all {}", folder.display()));
            subject.descriptors_differ();
            fs::write(&touched, "now").expect("it is writable");
            subject.rests();
            files_are_untouched(&folder);
            subject.finish("whatever can still be had; no byte in a file of the application's")
        },
    },
    Line {
        name: "standard-error-reused",
        source: "trouble 24",
        condition: "descriptor 2 becomes a file of the application's",
        run: |stage| {
            let file = stage.path("log");
            let mut subject = stage.launch().start();
            subject.ask(&format!("replace-stderr {}", file.display()));
            subject.signal(rustix::process::Signal::USR2);
            let text = wait_for(|| {
                let text = fs::read_to_string(&file).unwrap_or_default();
                if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                    Ok(text)
                } else {
                    Err("no report in it")
                }
            });
            let report = format!("{}, where any message of the program's goes", Seen::of(&text).whole());
            subject.finish(report)
        },
    },
    Line {
        name: "daemon",
        source: "issue",
        condition: "the program becomes a daemon by two forks before the reporter is installed",
        run: |stage| {
            let folder = stage.folder("reports");
            let launch = stage.launch().order("early:daemonise").set("GMR_LOG_DIR", &folder);
            let subject = launch.start();
            subject.signal(rustix::process::Signal::USR2);
            let report = in_folder(&folder, 1)[0].whole();
            subject.finish(report)
        },
    },
    Line {
        name: "a-hundred-reports",
        source: "issue",
        condition: "a hundred reports, one after the other",
        run: |stage| {
            let subject = stage.launch().start();
            for _ in 0..100 {
                subject.report();
            }
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
];

/// A reporter whose descriptors are gone may end, if it says so.
fn ended_with_a_line(errors: &str) -> bool {
    errors.lines().any(|line| line.starts_with("gmr: ") && line.contains("end"))
}

fn files_are_untouched(folder: &Path) {
    for number in 0..40 {
        let text = fs::read_to_string(folder.join(number.to_string())).expect("the application made it");
        assert_eq!(text, "the application's own", "something was written into a file of the application's");
    }
}
