//! `cargo xtask package`: what a registry would get of each published package, and that it compiles from there.
//!
//! Cargo's own check after packing builds each package for itself: with other features and another profile than the
//! workspace, so that the wasm engine is built once more. Here the unpacked packages are members of one workspace with the
//! project's profile and lock file, and are checked without generating code, which finds what a package lacks as well.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::command::{Step, announce};
use crate::project::{self, Package};

pub fn run() -> Result<()> {
    let (root, target) = (project::root(), project::target()?);
    let host = published(&root)?;
    let names = host.iter().flat_map(|package| ["--package", &package.name]);
    pack(&root, &target, names)?;
    let packages = target.join("package");
    check(&root, &target, &host, &[(&host, &packages)])?;

    // What Rust plugins are written with is in their workspace, and depends on one of the host's packages.
    let (plugins, guests) = (root.join("plugins"), target.join("guests"));
    let sdk = published(&plugins)?;
    let report = format!("patch.crates-io.gmr-report.path={:?}", root.join("host/report"));
    let names = sdk.iter().flat_map(|package| ["--package", &package.name]);
    pack(&plugins, &guests, names.chain(["--config", report.as_str()]))?;
    check(&plugins, &guests, &sdk, &[(&sdk, &guests.join("package")), (&host, &packages)])
}

/// The packages of a workspace that a registry may have.
fn published(workspace: &Path) -> Result<Vec<Package>> {
    Ok(project::packages(workspace)?.into_iter().filter(|package| package.published).collect())
}

fn pack<'a>(workspace: &Path, target: &Path, options: impl Iterator<Item = &'a str>) -> Result<()> {
    announce(format_args!("packing what {} publishes", workspace.display()));
    Step::new("cargo")
        .args(["package", "--quiet", "--no-verify", "--allow-dirty", "--target-dir"])
        .arg(target)
        .args(options)
        .within(workspace)
        .run()
}

/// Checks unpacked packages, which lie in these folders, with the profiles and the lock file of a workspace.
fn check(workspace: &Path, target: &Path, checked: &[Package], all: &[(&[Package], &Path)]) -> Result<()> {
    announce("checking the packages as a registry would have them");
    let folder = target.join("package/workspace");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut unpacked = Vec::new();
    for (packages, files) in all {
        for package in *packages {
            let file = files.join(format!("{}-{}.crate", package.name, package.version));
            Step::new("tar").arg("-xzf").arg(file).arg("-C").arg(&folder).run()?;
            unpacked.push(package);
        }
    }
    fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let manifest = fs::read_to_string(workspace.join("Cargo.toml"))?;
    fs::write(folder.join("Cargo.toml"), manifest_of(checked, &unpacked, &manifest))?;
    Step::new("cargo")
        .args(["check", "--quiet", "--workspace", "--target-dir"])
        .arg(target)
        .within(&folder)
        .run()
        .context("a package lacks something: `cargo package --list` in its folder tells what it has")
}

/// A workspace of packages with the profiles of another one. They find all that are unpacked here, not in a registry.
fn manifest_of(members: &[Package], unpacked: &[&Package], other: &str) -> String {
    let folder = |package: &Package| format!("{}-{}", package.name, package.version);
    let members: Vec<String> = members.iter().map(folder).collect();
    let mut text = format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n\n[patch.crates-io]\n");
    for package in unpacked {
        text += &format!("{} = {{ path = {:?} }}\n", package.name, folder(package));
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
        let package = |name: &str| Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            published: true,
            has_library: true,
            tests: Vec::new(),
        };
        let other = "[workspace]\nmembers = []\n[profile.dev]\nopt-level = 1\n[lints]\nx = 1\n[profile.x.package.y]\n";
        let text = manifest_of(&[package("a")], &[&package("a"), &package("b")], other);
        let expected = [
            "[workspace]\nresolver = \"3\"\nmembers = [\"a-1.0.0\"]\n",
            "[patch.crates-io]\na = { path = \"a-1.0.0\" }\nb = { path = \"b-1.0.0\" }\n[profile.dev]\nopt-level = 1",
            "[profile.x.package.y]\n",
        ];
        assert_eq!(text, expected.join("\n"));
    }
}
