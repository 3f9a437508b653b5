//! `cargo xtask bench plugins`: what a plugin costs a report, a start and an operator who waits for it.
//! tests/src/bin/bench-plugins.rs measures and prints.

use anyhow::Result;

use super::conditions;
use crate::command::{Step, announce};
use crate::guest::{self, Choice, Which};
use crate::project;

#[derive(clap::Args)]
pub struct Arguments {}

pub fn run(_: &Arguments) -> Result<()> {
    let target = project::target()?;
    guest::build(Which::All, Choice::default())?;
    announce("building the subject; the first time it builds the engine in release, for some minutes");
    Step::new("cargo")
        .args(["build", "--quiet", "--release", "--workspace", "--bin", "bench-plugins"])
        .within(&project::root())
        .run()?;
    conditions::print(
        "release; the shipped plugins `facts`, `process`, `disks` and `frames`, each alone in its folder",
    );
    Step::new(target.join("release/bench-plugins")).arg(target.join("plugins")).run()?;
    conditions::print_load("after");
    Ok(())
}
