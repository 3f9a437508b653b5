//! Fuzz tests of whole components: guests, texts and plugins of every language, with bytes changed. Each is refused in a
//! line, or loads and is called, within its limits.

use std::sync::Arc;
use std::time::Duration;

use gmr_test_fuzz::{self as fuzz, within};
use gmr_test_support::guests;

use super::call::Outcome;
use super::component;
use super::engine::Sandbox;
use super::handle::{PluginHandle, no_report};
use super::parallel::run_alone;
use crate::plugin::files::digest::Digest;
use crate::plugin::interface::facts::Facts;
use crate::plugin::interface::output_limits::Share;
use crate::plugin::interface::subject::Subject;
use crate::plugin::report::outcome::SectionHead;
use crate::plugin::{Limits, PluginConfig};

/// The most that compiling 64 KiB takes, with what the compiler keeps of it.
const MEMORY: u64 = 256 << 20;

/// The same of a plugin that brings an interpreter, of up to 64 MiB.
const LARGE_MEMORY: u64 = 2 << 30;

/// Where `cargo xtask` has built the plugins that ship, one of them a whole interpreter of Python, another of JavaScript.
const BUILT: &str = "GMR_TEST_PLUGINS";

fn config() -> PluginConfig {
    let mut limits = Limits::default();
    (limits.deadline, limits.memory_bytes) = (Duration::from_millis(20), 64 << 20);
    PluginConfig::default().with_limits(limits)
}

/// Loads a file and calls it, if it is a plugin.
fn attempt(sandbox: &Sandbox, memory: u64, bytes: &[u8]) {
    let config = config();
    let limits = config.limits.clone();
    let loaded = within(memory, || {
        let component = component::load(&sandbox.engine, bytes)?;
        PluginHandle::load(sandbox, "fuzz", "fuzz.wasm", Digest([0; 32]), &component, config)
    });
    let plugin = match loaded {
        Ok(plugin) => plugin,
        Err(reason) => {
            assert!(!reason.is_empty() && !reason.contains('\n') && reason.len() < 2000, "{reason:?}");
            return;
        }
    };
    let head = SectionHead::of(&plugin);
    let (callee, subject) =
        (plugin.callee.clone(), Arc::new(Subject::new(no_report(), Arc::new(Facts::new()))));
    let called = run_alone(&plugin.callee.engine, limits.deadline, move |until| {
        callee.render(subject, until, u64::MAX)
    });
    let section = match called {
        Ok(outcome) => {
            let Outcome { memory_bytes, diagnostics, .. } = &outcome;
            assert!(*memory_bytes <= limits.memory_bytes);
            assert!(diagnostics.len() < limits.diagnostic_bytes as usize * 4);
            within(memory, || head.section(&limits, Share::WHOLE, outcome).0)
        }
        Err(lost) => head.failed(&lost.reason()),
    };
    assert!(section.failure.is_none_or(|failure| !failure.is_empty()));
}

#[test]
fn components() {
    let sandbox = Sandbox::new(&config().limits).unwrap();
    let names =
        ["hello", "trap", "escapes", "three-of-each", "asks-for-grants", "tells-its-settings", "recursion"];
    let mut seeds: Vec<Vec<u8>> = names.iter().map(|name| guests::component(name)).collect();
    seeds.push(guests::assemble_for("with-wasi", &guests::text("asks-for-everything")));
    let text =
        "(component (core module $m (memory (export \"m\") 1) (func (export \"f\") (result i32) i32.const 1))
        (core instance $i (instantiate $m)) (func $f (result u32) (canon lift (core func $i \"f\")))
        (instance $e (export \"f\" (func $f))) (export \"gmr:plugin/section@0.1.0\" (instance $e)))";
    seeds.push(text.as_bytes().to_vec());
    fuzz::bytes("components", 300, &seeds, |bytes| attempt(&sandbox, MEMORY, bytes));
    fuzz::patched("components", 300, &seeds, |bytes| attempt(&sandbox, MEMORY, bytes));
}

/// Takes seconds for each input, so only where `cargo xtask fuzz` asks for it and has built the plugins.
#[test]
fn plugins_of_all_languages() {
    let (Some(folder), Some(_)) = (std::env::var_os(BUILT), std::env::var_os(fuzz::SECONDS)) else { return };
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let seeds: Vec<Vec<u8>> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    let sandbox = Sandbox::new(&config().limits).unwrap();
    fuzz::patched("plugins_of_all_languages", 0, &seeds, |bytes| attempt(&sandbox, LARGE_MEMORY, bytes));
}
