//! `cargo xtask faults`: the table of faults, a line for each condition in which a program may be when a report is asked for.

use anyhow::Result;

use crate::command::Step;
use crate::project;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only the conditions whose names hold one of these words
    names: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    tests().arg("--").args(&arguments.names).run()
}

/// The command that builds and runs the table's program, up to its arguments.
pub fn tests() -> Step {
    Step::new("cargo").args(["test", "--quiet", "--workspace", "--test", "faults"]).within(&project::root())
}
