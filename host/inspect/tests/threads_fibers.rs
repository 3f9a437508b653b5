//! Threads that stand in WebAssembly, also on fibers. To build wasmtime takes minutes, so it is ignored by default:
//! `cargo test -p gmr-inspect --test threads_fibers -- --ignored`.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
#[ignore = "builds for minutes"]
fn stacks_go_on_through_webassembly_and_from_fibers_back_to_their_threads() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/fibers");
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fibers");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--target-dir"])
        .arg(&target)
        .current_dir(&fixture)
        .status()
        .unwrap();
    assert!(built.success());
    for _ in 0..5 {
        let output = Command::new(target.join("debug/fibers-fixture")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}
