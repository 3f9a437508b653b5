//! `cargo xtask bench diagnosis`: what it costs a report to find out who waits for whom, held against what it may cost.
//!
//! What it costs where nothing waits is the difference to a build without it: `--beside` names an older build of the same
//! subject, which is asked in turns.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::conditions;
use super::figures::{Table, mebibytes, median, milliseconds, or_none};
use super::load;
use super::subject::{Cost, Subject};
use super::tasks::TYPES;
use crate::command::announce;
use crate::project;

#[derive(clap::Args)]
pub struct Arguments {
    /// How many reports after the first one
    #[arg(long, default_value_t = 15)]
    runs: usize,
    /// Another build of the subject, `release/bench-load`, that is measured in turns with this one
    #[arg(long, value_name = "PROGRAM")]
    beside: Option<PathBuf>,
}

/// One subject, and what its reports may cost.
struct Cell {
    name: &'static str,
    options: &'static [&'static str],
    /// What a warm report may take, in milliseconds.
    limit: u32,
    /// The cell whose median the limit comes on top of.
    beyond: Option<usize>,
}

/// An older build knows no pairs, and is not asked for them.
const CELLS: [Cell; 5] = [
    Cell { name: "1,000 threads", options: &["--threads", "1000"], limit: 24, beyond: None },
    Cell { name: "5,000 threads", options: &["--threads", "5000"], limit: 100, beyond: None },
    Cell { name: "10,000 tasks", options: &["--threads", "0", "--tasks", "10000"], limit: 50, beyond: None },
    Cell {
        name: "10,000 tasks, 5,000 edges",
        options: &["--threads", "0", "--pairs", "5000"],
        limit: 60,
        beyond: Some(2),
    },
    Cell {
        name: "1,000 threads, 500 edges",
        options: &["--threads", "0", "--thread-pairs", "500"],
        limit: 60,
        beyond: Some(0),
    },
];

/// The first report may take so many times as long as a warm one.
const FIRST: u32 = 3;

const HEADER: [&str; 10] = [
    "whole report",
    "runs",
    "first ms",
    "first / warm",
    "warm ms",
    "max ms",
    "limit ms",
    "CPU ms",
    "peak warm MiB",
    "beside, warm ms",
];

pub fn run(arguments: &Arguments) -> Result<()> {
    let target = project::target()?;
    announce("building the subject");
    let ours = load::build(&target.join("bench/tasks"), &TYPES)?;
    conditions::print("release, types of the application only, without the plugin host; 2 workers");
    println!("the first report may take {FIRST} times as long as a warm one");
    let mut table = Table::new(&HEADER);
    let mut medians = Vec::new();
    for cell in &CELLS {
        announce(cell.name);
        let beside = arguments.beside.as_deref().filter(|_| cell.beyond.is_none());
        let (costs, others) = measure(cell, &ours, beside, arguments.runs)?;
        let warm = warm(&costs);
        let limit = Duration::from_millis(cell.limit.into());
        let limit = cell.beyond.and_then(|at: usize| medians[at]).map_or(limit, |before| before + limit);
        let warm_median = median(warm.iter().map(|cost| cost.took));
        medians.push(warm_median);
        let first = costs.first().map(|cost| cost.took);
        let times = first.zip(warm_median).map(|(first, warm)| first.as_secs_f64() / warm.as_secs_f64());
        table.row(vec![
            cell.name.to_owned(),
            warm.len().to_string(),
            or_none(first, milliseconds),
            or_none(times, |times| format!("{times:.1}x")),
            or_none(warm_median, milliseconds),
            or_none(warm.iter().map(|cost| cost.took).max(), milliseconds),
            milliseconds(limit),
            or_none(median(warm.iter().map(|cost| cost.cpu)), milliseconds),
            or_none(median(warm.iter().map(|cost| cost.peak)), mebibytes),
            or_none(median(self::warm(&others).iter().map(|cost| cost.took)), milliseconds),
        ]);
    }
    println!("\n{table}");
    conditions::print_load("after");
    Ok(())
}

/// The first is of its own kind: it reads what the others find read.
fn warm(costs: &[Cost]) -> &[Cost] {
    costs.get(1..).unwrap_or_default()
}

/// Both are asked in turns, so that whatever else the machine does meets both.
fn measure(cell: &Cell, ours: &Path, beside: Option<&Path>, runs: usize) -> Result<(Vec<Cost>, Vec<Cost>)> {
    let start = |program: &Path| {
        let mut command = Command::new(program);
        command.args(cell.options);
        Subject::start(command)
    };
    let subject = start(ours)?;
    let other = beside.map(start).transpose()?;
    let (mut costs, mut others) = (Vec::new(), Vec::new());
    for _ in 0..=runs {
        costs.push(subject.report()?.0);
        if let Some(other) = &other {
            others.push(other.report()?.0);
        }
    }
    Ok((costs, others))
}
