//! `cargo xtask bench tasks`: whole reports of processes with many async tasks, and the look at them alone.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::conditions;
use super::figures::{Table, mebibytes, median, milliseconds, or_none, ratio};
use super::peers::{self, Peer};
use super::subject::{Cost, Kept, Subject};
use crate::command::{Step, announce};
use crate::place;

#[derive(clap::Args)]
pub struct Arguments {
    /// How many tasks wait
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 10_000, 100_000])]
    tasks: Vec<usize>,
    /// How many tasks are started and ended all the time besides, in the second half of the figures
    #[arg(long, default_value_t = 1000)]
    churning: usize,
    /// How many reports after the first one
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// How many greenlets the peer has; 0 leaves it out
    #[arg(long, default_value_t = 1000)]
    greenlets: usize,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let target = place::target()?;
    announce("building the subjects");
    let (load, look) = build(&target)?;
    conditions::print("release, types of the application only, without the plugin host; 2 workers");
    if arguments.greenlets > 0 {
        println!("peer: {}", Peer::Oslo.version(&target)?);
    }
    for churning in [0, arguments.churning] {
        reports(&target, &load, arguments, churning)?;
    }
    for churning in [0, arguments.churning] {
        for tasks in &arguments.tasks {
            println!("\nlooks alone");
            let numbers = [*tasks, churning, arguments.runs.max(1)].map(|number| number.to_string());
            Step::new(&look).args(numbers).run()?;
        }
    }
    conditions::print_load("after");
    Ok(())
}

/// The subject, and the program that looks at tasks of its own. Chains need types, which `release` leaves out.
fn build(target: &Path) -> Result<(PathBuf, PathBuf)> {
    let folder = target.join("bench/tasks");
    let cargo = || {
        let types = |package: &str| format!("profile.release.package.{package}.debug=2");
        Step::new("cargo")
            .args(["build", "--quiet", "--release", "--config", "profile.release.debug=0"])
            .args(["--config", &types("gmr-examples"), "--config", &types("gmr-inspect"), "--target-dir"])
            .arg(&folder)
            .within(&place::root())
    };
    cargo().args(["--package", "gmr-examples", "--no-default-features", "--bin", "load"]).run()?;
    cargo().args(["--package", "gmr-inspect", "--example", "tasks_bench"]).run()?;
    Ok((folder.join("release/load"), folder.join("release/examples/tasks_bench")))
}

/// One subject's figures.
struct Row {
    name: String,
    subject: Subject,
    costs: Vec<Cost>,
    before: Kept,
    report: String,
}

impl Row {
    fn new(name: String, command: Command) -> Result<Row> {
        let subject = Subject::start(command)?;
        let before = subject.kept()?;
        Ok(Row { name, subject, costs: Vec::new(), before, report: String::new() })
    }

    fn add(&mut self) -> Result<()> {
        let (cost, report) = self.subject.report()?;
        self.costs.push(cost);
        self.report = report;
        Ok(())
    }

    fn warm(&self) -> &[Cost] {
        self.costs.get(1..).unwrap_or_default()
    }

    fn time(&self) -> Option<std::time::Duration> {
        median(self.warm().iter().map(|cost| cost.took))
    }

    fn cells(&self, than: Option<std::time::Duration>) -> Vec<String> {
        let gap = |which: usize| median(self.warm().iter().map(|cost| cost.gaps[which]));
        vec![
            self.name.clone(),
            self.warm().len().to_string(),
            or_none(self.costs.first(), |cost| milliseconds(cost.took)),
            or_none(self.time(), milliseconds),
            or_none(self.warm().iter().map(|cost| cost.took).max(), milliseconds),
            or_none(self.time().zip(than), |(time, than)| ratio(time, than)),
            or_none(gap(0), milliseconds),
            or_none(gap(1), milliseconds),
            or_none(median(self.warm().iter().map(|cost| cost.peak)), mebibytes),
            or_none(self.costs.last(), |cost| mebibytes(cost.kept.anonymous - self.before.anonymous)),
            (self.report.len() >> 10).to_string(),
        ]
    }
}

const HEADER: [&str; 11] = [
    "whole report",
    "runs",
    "first ms",
    "warm ms",
    "max ms",
    "ratio",
    "main gap ms",
    "other gap ms",
    "peak warm MiB",
    "kept anonymous MiB",
    "KiB",
];

/// All subjects are asked in turns; the ratio is to the one of ours with as many tasks, or the fewest.
fn reports(target: &Path, load: &Path, arguments: &Arguments, churning: usize) -> Result<()> {
    let mut rows = Vec::new();
    for tasks in &arguments.tasks {
        let mut command = Command::new(load);
        command.args(["--threads", "0", "--tasks", &tasks.to_string()]);
        command.args(["--churning", &churning.to_string()]);
        rows.push(Row::new(format!("gmr, {tasks} tasks, {churning} churning"), command)?);
    }
    let same = arguments.tasks.iter().position(|tasks| *tasks == arguments.greenlets).unwrap_or(0);
    // The peer knows no churning ones: greenlets run on one thread, which the report stops.
    if arguments.greenlets > 0 && churning == 0 {
        let command = peers::python(target, "greenlets", arguments.greenlets)?;
        rows.push(Row::new(format!("oslo.reports, {} greenlets", arguments.greenlets), command)?);
    }
    for _ in 0..=arguments.runs {
        rows.iter_mut().try_for_each(Row::add)?;
    }
    let ours = rows.get(same).and_then(Row::time);
    let mut table = Table::new(&HEADER);
    rows.iter().for_each(|row| table.row(row.cells(ours)));
    println!("\n{table}");
    for row in &rows {
        let said = row.report.lines().find(|line| line.starts_with("chains from debug information"));
        let missing = row.report.lines().find(|line| line.starts_with("registered tasks only"));
        println!("{}: {}", row.name, said.or(missing).unwrap_or("says nothing of chains"));
    }
    conditions::print_load("now");
    Ok(())
}
