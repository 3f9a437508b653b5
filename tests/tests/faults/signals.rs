//! Signals: blocked, ignored, too many, at the wrong moment; processes and threads that are stopped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use gmr_test_support::trouble::StoppedThread;
use rustix::process::Signal;

use crate::launch::Launch;
use crate::line::{Line, Told, skip};
use crate::report::{Stacks, has_call};
use crate::stage::python;
use crate::subject::Subject;

/// Blocks what it is told in itself, then becomes the program.
const BLOCK: &str = "
import os, signal, sys
numbers = [int(n) for n in sys.argv[1].split(',')] if sys.argv[1] != 'all' else signal.valid_signals()
signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
os.execvp(sys.argv[2], sys.argv[2:])
";

pub static LINES: &[Line] = &[
    Line {
        name: "blocked-by-the-parent",
        source: "trouble 6",
        condition: "SIGUSR2 is blocked since before the start, in every thread",
        run: |stage| answers(stage.launch().under([python(), "-c", BLOCK, "12"])),
    },
    Line {
        name: "all-blocked-by-the-parent",
        source: "trouble 6",
        condition: "all signals are blocked since before the start, in every thread",
        run: |stage| answers(stage.launch().under([python(), "-c", BLOCK, "all"])),
    },
    Line {
        name: "blocked-in-main",
        source: "trouble 6",
        condition: "main blocks SIGUSR2 before it starts threads",
        run: |stage| answers(stage.launch().order("early:block-signals 12")),
    },
    Line {
        name: "ignored-by-the-parent",
        source: "issue",
        condition: "SIGUSR2 is ignored since before the start",
        run: |stage| answers(stage.launch().after("trap '' USR2")),
    },
    Line {
        name: "thread-signal-blocked",
        source: "trouble 27",
        condition: "every thread blocks SIGURG, by which running ones are asked, and one runs",
        run: |stage| {
            let subject = stage.launch().order("early:block-signals 23").order("spin").start();
            let seen = subject.report();
            seen.configuration();
            seen.chains();
            let reason = seen.says(&["mask blocks"]);
            subject.finish(format!("all but the running thread's stack, with its reason (\"{reason}\")"))
        },
    },
    Line {
        name: "thread-signal-taken",
        source: "trouble 27",
        condition: "the application has put a handler of its own over SIGURG's, and a thread runs",
        run: |stage| {
            let mut subject = stage.launch().order("spin").start();
            subject.ask("catch-signal 23");
            let seen = subject.report();
            seen.configuration();
            seen.chains();
            assert_eq!(subject.ask("caught"), "0", "the application's handler was called");
            subject.finish("all but the running thread's stack; the application's handler is not called")
        },
    },
    Line {
        name: "ten-thousand-signals",
        source: "issue",
        condition: "SIGUSR2 comes ten thousand times, one after the other",
        run: |stage| {
            let subject = stage.launch().start();
            subject.report();
            let before = resident(&subject);
            for _ in 0..10_000 {
                subject.signal(Signal::USR2);
            }
            subject.next_report();
            let report = subject.report().whole();
            subject.rests();
            let reports = subject.reports_left() + 2;
            assert!(reports < 1000, "{reports} reports");
            let grown = resident(&subject).saturating_sub(before);
            assert!(grown < 64 << 10, "{grown} KiB more are resident");
            subject.finish(report)
        },
    },
    Line {
        name: "signals-while-installing",
        source: "issue",
        condition: "signals without end while the reporter is dropped and installed twenty times",
        run: |stage| {
            let mut subject = stage.launch().start();
            with_signals(&mut subject, |subject| {
                for _ in 0..20 {
                    assert_eq!(subject.ask("drop"), "done");
                    assert_eq!(subject.ask("install"), "done");
                }
            });
            subject.rests();
            subject.reports_left();
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "signals-while-exiting",
        source: "issue",
        condition: "signals without end while main returns",
        run: |stage| {
            let mut subject = stage.launch().without_load().start();
            with_signals(&mut subject, |subject| {
                subject.tell("end 7");
                assert_eq!(subject.wait().code(), Some(7), "it ends otherwise than without signals");
            });
            Told {
                report: "none, or those that were ready".to_owned(),
                application: "exit 7, its own".to_owned(),
            }
        },
    },
    Line {
        name: "signals-while-exit-is-called",
        source: "issue",
        condition: "signals without end while process::exit is called",
        run: |stage| {
            let mut subject = stage.launch().without_load().start();
            with_signals(&mut subject, |subject| {
                subject.tell("exit 7");
                assert_eq!(subject.wait().code(), Some(7), "it ends otherwise than without signals");
            });
            Told {
                report: "none, or those that were ready".to_owned(),
                application: "exit 7, its own".to_owned(),
            }
        },
    },
    Line {
        name: "stopped-and-continued",
        source: "issue",
        condition: "the process is stopped when the signal comes, and continued",
        run: |stage| {
            let subject = stage.launch().start();
            subject.signal(Signal::STOP);
            subject.signal(Signal::USR2);
            subject.signal(Signal::CONT);
            let report = subject.next_report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "stopped-thread",
        source: "issue",
        condition: "a debugger holds one thread",
        run: |stage| {
            let mut subject = stage.launch().order("spin").start();
            let debugger = stop_thread(&subject, "spinner");
            let seen = subject.report();
            seen.chains();
            seen.configuration();
            let sleeper = has_call(seen.thread("sleeper"), "sleeps_on_a_channel");
            assert!(sleeper, "the others' stacks are missing");
            let reason = seen.says(&["debugger", "traced", "stopped"]);
            let lives = subject.lives();
            drop(debugger);
            let application = format!("{lives}, {}", subject.ends());
            Told { report: format!("all but that stack, \"{reason}\""), application }
        },
    },
    Line {
        name: "stopped-reporter",
        source: "issue",
        condition: "a debugger holds the reporter's own thread",
        run: |stage| {
            let mut subject = stage.launch().set("GMR_DEADLINE", "1").start();
            let debugger = stop_thread(&subject, "gmr");
            subject.signal(Signal::USR2);
            let seen = subject.next_report();
            let report = format!("{}, \"{}\"", seen.threads(Stacks::Addresses), seen.says(&["emergency"]));
            let lives = subject.lives();
            drop(debugger);
            Told { report, application: format!("{lives}, {}", subject.ends()) }
        },
    },
    Line {
        name: "traps-of-a-sandbox",
        source: "review 4",
        condition: "system calls that a sandbox traps raise SIGSYS",
        run: |stage| {
            let subject = stage.launch().start();
            let report = subject.report().whole();
            for thread in subject.threads().filter(|(name, _)| name.starts_with("gmr")) {
                let blocked = blocked(&subject, thread.1);
                for signal in [4, 5, 7, 8, 11, 31] {
                    assert_eq!(blocked >> (signal - 1) & 1, 0, "{} blocks signal {signal}", thread.0);
                }
            }
            subject.finish(format!("{report}; no thread of the reporter's blocks SIGSYS or faults"))
        },
    },
];

/// The signal is answered by a whole report.
fn answers(launch: Launch) -> Told {
    let subject = launch.start();
    let report = subject.report().whole();
    subject.finish(report)
}

fn resident(subject: &Subject) -> u64 {
    let line = subject.status("VmRSS").expect("it lives");
    line.trim_end_matches(" kB").parse().expect("a number of KiB")
}

/// Sends the signal again and again while something is done.
fn with_signals(subject: &mut Subject, what: impl FnOnce(&mut Subject)) {
    let (go_on, process) = (AtomicBool::new(true), rustix::process::Pid::from_raw(subject.id()));
    thread::scope(|scope| {
        scope.spawn(|| {
            while go_on.load(Ordering::Relaxed) {
                let Some(process) = process else { return };
                if rustix::process::kill_process(process, Signal::USR2).is_err() {
                    return;
                }
                thread::yield_now();
            }
        });
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| what(subject)));
        go_on.store(false, Ordering::Relaxed);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

/// Stops a thread as a debugger does. Nobody else can wait for the process before it goes on.
fn stop_thread(subject: &Subject, name: &str) -> StoppedThread {
    let (_, thread) = subject.threads().find(|(thread, _)| thread == name).expect("it has that thread");
    StoppedThread::stop(thread).unwrap_or_else(|error| skip(&format!("no thread can be stopped: {error}")))
}

fn blocked(subject: &Subject, thread: u32) -> u64 {
    let status = std::fs::read_to_string(subject.proc(&format!("task/{thread}/status"))).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).expect("Linux tells");
    u64::from_str_radix(line.trim(), 16).expect("a number")
}
