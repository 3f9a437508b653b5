//! Python plugins, built with componentize-py in a virtual environment under the target folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::output::Output;
use super::stamp::Stamp;
use crate::command::{Step, announce};

/// The shipped plugin's name: its entry module's.
pub const NAME: &str = "frames";

/// Builds the shipped plugin, unless it is up to date, and puts its component into `output`.
pub fn build(root: &Path, target: &Path, output: &mut Output) -> Result<()> {
    let (source, wit, folder) = (root.join("plugins/python"), root.join("wit"), target.join("python"));
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let component = folder.join(NAME).with_extension("wasm");
    let built = Stamp::new(folder.join("stamp"), &[&source, &wit], "")?;
    if !built.is_set() || !component.exists() {
        let environment = environment(root, target)?;
        announce("building the Python plugin (half a minute)");
        componentize(&environment, &source, &wit, NAME, &component)?;
        built.set()?;
    }
    let bytes = fs::read(&component).with_context(|| format!("cannot read {}", component.display()))?;
    output.put(NAME, &bytes)
}

/// Makes a component of the module `name` in the folder `source`.
pub fn componentize(
    environment: &Path,
    source: &Path,
    wit: &Path,
    name: &str,
    component: &Path,
) -> Result<()> {
    Step::new(environment.join("bin/componentize-py"))
        .arg("--wit-path")
        .arg(wit)
        .args(["--world", "plugin", "componentize", name, "--output"])
        .arg(component)
        .within(source)
        .run()
}

/// A virtual environment that holds what the shipped plugin's `requirements.txt` names.
pub fn environment(root: &Path, target: &Path) -> Result<PathBuf> {
    let requirements = root.join("plugins/python/requirements.txt");
    let environment = target.join("python/environment");
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let installed = Stamp::new(target.join("python/environment-stamp"), &[], &wanted)?;
    if !installed.is_set() || !environment.exists() {
        announce("installing componentize-py (17 MB)");
        Step::new("python3").args(["-m", "venv", "--clear"]).arg(&environment).run().context(
            "Python plugins need python3 with its venv module (Debian: apt-get install python3-venv)",
        )?;
        Step::new(environment.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&requirements)
            .run()
            .context("cannot install componentize-py, which comes from PyPI: is there a network?")?;
        installed.set()?;
    }
    Ok(environment)
}
