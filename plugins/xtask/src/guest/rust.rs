//! Rust guests, built a workspace at a time.
//!
//! Cargo decides what is out of date. Guests get none of the host's compiler flags: those may name processors
//! and linkers that WebAssembly does not have.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::component;
use super::output::Output;
use super::toolchain::Toolchain;
use crate::command::{Step, announce};

/// Builds every guest of the workspace, and puts its component into `output`.
pub fn build(workspace: &Path, target: &Path, toolchain: &Toolchain, output: &mut Output) -> Result<()> {
    announce(format_args!("building the Rust guests of {} for {}", workspace.display(), toolchain.target()));
    let mut modules = Vec::new();
    cargo(toolchain)
        .args(["build", "--release", "--workspace", "--lib", "--message-format", "json-render-diagnostics"])
        .args(["--target", toolchain.target()])
        .arg("--manifest-path")
        .arg(workspace.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .within(workspace)
        .lines(|line| {
            modules.extend(linked_module(line)?);
            Ok(())
        })?;
    for module in modules {
        let name = module.file_stem().context("a built file has a name")?.to_string_lossy().into_owned();
        let bytes = fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
        let bytes = match toolchain {
            Toolchain::Wasip2 => bytes,
            Toolchain::BuildStd { .. } => component::from_module(&bytes)
                .with_context(|| format!("cannot make a component of {}", module.display()))?,
        };
        output.put(&name, &bytes)?;
    }
    Ok(())
}

fn cargo(toolchain: &Toolchain) -> Step {
    let step = match toolchain {
        Toolchain::Wasip2 => Step::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into())),
        Toolchain::BuildStd { cargo, rustc, linker } => {
            // `-Z` is for nightly compilers; with this variable a stable one builds its own standard library too.
            let mut step = Step::new(cargo).env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_abort");
            if let Some(rustc) = rustc {
                step = step.env("RUSTC", rustc).without_env("RUSTUP_TOOLCHAIN").without_env("CARGO");
            }
            if let Some(linker) = linker {
                step = step.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
            }
            step
        }
    };
    // Present but empty, it also outweighs flags in configuration files.
    step.env("CARGO_ENCODED_RUSTFLAGS", "").without_env("RUSTFLAGS")
}

/// The module that one line of cargo's messages tells of, if it tells of one.
fn linked_module(message: &str) -> Result<Option<PathBuf>> {
    let message: Value = serde_json::from_str(message).context("cargo printed what is no JSON")?;
    let linked = message["reason"] == "compiler-artifact"
        && message["target"]["crate_types"].as_array().is_some_and(|types| types.contains(&"cdylib".into()));
    let files = message["filenames"].as_array().filter(|_| linked);
    Ok(files
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(PathBuf::from)
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_linked_module_is_taken() {
        let check = |message: &str, expected: Option<&str>| {
            assert_eq!(linked_module(message).unwrap(), expected.map(PathBuf::from), "{message}");
        };
        check(
            r#"{"reason":"compiler-artifact","target":{"crate_types":["cdylib","rlib"]},
                "filenames":["/t/release/process.wasm","/t/release/libprocess.rlib"]}"#,
            Some("/t/release/process.wasm"),
        );
        check(
            r#"{"reason":"compiler-artifact","target":{"crate_types":["rlib"]},"filenames":["/t/liba.rlib"]}"#,
            None,
        );
        check(r#"{"reason":"build-finished","success":true}"#, None);
        assert!(linked_module("warning: something").is_err());
    }
}
