//! `cargo xtask incidents`: programs that are stuck in known ways, and whether their reports name the cause; their healthy
//! twins, of which nothing may be said. tests/fixtures/incidents is the programs and their judge.

use std::path::PathBuf;

use anyhow::Result;

use crate::command::{Step, announce};
use crate::project;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only the incidents whose names hold one of these words
    names: Vec<String>,
}

/// All of them.
pub const ALL: Arguments = Arguments { names: Vec::new() };

pub fn run(arguments: &Arguments) -> Result<()> {
    let reports = folder()?.join("reports");
    let program = program()?;
    announce(format_args!("their reports stay in {}", reports.display()));
    program.arg("check").arg(reports).args(&arguments.names).run()
}

/// The program that is the incidents and their judge, built, up to its arguments.
pub fn program() -> Result<Step> {
    let folder = folder()?;
    announce(
        "building the incidents in release, as the README recommends; the first time it takes some minutes",
    );
    Step::new("cargo")
        .args(["build", "--quiet", "--release", "--locked", "--target-dir"])
        .arg(&folder)
        .without_env("RUSTFLAGS")
        .within(&project::root().join("tests/fixtures/incidents"))
        .run()?;
    Ok(Step::new(folder.join("release/incidents")))
}

fn folder() -> Result<PathBuf> {
    Ok(project::target()?.join("incidents"))
}
