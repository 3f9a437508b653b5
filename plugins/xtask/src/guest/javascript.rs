//! JavaScript plugins, built with componentize-js in copies under the target folder.
//!
//! Node looks for packages in the folder of the file that imports them and in those above. So they are installed
//! once, above the copies, and the source tree stays as it is.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::output::Output;
use super::stamp::{Stamp, copy};
use crate::command::{Step, announce};

/// The shipped plugin's name: its entry module's.
pub const NAME: &str = "disks";

/// Builds the shipped plugin, unless it is up to date, and puts its component into `output`.
pub fn build(root: &Path, target: &Path, output: &mut Output) -> Result<()> {
    let (source, wit, folder) =
        (root.join("plugins/javascript"), root.join("wit"), target.join("javascript"));
    copy(&source, &folder)?;
    let component = folder.join(NAME).with_extension("wasm");
    let built = Stamp::new(folder.join("stamp"), &[&source, &wit], "")?;
    if !built.is_set() || !component.exists() {
        install(root, target)?;
        announce("building the JavaScript plugin (half a minute)");
        Step::new("node").arg("build.mjs").arg(&wit).within(&folder).run()?;
        built.set()?;
    }
    let bytes = fs::read(&component).with_context(|| format!("cannot read {}", component.display()))?;
    output.put(NAME, &bytes)
}

/// Installs the packages that the shipped plugin's lock file names, for every project below `target`.
pub fn install(root: &Path, target: &Path) -> Result<()> {
    let mut wanted = String::new();
    for file in ["package.json", "package-lock.json"] {
        let (from, to) = (root.join("plugins/javascript").join(file), target.join(file));
        wanted += &fs::read_to_string(&from).with_context(|| format!("cannot read {}", from.display()))?;
        fs::copy(&from, &to).with_context(|| format!("cannot write {}", to.display()))?;
    }
    let installed = Stamp::new(target.join("packages-stamp"), &[], &wanted)?;
    if !installed.is_set() || !target.join("node_modules").exists() {
        announce("installing componentize-js (400 MB with all it needs)");
        // Not `npm ci`: from 11.16 on it refuses locks that lack optional packages of other platforms, such as npm
        // itself writes where a mirror does not have them (npm/cli#9846). `install` keeps to the lock as well.
        Step::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"])
            .within(target)
            .run()
            .context(
                "cannot install componentize-js, which comes from npm: it needs node 20 or later, npm (Debian: \
                 apt-get install nodejs npm) and a network",
            )?;
        installed.set()?;
    }
    Ok(())
}
