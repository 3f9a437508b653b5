//! Modules and components at random, all of them valid, dropped into a plugin folder: each is refused or runs, and fails or
//! not, with its reason; the process and the plugin beside them are none the worse.
//!
//! The same ones in every run, 30 of each kind; the variable `GMR_SMITH` asks for another number. wasm-smith stands in
//! `tests/fixtures/smith`, which is built first.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gmr::plugin::{CheckOptions, Limits, PluginConfig, check};
use gmr::report::{Block, Report, Value};
use gmr::{Builder, Settings};
use gmr_test_support::{guests, wait_for_compiler};

/// Enough for a random loop that ends; the others are cut then.
fn config() -> PluginConfig {
    let mut limits = Limits::default();
    (limits.deadline, limits.memory_bytes) = (Duration::from_millis(50), 16 << 20);
    PluginConfig::default().with_limits(limits)
}

/// The files that are made up, in their order.
fn make(folder: &Path) -> Vec<PathBuf> {
    let count = std::env::var("GMR_SMITH").unwrap_or_else(|_| "30".to_owned());
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/smith");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("smith");
    let made = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--target-dir"])
        .arg(&target)
        .arg("--")
        .arg(folder)
        .arg(count)
        .current_dir(fixture)
        .status()
        .unwrap();
    assert!(made.success());
    let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn stem(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

/// A row of the Plugins section: state and problem.
fn state(report: &Report, plugin: &str) -> String {
    let section = report.section("plugins").unwrap();
    let Some(Block::Table { rows, .. }) = section.blocks.first() else { return String::new() };
    let row = rows.iter().find(|row| row[0] == Value::from(plugin));
    row.map_or_else(String::new, |row| match &row[1] {
        Value::Text(state) => state.to_string(),
        other => panic!("{other:?}"),
    })
}

/// One test: the folder is looked at by a reporter, of which a process has one.
#[test]
fn whatever_is_valid_is_refused_or_runs() {
    let folder = tempfile::tempdir().unwrap();
    let files = make(folder.path());
    assert!(files.len() >= 3);
    let (mut refused, mut failed, mut whole) = (0, 0, 0);
    for path in &files {
        if stem(path).starts_with("plugin-")
            && let Ok(component) = guests::encode("plugin", std::fs::read(path).unwrap())
        {
            std::fs::write(path, component).unwrap();
        }
        match check(path, CheckOptions::default().with_config(config())) {
            Err(reason) => {
                let (file, why) = reason.split_once(": ").unwrap();
                assert!(Path::new(file) == path && why.len() > 10 && !why.contains('\n'), "{reason}");
                refused += 1;
            }
            Ok(checked) => match checked.section.failure {
                Some(failure) => {
                    assert!(failure.contains(&format!("({}.wasm, ", stem(path))), "{failure}");
                    failed += 1;
                }
                None => whole += 1,
            },
        }
    }
    println!("{refused} refused, {failed} failed, {whole} whole");
    assert!(refused > 0 && failed + whole > 0, "{refused} refused, {failed} failed, {whole} whole");

    std::fs::write(folder.path().join("a.wasm"), guests::component("hello")).unwrap();
    let mut settings = Settings::default();
    settings.plugin_dir = vec![folder.path().to_owned()];
    settings.deadline = Duration::from_secs(60);
    settings.plugins = files.iter().map(|path| (stem(path).to_owned(), config())).collect();
    let guard = Builder::new(gmr::package!()).settings(settings).install().unwrap();
    let pending = ["loading", "waiting", "compiling"];
    let report = wait_for_compiler(|| {
        let report = guard.report().unwrap();
        let is_pending = |path: &PathBuf| {
            let state = state(&report, stem(path));
            state.is_empty() || pending.iter().any(|word| state.starts_with(word))
        };
        if report.section("a").is_some() && !files.iter().any(is_pending) {
            return Ok(report);
        }
        Err(format!("{:?}", report.section("plugins")))
    });
    let hello = report.section("a").unwrap();
    assert_eq!((&hello.failure, &hello.blocks[..]), (&None, &[Block::paragraph("hello")][..]));
    // Of many that do not load the first are told above, and all in the table.
    let remarks = report.section("plugins").unwrap().remarks.join("\n");
    assert!(remarks.contains(".wasm does not load: "), "{remarks}");
    for path in &files {
        let (name, state) = (stem(path), state(&report, stem(path)));
        match report.section(name) {
            Some(_) => assert_eq!(state, "ready", "{name}"),
            None => assert_eq!(state, "failed", "{name}"),
        }
    }
    for native in ["package", "threads", "green_threads", "configuration"] {
        assert_eq!(report.section(native).unwrap().failure, None, "{native}");
    }
}
