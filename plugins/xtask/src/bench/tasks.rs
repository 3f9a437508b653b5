//! `cargo xtask bench tasks`: whole reports of processes with many async tasks, side by side with tokio's own
//! `Handle::dump` and with oslo.reports, and the look at tasks alone.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use rustix::event::Timespec;

use super::conditions;
use super::figures::{Table, mebibytes, median, milliseconds, or_none, ratio};
use super::load;
use super::peers::{self, Peer};
use super::subject::{Cost, Kept, Subject};
use crate::command::{Step, announce};
use crate::project;

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
    /// How many greenlets oslo.reports is measured with at the most; 0 leaves it out
    #[arg(long, default_value_t = 10_000)]
    greenlets: usize,
    /// Leaves `Handle::dump` out
    #[arg(long)]
    no_dump: bool,
}

/// A peer this slow is asked once more at the most: the others' figures would be hours apart.
const SLOW: Duration = Duration::from_secs(10);
/// How rows of the peer in tokio begin.
const DUMP: &str = "Handle::dump";
/// It never returns while each task that it polls starts another.
const PATIENCE: Timespec = Timespec { tv_sec: 30, tv_nsec: 0 };
/// `Handle::dump` prints by looking every address up anew: beyond this many tasks it is counted only.
const PRINTED: usize = 1000;

pub fn run(arguments: &Arguments) -> Result<()> {
    let target = project::target()?;
    announce("building the subjects");
    let ours = load::build(&target.join("bench/tasks"), &TYPES)?;
    let look = look(&target)?;
    let dump = if arguments.no_dump { None } else { Some(dump(&target)?) };
    conditions::print("release, types of the application only, without the plugin host; 2 workers");
    if dump.is_some() {
        println!("peer: Handle::dump of tokio, built with --cfg tokio_unstable, line tables; 2 workers");
    }
    if arguments.greenlets > 0 {
        println!("peer: {}", Peer::Oslo.version(&target)?);
    }
    println!("a gap is the longest time between two sleeps of 1 ms, of the main thread and of a task");
    for churning in [0, arguments.churning] {
        for tasks in &arguments.tasks {
            let subjects = Subjects { target: &target, ours: &ours, dump: dump.as_deref() };
            subjects.measure(*tasks, churning, arguments)?;
        }
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

/// Chains need types, which the profile leaves out: of the application, here these packages, and of gmr-inspect.
pub const TYPES: [&str; 4] = [
    "profile.release.debug=0",
    "profile.release.package.gmr-inspect.debug=2",
    "profile.release.package.gmr-test-support.debug=2",
    "profile.release.package.bench-load.debug=2",
];

/// The program that looks at tasks of its own.
fn look(target: &Path) -> Result<PathBuf> {
    let folder = target.join("bench/tasks");
    // bench-load is in a workspace of its own.
    let types = TYPES[..3].iter().flat_map(|option| ["--config", option]);
    Step::new("cargo")
        .args(["build", "--quiet", "--release", "--package", "gmr-inspect", "--example", "tasks_bench"])
        .args(types)
        .arg("--target-dir")
        .arg(&folder)
        .within(&project::root())
        .run()?;
    Ok(folder.join("release/examples/tasks_bench"))
}

/// The peer in tokio itself, which wants tokio built with a switch of its own.
fn dump(target: &Path) -> Result<PathBuf> {
    let folder = target.join("bench/dump");
    Step::new("cargo")
        .args(["build", "--quiet", "--release", "--locked", "--target-dir"])
        .arg(&folder)
        .env("RUSTFLAGS", "--cfg tokio_unstable")
        .within(&project::root().join("tests/fixtures/bench/dump"))
        .run()?;
    Ok(folder.join("release/bench-dump"))
}

/// One way to ask one subject.
struct Row {
    name: String,
    subject: usize,
    /// Nothing is asked: what the subject does by itself.
    quiet: bool,
    costs: Vec<Cost>,
    before: Kept,
    report: String,
    failed: Option<String>,
}

impl Row {
    fn add(&mut self, subject: &Subject) {
        if let Err(error) = self.ask(subject) {
            self.failed = Some(format!("{error:#}"));
        }
    }

    fn ask(&mut self, subject: &Subject) -> Result<()> {
        if self.costs.len() > 1 && self.costs.iter().any(|cost| cost.took > SLOW) {
            return Ok(());
        }
        if self.quiet {
            // As long as a report that is quick takes.
            const REPORT: Duration = Duration::from_millis(100);
            let nothing = || {
                std::thread::sleep(REPORT);
                Ok(())
            };
            self.costs.push(subject.during(nothing)?);
            return Ok(());
        }
        let is_dump = self.name.starts_with(DUMP);
        let (cost, report) = if is_dump { subject.report_within(&PATIENCE)? } else { subject.report()? };
        self.costs.push(cost);
        self.report = report;
        Ok(())
    }

    fn warm(&self) -> &[Cost] {
        self.costs.get(1..).unwrap_or_default()
    }

    fn time(&self) -> Option<Duration> {
        median(self.warm().iter().map(|cost| cost.took)).filter(|_| !self.quiet)
    }

    fn cells(&self, than: Option<Duration>) -> Vec<String> {
        let warm = self.warm();
        let gap = |which: usize| or_none(median(warm.iter().map(|cost| cost.gaps[which])), milliseconds);
        let worst = or_none(warm.iter().map(|cost| cost.gaps[1]).max(), milliseconds);
        let first = self.costs.first().filter(|_| !self.quiet);
        let kept = |cost: &Cost| mebibytes(cost.kept.anonymous - self.before.anonymous);
        vec![
            self.name.clone(),
            warm.len().to_string(),
            or_none(first, |cost| milliseconds(cost.took)),
            or_none(self.time(), milliseconds),
            or_none(self.time().and(warm.iter().map(|cost| cost.took).max()), milliseconds),
            or_none(self.time().zip(than), |(time, than)| ratio(time, than)),
            gap(0),
            gap(1),
            worst,
            or_none(first, |cost| mebibytes(cost.peak)),
            or_none(median(warm.iter().map(|cost| cost.peak)), mebibytes),
            or_none(self.costs.last(), kept),
            (self.report.len() >> 10).to_string(),
        ]
    }

    /// What the report says of how many tasks it has.
    fn said(&self) -> Option<&str> {
        const BEGINNINGS: [&str; 2] = ["chains from debug information", "registered tasks only"];
        let is_count = |line: &&str| {
            line.ends_with(" tasks dumped") || BEGINNINGS.iter().any(|words| line.starts_with(words))
        };
        self.report.lines().find(is_count)
    }
}

const HEADER: [&str; 13] = [
    "whole report",
    "runs",
    "first ms",
    "warm ms",
    "max ms",
    "ratio",
    "main gap ms",
    "task gap ms",
    "worst task gap ms",
    "peak first MiB",
    "peak warm MiB",
    "kept anonymous MiB",
    "KiB",
];

/// Where the programs are.
struct Subjects<'p> {
    target: &'p Path,
    ours: &'p Path,
    dump: Option<&'p Path>,
}

impl Subjects<'_> {
    /// All are asked in turns, so that whatever else the machine does meets all of them.
    fn measure(&self, tasks: usize, churning: usize, arguments: &Arguments) -> Result<()> {
        announce(format_args!("{tasks} tasks, {churning} churning"));
        let (mut subjects, mut rows) = (Vec::new(), Vec::new());
        let mut add = |command: Command, names: &[&str]| -> Result<()> {
            let subject = Subject::start(command)?;
            for name in names {
                rows.push(Row {
                    name: (*name).to_owned(),
                    subject: subjects.len(),
                    quiet: name.ends_with("no report)"),
                    costs: Vec::new(),
                    before: subject.kept()?,
                    report: String::new(),
                    failed: None,
                });
            }
            subjects.push(subject);
            Ok(())
        };
        let (waiting, coming) = (tasks.to_string(), churning.to_string());
        let mut command = Command::new(self.ours);
        command.args(["--threads", "0", "--tasks", &waiting, "--churning", &coming]);
        add(command, &["gmr", "(gmr, no report)"])?;
        if let Some(dump) = self.dump {
            let mut command = Command::new(dump);
            command.args([&waiting, &coming]);
            add(command, &["Handle::dump, counted", "(Handle::dump, no report)"])?;
            if tasks <= PRINTED {
                let mut command = Command::new(dump);
                command.args(["--print", &waiting, &coming]);
                add(command, &["Handle::dump, printed"])?;
            }
        }
        // This peer knows no churning ones: greenlets run on one thread, which the report stops.
        if tasks <= arguments.greenlets && churning == 0 {
            add(peers::python(self.target, "greenlets", tasks)?, &["oslo.reports with eventlet"])?;
        }
        for _ in 0..=arguments.runs {
            for at in 0..rows.len() {
                let subject = rows[at].subject;
                // A subject that did not answer once is left alone.
                if rows.iter().all(|row| row.subject != subject || row.failed.is_none()) {
                    rows[at].add(&subjects[subject]);
                }
            }
        }
        let ours = rows.first().and_then(Row::time);
        let mut table = Table::new(&HEADER);
        rows.iter().for_each(|row| table.row(row.cells(ours)));
        println!("\n{tasks} tasks, {churning} churning\n{table}");
        for row in &rows {
            if let Some(said) = row.said() {
                println!("{}: {said}", row.name);
            }
            if let Some(reason) = &row.failed {
                println!("{}: {reason}", row.name);
            }
        }
        conditions::print_load("now");
        Ok(())
    }
}
