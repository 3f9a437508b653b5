//! Tells the Package section which compiler and target the executable is built with: the same ones as
//! this library.

use std::process::Command;

fn main() {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let rustc = Command::new(variable("RUSTC")).arg("--version").output();
    // "rustc 1.95.0 (59807616e 2026-04-14)": the commit says nothing that the version does not.
    let rustc = rustc.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let version = rustc.split(" (").next().unwrap_or_default().trim();
    println!("cargo::rustc-env=GMR_RUSTC={version}");
    println!("cargo::rustc-env=GMR_TARGET={}", variable("TARGET"));
    println!("cargo::rustc-env=GMR_PROFILE={}", variable("PROFILE"));
    println!("cargo::rerun-if-changed=build.rs");
}
