//! Where the project's files are, and where built ones go.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::Step;

/// The project's top folder. Taken from the running cargo first: a checkout can be moved after its build.
pub fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.ancestors().nth(2).map_or_else(|| package.clone(), Path::to_path_buf)
}

/// The folder for built files, as cargo itself sees it: `CARGO_TARGET_DIR` and its settings count.
pub fn target() -> Result<PathBuf> {
    let text = Step::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .read()?;
    let metadata: serde_json::Value = serde_json::from_str(&text).context("cargo metadata is no JSON")?;
    let folder = metadata["target_directory"].as_str().context("cargo metadata names no target folder")?;
    Ok(PathBuf::from(folder))
}
