//! `cargo xtask package`: what a registry would get of each published package, and that it compiles from there.
//!
//! Cargo's own check after packing builds each package for itself: with other features and another profile than the
//! workspace, so that the wasm engine is built once more. Here the unpacked packages are members of one workspace with the
//! project's profile and lock file, and are checked without generating code, which finds what a package lacks as well.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::{Step, announce};
use crate::project::{self, Package};

pub fn run() -> Result<()> {
    let root = project::root();
    let target = project::target()?;
    let packages: Vec<Package> =
        project::packages()?.into_iter().filter(|package| package.published).collect();
    announce("packing the published packages");
    let names = packages.iter().flat_map(|package| ["--package", &package.name]);
    Step::new("cargo")
        .args(["package", "--quiet", "--no-verify", "--allow-dirty"])
        .args(names)
        .within(&root)
        .run()?;
    announce("checking them as a registry would have them");
    let workspace = unpack(&packages, &root, &target.join("package"))?;
    Step::new("cargo")
        .args(["check", "--quiet", "--workspace", "--target-dir"])
        .arg(&target)
        .within(&workspace)
        .run()
        .context("a package lacks something: `cargo package --list` in its folder tells what it has")?;
    announce("packing and checking what Rust plugins are written with");
    Step::new("cargo")
        .args(["package", "--quiet", "--allow-dirty", "--package", "gmr-plugin", "--target-dir"])
        .arg(target.join("guests"))
        .within(&root.join("plugins"))
        .run()
}

/// Unpacks the packages that lie in this folder into a workspace of their own.
fn unpack(packages: &[Package], root: &Path, folder: &Path) -> Result<PathBuf> {
    let workspace = folder.join("workspace");
    if workspace.exists() {
        fs::remove_dir_all(&workspace)?;
    }
    fs::create_dir_all(&workspace)?;
    for package in packages {
        let file = folder.join(format!("{}-{}.crate", package.name, package.version));
        Step::new("tar").arg("-xzf").arg(file).arg("-C").arg(&workspace).run()?;
    }
    fs::copy(root.join("Cargo.lock"), workspace.join("Cargo.lock"))?;
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    fs::write(workspace.join("Cargo.toml"), manifest_of(packages, &manifest))?;
    Ok(workspace)
}

/// A workspace of these packages with the profiles of another one. Each finds the others here, not in a registry.
fn manifest_of(packages: &[Package], other: &str) -> String {
    let mut text = "[workspace]\nresolver = \"3\"\nmembers = [\"*-*\"]\n\n[patch.crates-io]\n".to_owned();
    for package in packages {
        text += &format!("{0} = {{ path = \"{0}-{1}\" }}\n", package.name, package.version);
    }
    let mut is_profile = false;
    for line in other.lines() {
        if line.starts_with('[') {
            is_profile = line.starts_with("[profile.");
        }
        if is_profile {
            text += line;
            text += "\n";
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_find_each_other_and_keep_the_profiles() {
        let package = Package {
            name: "a".to_owned(),
            version: "1.0.0".to_owned(),
            published: true,
            has_library: true,
            tests: Vec::new(),
        };
        let other = "[workspace]\nmembers = []\n[profile.dev]\nopt-level = 1\n[lints]\nx = 1\n[profile.x.package.y]\n";
        let text = manifest_of(&[package], other);
        assert!(
            text.ends_with(
                "a = { path = \"a-1.0.0\" }\n[profile.dev]\nopt-level = 1\n[profile.x.package.y]\n"
            ),
            "{text}"
        );
    }
}
