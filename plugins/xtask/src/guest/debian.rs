//! Debian's packages for browsers: a current compiler with the standard library's source.
//!
//! Installs nothing without being root, nothing that would remove another package, and nothing silently.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::command::{Step, announce};

/// A compiler, its cargo, the standard library's source and the linker's libraries.
pub const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm"];

/// Installs [`PACKAGES`].
pub fn install() -> Result<()> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !is_debian(&release) {
        bail!("this system is not Debian");
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("there is no apt-get");
    }
    if Step::new("id").arg("-u").read()?.trim() != "0" {
        bail!("only root may install packages");
    }
    announce(format_args!("installing {} with apt-get (about 200 MB)", PACKAGES.join(" ")));
    apt().args(["update", "-q"]).run()?;
    // A Rust that the user chose stays: the packages conflict with Debian's other `rustc`.
    apt().args(["install", "-q", "-y", "--no-remove", "--no-install-recommends"]).args(PACKAGES).run()
}

fn apt() -> Step {
    Step::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive")
}

/// Whether a text as in `/etc/os-release` speaks of Debian or of a system that descends from it.
fn is_debian(release: &str) -> bool {
    release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .flat_map(|names| names.trim_matches('"').split(' '))
        .any(|name| name == "debian")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_its_descendants_are_told_from_others() {
        let check = |release: &str, expected: bool| assert_eq!(is_debian(release), expected, "{release}");
        check("PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n", true);
        check("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", true);
        check("ID=fedora\nBUG_REPORT_URL=\"debian\"\n", false);
        check("ID=notdebian\n", false);
        check("", false);
    }
}
