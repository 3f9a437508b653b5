//! The peers: oslo.reports in a virtual environment of its own, and the tools that look from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::bench::conditions::first_line;
use crate::command::{Step, announce};
use crate::project;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    /// oslo.reports, in a Python service that does the same
    Oslo,
    /// `gdb -batch -ex 'thread apply all bt' -p PID`
    Gdb,
    /// `eu-stack -p PID` of elfutils
    EuStack,
}

impl Peer {
    pub fn name(self) -> &'static str {
        match self {
            Peer::Oslo => "oslo.reports",
            Peer::Gdb => "gdb",
            Peer::EuStack => "eu-stack",
        }
    }

    /// Which one it is, or why it cannot be measured.
    pub fn version(self, target: &Path) -> Result<String> {
        match self {
            Peer::Oslo => {
                let pip = environment(target)?.join("bin/pip");
                let list = Step::new(pip).args(["list", "--disable-pip-version-check"]).read()?;
                let is_peer =
                    |line: &&str| line.starts_with("oslo.reports ") || line.starts_with("eventlet ");
                let lines = list.lines().filter(is_peer);
                let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
                Ok(words.collect::<Vec<_>>().join(", "))
            }
            Peer::Gdb | Peer::EuStack => {
                let version = first_line(Step::new(self.name()).arg("--version"));
                anyhow::ensure!(version != "not installed", "`{}` is not installed", self.name());
                Ok(version)
            }
        }
    }

    /// Runs a tool that looks from outside, and returns what it printed.
    pub fn look(self, process: u32) -> Result<String> {
        let step = match self {
            Peer::Gdb => Step::new("gdb").args(["-batch", "-ex", "thread apply all bt", "-p"]),
            _ => Step::new("eu-stack").arg("-p"),
        };
        // Debug information from the network would be another benchmark.
        step.arg(process.to_string()).without_env("DEBUGINFOD_URLS").read()
    }

    /// How many threads this output lists.
    pub fn threads_in(self, output: &str) -> usize {
        let begin = match self {
            Peer::Oslo => "------ ",
            Peer::Gdb => "Thread ",
            Peer::EuStack => "TID ",
        };
        output.lines().filter(|line| line.trim_start().starts_with(begin)).count()
    }
}

/// The Python service with so many `threads` or `greenlets`.
pub fn python(target: &Path, kind: &str, count: usize) -> Result<Command> {
    let mut command = Command::new(environment(target)?.join("bin/python"));
    command.arg(fixture().join("subject.py")).arg(kind).arg(count.to_string());
    Ok(command)
}

fn fixture() -> PathBuf {
    project::root().join("tests/fixtures/bench/python")
}

/// A virtual environment with what the service imports.
fn environment(target: &Path) -> Result<PathBuf> {
    let requirements = fixture().join("requirements.txt");
    let wanted = fs::read(&requirements).context("the requirements cannot be read")?;
    let environment = target.join("bench/python");
    let installed = environment.join("installed-requirements.txt");
    if fs::read(&installed).ok().as_ref() != Some(&wanted) {
        announce("installing oslo.reports from PyPI");
        let make = Step::new("python3").args(["-m", "venv", "--clear"]).arg(&environment);
        make.run().context("oslo.reports needs python3 with its venv module")?;
        Step::new(environment.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&requirements)
            .run()
            .context("cannot install oslo.reports, which comes from PyPI: is there a network?")?;
        fs::write(&installed, wanted)?;
    }
    Ok(environment)
}
