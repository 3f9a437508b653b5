//! The subject of this project: a process with many threads or tasks, and a reporter. tests/fixtures/bench/load is its
//! source.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::command::Step;
use crate::project;

/// Builds it into this folder, cargo being given these settings too.
pub fn build(folder: &Path, settings: &[&str]) -> Result<PathBuf> {
    Step::new("cargo")
        .args(["build", "--quiet", "--release", "--locked", "--target-dir"])
        .arg(folder)
        .args(settings.iter().flat_map(|setting| ["--config", setting]))
        .within(&project::root().join("tests/fixtures/bench/load"))
        .run()?;
    Ok(folder.join("release/bench-load"))
}
