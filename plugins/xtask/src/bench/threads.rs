//! `cargo xtask bench threads`: whole reports of processes with many threads.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::conditions;
use super::figures::{Table, mebibytes, median, milliseconds, or_none, ratio};
use super::in_process;
use super::load;
use super::peers::{self, Peer};
use super::subject::{Cost, Kept, Subject};
use crate::command::announce;
use crate::project;

#[derive(clap::Args)]
pub struct Arguments {
    /// How many threads wait
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1000, 5000])]
    threads: Vec<usize>,
    /// How many reports after the first one
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// The tools to compare with; none if no name follows
    #[arg(long, value_delimiter = ',', num_args = 0.., default_values = ["oslo", "gdb", "eu-stack"])]
    peers: Vec<Peer>,
}

/// A peer this slow is asked once more at the most: the others' figures would be hours apart.
const SLOW: Duration = Duration::from_secs(10);

/// How the subject waits, for its conditions.
const DEPTH: usize = 15;

pub fn run(arguments: &Arguments) -> Result<()> {
    let target = project::target()?;
    announce("building the subjects");
    let load = load::build(&target.join("bench/threads"), &[])?;
    let in_process = in_process::build(&target)?;
    conditions::print(&format!(
        "release, line tables only, without the plugin host; threads wait {DEPTH} calls deep"
    ));
    let mut peers = Vec::new();
    for peer in arguments.peers.iter().copied() {
        match peer.version(&target) {
            Ok(version) => {
                println!("{}: {version}", peer.name());
                peers.push(peer);
            }
            Err(error) => println!("{}: not measured: {error:#}", peer.name()),
        }
    }
    for count in &arguments.threads {
        reports(&target, &load, *count, arguments.runs, &peers)?;
        in_process::capture(&in_process, *count, arguments.runs)?;
    }
    in_process::pause(&in_process)?;
    in_process::interruptions(&in_process)?;
    conditions::print_load("after");
    Ok(())
}

/// One tool's figures for one number of threads.
struct Row {
    name: &'static str,
    costs: Vec<Cost>,
    before: Kept,
    /// What was printed last.
    output: String,
    listed: usize,
    failed: Option<String>,
}

impl Row {
    fn new(name: &'static str, subject: &Subject) -> Result<Row> {
        let (costs, output) = (Vec::new(), String::new());
        Ok(Row { name, costs, before: subject.kept()?, output, listed: 0, failed: None })
    }

    fn is_done(&self) -> bool {
        self.failed.is_some() || self.costs.len() > 1 && self.costs.iter().any(|cost| cost.took > SLOW)
    }

    fn add(&mut self, measured: Result<(Cost, String)>, listed: impl FnOnce(&str) -> usize) {
        match measured {
            Ok((cost, output)) => {
                self.costs.push(cost);
                self.listed = listed(&output);
                self.output = output;
            }
            Err(error) => self.failed = Some(format!("{error:#}")),
        }
    }

    /// The first is of its own kind: it reads what the others find read.
    fn warm(&self) -> &[Cost] {
        self.costs.get(1..).unwrap_or_default()
    }

    fn time(&self) -> Option<Duration> {
        median(self.warm().iter().map(|cost| cost.took))
    }

    fn cells(&self, ours: Option<Duration>, from_outside: bool) -> Vec<String> {
        let first = self.costs.first();
        let warm = self.warm();
        let bytes = |value: Option<i64>| or_none(value.filter(|_| !from_outside), mebibytes);
        let last = warm.last().map(|cost| cost.kept);
        let kept = |which: fn(&Kept) -> i64| bytes(last.map(|last| which(&last) - which(&self.before)));
        let gap = |which: usize| or_none(median(warm.iter().map(|cost| cost.gaps[which])), milliseconds);
        let both = self.time().zip(ours);
        vec![
            self.name.to_owned(),
            warm.len().to_string(),
            or_none(first, |cost| milliseconds(cost.took)),
            or_none(self.time(), milliseconds),
            or_none(warm.iter().map(|cost| cost.took).max(), milliseconds),
            or_none(both, |(time, ours)| ratio(time, ours)),
            gap(0),
            gap(1),
            or_none(median(warm.iter().map(|cost| cost.cpu)).filter(|_| !from_outside), milliseconds),
            bytes(first.map(|cost| cost.peak)),
            bytes(median(warm.iter().map(|cost| cost.peak))),
            kept(|kept| kept.resident),
            kept(|kept| kept.anonymous),
            self.listed.to_string(),
            (self.output.len() >> 10).to_string(),
        ]
    }
}

const HEADER: [&str; 15] = [
    "whole report",
    "runs",
    "first ms",
    "warm ms",
    "max ms",
    "ratio",
    "main gap ms",
    "other gap ms",
    "CPU ms",
    "peak first MiB",
    "peak warm MiB",
    "kept MiB",
    "kept anonymous MiB",
    "listed",
    "KiB",
];

fn reports(target: &Path, load: &Path, count: usize, runs: usize, peers: &[Peer]) -> Result<()> {
    announce(format_args!("{count} threads"));
    let mut command = Command::new(load);
    command.args(["--threads", &count.to_string(), "--depth", &DEPTH.to_string()]);
    let subject = Subject::start(command)?;
    let mut ours = Row::new("gmr", &subject)?;
    let mut quiet = Row::new("(no report)", &subject)?;
    let python = if peers.contains(&Peer::Oslo) {
        Some(Subject::start(peers::python(target, "threads", count)?)?)
    } else {
        None
    };
    let mut theirs = Vec::new();
    for peer in peers {
        theirs.push((*peer, Row::new(peer.name(), python.as_ref().unwrap_or(&subject))?));
    }
    // In turns, so that whatever else the machine does meets all of them.
    for _ in 0..=runs {
        ours.add(subject.report(), listed_by_us);
        let nothing = || {
            // As long as a report that is quick takes.
            std::thread::sleep(Duration::from_millis(20));
            Ok(())
        };
        quiet.add(subject.during(nothing).map(|cost| (cost, String::new())), |_| 0);
        for (peer, row) in theirs.iter_mut().filter(|(_, row)| !row.is_done()) {
            row.add(measure(*peer, &subject, python.as_ref()), |output| peer.threads_in(output));
        }
    }
    let mut table = Table::new(&HEADER);
    let our_time = ours.time();
    table.row(ours.cells(our_time, false));
    for (peer, row) in &theirs {
        table.row(row.cells(our_time, *peer != Peer::Oslo));
    }
    table.row(quiet.cells(None, false));
    println!("\n{count} threads\n{table}");
    for row in theirs.iter().map(|(_, row)| row).chain([&ours]) {
        if let Some(reason) = &row.failed {
            println!("{}: {reason}", row.name);
        }
    }
    conditions::print_load("now");
    Ok(())
}

fn measure(peer: Peer, subject: &Subject, python: Option<&Subject>) -> Result<(Cost, String)> {
    if peer == Peer::Oslo {
        return python.context("it was not started")?.report();
    }
    let mut output = String::new();
    let cost = subject.during(|| {
        output = peer.look(subject.id())?;
        Ok(())
    })?;
    Ok((cost, output))
}

/// Of `1005 threads: 1004 stacks, ...` the second number: a thread without its stack does not count.
fn listed_by_us(report: &str) -> usize {
    let line = report.lines().find(|line| line.contains(" threads: ") && line.contains(" stacks"));
    let number = line.and_then(|line| line.split_once(" threads: ")?.1.split(' ').next());
    number.map_or(0, |number| number.replace(',', "").parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::listed_by_us;

    #[test]
    fn stacks_are_counted_not_threads() {
        assert_eq!(listed_by_us("x\n1,005 threads: 1,004 stacks, 5 of them different\n"), 1004);
        assert_eq!(listed_by_us("55 threads: 54 stacks, 5 of them different; 54 read without"), 54);
        assert_eq!(listed_by_us("nothing"), 0);
    }
}
