//! `cargo xtask faults`: the table of faults, a line for each condition in which a program may be when a report is asked for.

use anyhow::{Context, Result};

use crate::command::Step;
use crate::project;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only the conditions whose names hold one of these words
    names: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    if arguments.names.is_empty() {
        // One of the conditions is a mistake in the example service's own file. Tests do not build what other packages have,
        // and with the tests' features it is not built once more.
        service().context("the example service is one of the programs of the table")?;
    }
    tests().arg("--").args(&arguments.names).run()
}

/// The command that builds and runs the table's program, up to its arguments.
pub fn tests() -> Step {
    Step::new("cargo").args(["test", "--quiet", "--workspace", "--test", "faults"]).within(&project::root())
}

fn service() -> Result<()> {
    Step::new("cargo")
        .args(["test", "--quiet", "--workspace", "--bin", "service", "--no-run"])
        .within(&project::root())
        .run()
}
