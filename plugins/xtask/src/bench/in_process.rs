//! Captures measured from inside a process: without a report around them, how long running threads stand still, and which
//! blocked ones notice. tests/fixtures/bench/in-process measures and prints.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::command::Step;
use crate::project;

/// Enough for a p99 that rests on ten values.
const CAPTURES: &str = "1000";

pub fn build(target: &Path) -> Result<PathBuf> {
    let folder = target.join("bench/in-process");
    Step::new("cargo")
        .args(["build", "--quiet", "--release", "--locked", "--target-dir"])
        .arg(&folder)
        .within(&project::root().join("tests/fixtures/bench/in-process"))
        .run()?;
    Ok(folder.join("release/bench-in-process"))
}

pub fn capture(program: &Path, threads: usize, runs: usize) -> Result<()> {
    Step::new(program).args(["capture", &threads.to_string(), &runs.to_string()]).run()
}

pub fn pause(program: &Path) -> Result<()> {
    println!(
        "\nrunning threads (clock read all the time; a canary on the alternate stack shows each handler)"
    );
    Step::new(program).args(["pause", CAPTURES]).run()
}

pub fn interruptions(program: &Path) -> Result<()> {
    println!("\nblocked threads");
    Step::new(program).args(["interruptions", CAPTURES]).run()
}
