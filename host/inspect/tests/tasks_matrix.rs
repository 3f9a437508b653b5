//! The same chains from a program built in every way that applications are built.
//!
//! It takes some minutes for each way, so it runs on request only: `cargo test -p gmr-inspect --test
//! tasks_matrix -- --ignored`. The variable `GMR_MATRIX` names the profiles of `tests/fixtures/tasks`, separated
//! by commas (all by default), `GMR_MATRIX_TOOLCHAIN` a toolchain other than the default one.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;

const PROFILES: &str = "release,full,thin,fat,smallest,packed,unpacked,lines";

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tasks")
}

/// Builds the fixture, and returns its executable.
fn build(profile: &str, toolchain: Option<&str>) -> PathBuf {
    // Beside what this test was built into.
    let own = std::env::current_exe().unwrap();
    let target = own.ancestors().nth(3).unwrap().join("matrix").join(toolchain.unwrap_or("default"));
    let mut cargo = Command::new("cargo");
    cargo.current_dir(fixture()).args(["build", "--locked", "--profile", profile]);
    cargo.env("CARGO_TARGET_DIR", &target);
    if let Some(toolchain) = toolchain {
        cargo.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    assert!(cargo.status().unwrap().success(), "{profile} does not build");
    target.join(profile).join("fixture")
}

fn run(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "builds a program in eight ways"]
fn chains_are_the_same_in_every_build() {
    let expected = std::fs::read_to_string(fixture().join("golden/chains.txt")).unwrap();
    let profiles = std::env::var("GMR_MATRIX").unwrap_or_else(|_| PROFILES.to_owned());
    let toolchain = std::env::var("GMR_MATRIX_TOOLCHAIN").ok();
    let mut wrong = Vec::new();
    for profile in profiles.split(',') {
        let program = build(profile, toolchain.as_deref());
        for arguments in [&[][..], &["one thread"]] {
            let text = run(&program, arguments);
            let right = match profile {
                "lines" => text.starts_with("no chains: the debug information has"),
                _ => text == expected,
            };
            if !right {
                wrong.push(format!("{profile} {arguments:?}:\n{text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
