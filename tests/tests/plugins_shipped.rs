//! Every shipped plugin, in every language, as a process loads and runs it. `cargo xtask test` builds the plugins,
//! says in `GMR_TEST_PLUGINS` where they are, and runs these.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gmr::Settings;
use gmr::plugin::{Candidate, CheckOptions, Checked, Facts, Grant, PluginConfig, check};
use gmr::report::example;
use gmr::report::format::text;

fn folder() -> PathBuf {
    std::env::var_os("GMR_TEST_PLUGINS").expect("`cargo xtask test` sets it").into()
}

fn load(name: &str) -> Candidate {
    Candidate::load(&folder().join(name).with_extension("wasm"), &config()).expect("it loads")
}

fn config() -> PluginConfig {
    let mut config = PluginConfig::default();
    // These tests share two processors with others; limits have tests of their own.
    config.limits.deadline = Duration::from_secs(30);
    config
}

/// Runs a plugin with all that it wants.
fn run(plugin: &Candidate) -> Checked {
    let facts = Facts::new();
    facts.add("pool", || serde_json::json!({ "size": 8, "idle": 3 }));
    let mut config = config();
    let grant = |want: &String| Grant::parse(want).expect("it wants what there is");
    config.grants = plugin.wants().iter().map(grant).collect();
    let options = CheckOptions::default().with_config(config).with_facts(Arc::new(facts));
    plugin.check(options.with_report(example::report()))
}

#[track_caller]
fn assert_shows(name: &str, expected: &[&str]) {
    let checked = run(&load(name));
    let text = text::section(&checked.section);
    assert_eq!(checked.section.failure, None, "{text}\n{}", checked.diagnostics);
    for line in expected {
        assert!(text.contains(line), "no `{line}` in {text}");
    }
}

#[test]
#[ignore = "needs the built plugins: `cargo xtask test` runs it"]
fn rust_plugins_show_what_they_are_for() {
    let pid = format!("pid = {}", std::process::id());
    assert_shows("process", &[&pid, "resident = ", "open files"]);
    assert_shows("descriptors", &["open = ", "By kind"]);
    assert_shows("limits", &["open files"]);
    assert_shows("loaded", &["plugins_shipped", "libc.so.6"]);
    assert_shows("facts", &["idle = 3", "size = 8"]);
    assert_shows(
        "contention",
        &["waits for", "0x5577aabb0010", "example::cache::get", "example::pool::acquire"],
    );
}

#[test]
#[ignore = "needs the built plugins: `cargo xtask test` runs it"]
fn a_python_plugin_runs() {
    assert_shows("frames", &["example::cache::get", "example::pool::acquire"]);
}

#[test]
#[ignore = "needs the built plugins: `cargo xtask test` runs it"]
fn a_javascript_plugin_runs() {
    assert_shows("disks", &["/"]);
}

#[test]
#[ignore = "needs the built plugins: `cargo xtask test` runs it"]
fn growth_is_told_from_the_second_report_on() {
    for name in ["descriptors", "limits"] {
        let plugin = load(name);
        let [first, second] = [run(&plugin), run(&plugin)].map(|checked| text::section(&checked.section));
        assert!(!first.contains("grown by"), "{first}");
        assert!(second.contains("grown by") && second.contains("last report, ago"), "{second}");
    }
}

#[test]
#[ignore = "needs the built plugins: `cargo xtask test` runs it"]
fn wrong_settings_are_refused_in_every_language() {
    let refused = |plugin: &Candidate, name: &str, setting: &str| {
        let toml = format!("[gmr.plugins.{name}.settings]\n{setting}");
        let settings = Settings::from_toml(&toml, "app.toml").expect("it is read");
        plugin.refused_settings(&settings.plugins[name])
    };
    let described = [
        ("limits", "warn_percent", &["stall_percent", "warn_percent"][..]),
        ("frames", "rows", &["rows"]),
        ("disks", "warn_percent", &["warn_percent"]),
    ];
    for (name, key, known) in described {
        // Once: those in Python and JavaScript take long to compile.
        let plugin = load(name);
        assert_eq!(refused(&plugin, name, &format!("{key} = 90")), [""; 0]);
        let problems = refused(&plugin, name, &format!("{key} = 0"));
        let problem = format!("app.toml:2:1: `gmr.plugins.{name}.settings.{key}` must be a");
        assert!(problems[0].starts_with(&problem), "{problems:?}");
        let problems = refused(&plugin, name, "other = 1");
        assert!(problems[0].ends_with(&format!("known are {}", known.join(", "))), "{problems:?}");
    }
    for name in ["process", "loaded", "facts"] {
        let problems = refused(&load(name), name, "other = 1");
        assert!(problems[0].ends_with("this plugin has no settings"), "{problems:?}");
    }
}

#[test]
#[ignore = "needs the built plugins: `cargo xtask test` runs it"]
fn without_its_grant_a_plugin_says_which_one_it_wants() {
    let checked = check(&folder().join("process.wasm"), CheckOptions::default()).expect("it loads");
    let failure = checked.section.failure.expect("it was granted nothing");
    assert!(failure.contains("process"), "{failure}");
}
