//! The project's folders and packages, as cargo knows them.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::Step;

/// The project's top folder. Taken from the running cargo first: a checkout can be moved after its build.
pub fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.ancestors().nth(2).map_or_else(|| package.clone(), Path::to_path_buf)
}

/// The folder for built files, as cargo itself sees it: `CARGO_TARGET_DIR` and its settings count.
pub fn target() -> Result<PathBuf> {
    let folder = metadata(&root())?;
    let folder = folder["target_directory"].as_str().context("cargo metadata names no target folder")?;
    Ok(PathBuf::from(folder))
}

/// A package of a workspace.
pub struct Package {
    pub name: String,
    pub version: String,
    /// Whether a registry may have it.
    pub published: bool,
    pub has_library: bool,
    /// Its integration tests.
    pub tests: Vec<String>,
}

/// The packages of the workspace at this path.
pub fn packages(workspace: &Path) -> Result<Vec<Package>> {
    let metadata = metadata(workspace)?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    packages.iter().map(|package| read(package).context("cargo metadata lacks a package's name")).collect()
}

fn read(package: &Value) -> Option<Package> {
    let targets = package["targets"].as_array()?;
    let is = |target: &&Value, kind: &str| {
        target["kind"].as_array().is_some_and(|kinds| kinds.contains(&kind.into()))
    };
    let tests = targets.iter().filter(|target| is(target, "test"));
    Some(Package {
        name: package["name"].as_str()?.to_owned(),
        version: package["version"].as_str()?.to_owned(),
        // A list of the registries, or none for any.
        published: package["publish"].as_array().is_none_or(|registries| !registries.is_empty()),
        has_library: targets.iter().any(|target| is(&target, "lib")),
        tests: tests.filter_map(|test| Some(test["name"].as_str()?.to_owned())).collect(),
    })
}

fn metadata(workspace: &Path) -> Result<Value> {
    let text = Step::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(workspace.join("Cargo.toml"))
        .read()?;
    serde_json::from_str(&text).context("cargo metadata is no JSON")
}
