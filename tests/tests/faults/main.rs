//! The table of faults: what a report has, and what it does to the application, in each condition in which a program may be
//! when a report is asked for. A condition has a process of its own and a line of the table.
//!
//! `cargo xtask faults [NAME]...` prints it, and `cargo test` runs it as one of the tests. A line whose report lacks what it
//! must have, or that harms the application, reads FAULT, with what was wrong; then the program fails.
//!
//! With `--soak`, as `cargo xtask soak` runs it, the same program stands in all storms at once for thousands of reports.

mod contents;
mod descriptors;
mod errors;
mod held;
mod launch;
mod line;
mod load;
mod memory;
mod plugins;
mod processes;
mod report;
mod sandboxes;
mod secrets;
mod signals;
mod sinks;
mod soak;
mod stage;
mod subject;
mod threads;
mod triggers;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;

use line::{Line, Outcome};

/// All lines, in the order in which they are printed.
fn table() -> Vec<&'static Line> {
    [
        memory::LINES,
        descriptors::LINES,
        signals::LINES,
        triggers::LINES,
        sinks::LINES,
        sandboxes::LINES,
        processes::LINES,
        threads::LINES,
        held::LINES,
        contents::LINES,
        secrets::LINES,
        plugins::LINES,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn main() -> ExitCode {
    // Options are the test harness's, which `cargo test` may be given for all its tests: none means anything here.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--soak") {
        return soak::run(&arguments);
    }
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |line: &&Line| wanted.is_empty() || wanted.iter().any(|part| line.name.contains(*part));
    let lines: Vec<&'static Line> = table().into_iter().filter(is_wanted).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        lines.iter().for_each(|line| println!("{}: test", line.name));
        return ExitCode::SUCCESS;
    }
    gmr_test_support::remember_where_panics_are();
    let faults = run(&lines);
    subject::kill_those_left();
    if faults.is_empty() {
        println!("\n{} conditions, no fault", lines.len());
        return ExitCode::SUCCESS;
    }
    println!("\n{} conditions, {} faults: {}", lines.len(), faults.len(), faults.join(", "));
    ExitCode::FAILURE
}

/// Runs the lines, some at a time, and prints each as soon as those above it are printed. Returns the faults' names.
fn run(lines: &[&'static Line]) -> Vec<&'static str> {
    println!("{}", line::HEAD);
    let next = AtomicUsize::new(0);
    let (ended, outcomes) = mpsc::channel();
    let faults = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_a_time() {
            let (next, ended) = (&next, ended.clone());
            scope.spawn(move || {
                while let Some(line) = lines.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = line.outcome();
                    // The printer ends with the last line.
                    let _ = ended.send((line.name, outcome));
                }
            });
        }
        drop(ended);
        let mut waiting = BTreeMap::new();
        let mut order = lines.iter().peekable();
        for (name, outcome) in outcomes {
            waiting.insert(name, outcome);
            while let Some((line, outcome)) =
                order.peek().and_then(|line| Some((**line, waiting.remove(line.name)?)))
            {
                order.next();
                println!("{}", line.row(&outcome));
                if let Outcome::Fault(_) = outcome {
                    faults.lock().expect("nobody panics with it").push(line);
                }
            }
        }
    });
    again_alone(faults.into_inner().expect("nobody panics with it"))
}

/// Tries lines again, each alone and three times: beside others, a machine may be too slow for what a line waits for, but a
/// fault that comes now and then is one. Returns the names of those that are not right each time.
fn again_alone(lines: Vec<&'static Line>) -> Vec<&'static str> {
    if !lines.is_empty() {
        println!("\nagain, each alone:");
    }
    let is_fault = |line: &&'static Line| {
        (0..3).any(|_| {
            let outcome = line.outcome();
            println!("{}", line.row(&outcome));
            matches!(outcome, Outcome::Fault(_))
        })
    };
    lines.into_iter().filter(is_fault).map(|line| line.name).collect()
}

/// Most of a line's time is waiting, so that there may be more lines than processors.
fn at_a_time() -> usize {
    thread::available_parallelism().map_or(2, usize::from).clamp(2, 4)
}
