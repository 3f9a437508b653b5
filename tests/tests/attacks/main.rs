//! The table of attacks: what becomes of a service when hostile files are dropped into its folder of plugins. An attack has a
//! service of its own, with 1 GiB of address space and 1,024 descriptors, and a line of the table.
//!
//! `cargo xtask attacks [NAME]...` prints it, and `cargo test` runs it as one of the tests. Nothing is stored: hostile files are
//! generated. In every report the sections of the honest plugins beside them must be whole; an attack after which one is
//! not, or that takes more memory or descriptors than it may, reads FAULT, with what was wrong; then the program fails.

mod attack;
mod bombs;
mod compiler;
mod files;
mod guests;
mod identity;
mod place;
mod report;
mod service;
mod totals;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use attack::Attack;

/// All attacks, in the order in which they are printed.
fn table() -> Vec<&'static Attack> {
    [files::ATTACKS, bombs::ATTACKS, compiler::ATTACKS, guests::ATTACKS, totals::ATTACKS, identity::ATTACKS]
        .into_iter()
        .flatten()
        .collect()
}

fn main() -> ExitCode {
    // Options are the test harness's, which `cargo test` may be given for all its tests: none means anything here.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted =
        |attack: &&Attack| wanted.is_empty() || wanted.iter().any(|part| attack.name.contains(*part));
    let attacks: Vec<&'static Attack> = table().into_iter().filter(is_wanted).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        attacks.iter().for_each(|attack| println!("{}: test", attack.name));
        return ExitCode::SUCCESS;
    }
    gmr_test_support::remember_where_panics_are();
    let faults = run(&attacks);
    if faults.is_empty() {
        println!("\n{} attacks, all held", attacks.len());
        return ExitCode::SUCCESS;
    }
    println!("\n{} attacks, {} faults: {}", attacks.len(), faults.len(), faults.join(", "));
    ExitCode::FAILURE
}

/// Runs the attacks, two at a time, and prints each as soon as those above it are printed. Returns the names of those that are
/// not held, also when tried again alone: beside others a machine may be too slow for a plugin's second.
fn run(attacks: &[&'static Attack]) -> Vec<&'static str> {
    println!("{}", attack::HEAD);
    let next = AtomicUsize::new(0);
    let (ended, outcomes) = mpsc::channel();
    let mut faults = Vec::new();
    thread::scope(|scope| {
        for _ in 0..2 {
            let (next, ended) = (&next, ended.clone());
            scope.spawn(move || {
                while let Some(attack) = attacks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // The printer ends with the last line.
                    let _ = ended.send((attack.name, attack.outcome()));
                }
            });
        }
        drop(ended);
        let mut waiting = BTreeMap::new();
        let mut order = attacks.iter().peekable();
        for (name, outcome) in outcomes {
            waiting.insert(name, outcome);
            while let Some((attack, outcome)) =
                order.peek().and_then(|attack| Some((**attack, waiting.remove(attack.name)?)))
            {
                order.next();
                println!("{}", attack.row(&outcome));
                if outcome.is_err() {
                    faults.push(attack);
                }
            }
        }
    });
    if !faults.is_empty() {
        println!("\nagain, each alone:");
    }
    let is_fault = |attack: &&'static Attack| {
        let outcome = attack.outcome();
        println!("{}", attack.row(&outcome));
        outcome.is_err()
    };
    faults.into_iter().filter(is_fault).map(|attack| attack.name).collect()
}
