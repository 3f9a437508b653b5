//! Every shipped plugin, in every language, as a process loads and runs it. `cargo xtask test` builds the plugins,
//! says in `GMR_TEST_PLUGINS` where they are, and runs these.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gmr::plugin::{Candidate, CheckOptions, Checked, Facts, Grant, PluginConfig, check};
use gmr::report::format::text;
use gmr::report::{
    Field, Frame, Header, Member, NativeSection, Report, Section, Trace, Trigger, TriggerKind, Value,
};

fn folder() -> PathBuf {
    std::env::var_os("GMR_TEST_PLUGINS").expect("`cargo xtask test` sets it").into()
}

/// A report of two threads that wait for one lock.
fn report() -> Report {
    let waiting = |id: u64| {
        let mut member = Member::new(id);
        member.name = Some(format!("worker-{id}"));
        member.fields = vec![
            Field::new("state", "asleep"),
            Field::new("system_call", "futex"),
            Field::new("futex", Value::Address(0x40)),
        ];
        member
    };
    let mut trace = Trace::stack("2 threads");
    trace.members = vec![waiting(7), waiting(8)];
    trace.frames =
        vec![Frame::of("std::sys::sync::mutex::futex::Mutex::lock_contended"), Frame::of("shop::pay")];
    let time = "2026-11-22T14:03:07Z".parse().expect("a time");
    let mut header = Header::new("shop", time, Trigger::new(TriggerKind::Call, ""));
    header.version = "1.0.0".to_owned();
    header.host = "api-3".to_owned();
    header.process = 1;
    let mut report = Report::new(header);
    report.sections.push(Section::native(NativeSection::Threads).with_blocks([trace.into()]));
    report
}

/// Runs a plugin with all that it wants.
fn run(path: &Path) -> Checked {
    let facts = Facts::new();
    facts.add("pool", || serde_json::json!({ "size": 8, "idle": 3 }));
    let mut config = PluginConfig::default();
    // These tests share two processors with others; limits have tests of their own.
    config.limits.deadline = Duration::from_secs(30);
    let plugin = Candidate::load(path, &config).expect("it loads");
    let grant = |want: &String| Grant::parse(want).expect("it wants what there is");
    config.grants = plugin.wants().iter().map(grant).collect();
    plugin.check(CheckOptions { config, facts: Arc::new(facts), report: Some(report()) })
}

#[track_caller]
fn assert_shows(name: &str, expected: &[&str]) {
    let checked = run(&folder().join(name).with_extension("wasm"));
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
    assert_shows("contention", &["waits for", "0x40", "shop::pay"]);
}

#[test]
#[ignore = "needs the built plugins: `cargo xtask test` runs it"]
fn a_python_plugin_runs() {
    assert_shows("frames", &["shop::pay"]);
}

#[test]
#[ignore = "needs the built plugins: `cargo xtask test` runs it"]
fn a_javascript_plugin_runs() {
    assert_shows("disks", &["/"]);
}

#[test]
#[ignore = "needs the built plugins: `cargo xtask test` runs it"]
fn without_its_grant_a_plugin_says_which_one_it_wants() {
    let checked = check(&folder().join("process.wasm"), CheckOptions::default()).expect("it loads");
    let failure = checked.section.failure.expect("it was granted nothing");
    assert!(failure.contains("process"), "{failure}");
}
