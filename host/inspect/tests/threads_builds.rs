//! The program of known stacks, built as people build theirs. Each build takes minutes, so it is ignored by
//! default: `cargo test -p gmr-inspect --test threads_builds -- --ignored`. The variable `GMR_MATRIX_TOOLCHAIN` names a
//! toolchain other than the default one.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the program in a profile of its own and lets it judge itself several times.
fn all_right(profile: &str, flags: &str) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/threads");
    let toolchain = std::env::var("GMR_MATRIX_TOOLCHAIN").ok().filter(|name| !name.is_empty());
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("builds");
    let target = target.join(toolchain.as_deref().unwrap_or("default"));
    let mut cargo = Command::new("cargo");
    if let Some(toolchain) = toolchain {
        cargo.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    let built = cargo
        .args(["build", "--quiet", "--profile", profile, "--target-dir"])
        .arg(&target)
        .env("RUSTFLAGS", flags)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .current_dir(&fixture)
        .status()
        .unwrap();
    assert!(built.success());
    let directory = if profile == "dev" { "debug" } else { profile };
    let program = target.join(directory).join("threads-fixture");
    for _ in 0..5 {
        let output = Command::new(&program).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{profile}: {text}");
    }
}

#[test]
#[ignore = "builds for minutes"]
fn debug() {
    all_right("dev", "");
}

#[test]
#[ignore = "builds for minutes"]
fn release() {
    all_right("release", "");
}

#[test]
#[ignore = "builds for minutes"]
fn fat_lto() {
    all_right("fat-lto", "");
}

#[test]
#[ignore = "builds for minutes"]
fn frame_pointers() {
    all_right("frame-pointers", "-Cforce-frame-pointers=yes");
}
