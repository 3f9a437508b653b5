//! What a plugin sees of the host, each grant refused and given.

use gmr_plugin::facts::FactError;
use gmr_plugin::files::FileError;
use gmr_plugin::testing::Host;
use gmr_plugin::{
    Block, Failure, Section, Value, diagnostics, environment, facts, files, process, report, settings,
};
use serde_json::json;

/// What stands under a section's title.
fn reason(failure: impl Into<Failure>) -> String {
    match failure.into() {
        Failure::Denied(denial) => format!("denied {}", denial.grant),
        Failure::Unavailable(reason) => format!("unavailable: {reason}"),
        Failure::Settings(reason) => format!("settings: {reason}"),
        Failure::Other(reason) => format!("other: {reason}"),
    }
}

#[test]
fn every_refusal_names_its_grant() {
    let host = Host::new().deny("process").deny("report").deny("facts:*").deny("read:*").deny("env:LANG");
    host.within(|| {
        assert_eq!(reason(process::memory().unwrap_err()), "denied process");
        assert_eq!(reason(report::sections().unwrap_err()), "denied report");
        assert_eq!(reason(report::blocks("threads").next().unwrap().unwrap_err()), "denied report");
        assert_eq!(reason(facts::read("pool").unwrap_err()), "denied facts:pool");
        assert_eq!(reason(files::text("/etc/app").unwrap_err()), "denied read:/etc/app");
        assert_eq!(reason(environment::variable("LANG").unwrap_err()), "denied env:LANG");
        assert_eq!(environment::variable("HOME"), Ok(None));
    });
}

#[test]
fn facts_fail_with_their_name() {
    let check = |error, expected: &str| {
        let failure = Host::new().broken_fact("pool", error).within(|| facts::read("pool").unwrap_err());
        assert_eq!(reason(failure), expected);
    };
    check(FactError::Unknown, "unavailable: the application registered no fact pool");
    check(FactError::Failed("it panicked".into()), "other: fact pool: it panicked");
    check(FactError::Stalled, "other: fact pool has not answered in time");
    check(FactError::TooLarge, "other: fact pool is larger than what the host passes on");
    let wrong_type = Host::new().fact("pool", "eight").within(|| facts::parse::<u32>("pool").unwrap_err());
    assert!(reason(wrong_type).starts_with("other: fact pool: it is not of the expected type"));
}

#[test]
fn sections_longer_than_a_page_are_read_to_their_end() {
    let check = |count: usize| {
        let mut section = Section::new();
        section.extend((0..count).map(|number| Block::Paragraph(number.to_string())));
        let read = Host::new()
            .section("threads", "Threads", section.clone())
            .within(|| report::blocks("threads").collect::<Result<Vec<_>, _>>().unwrap());
        assert_eq!(read, section.blocks());
    };
    [0, 1, 63, 64, 65, 200].into_iter().for_each(check);
    let absent = Host::new().within(|| report::blocks("threads").collect::<Vec<_>>());
    assert!(matches!(absent[..], [Err(report::ReportError::Unknown)]));
}

#[test]
fn settings_are_checked_with_their_key() {
    let host = Host::new().settings(json!({"warn": 80, "deep": {"er": 0.5}, "name": "x"}));
    host.within(|| {
        assert_eq!(settings::get("deep.er"), Some(Value::Number(0.5)));
        assert_eq!(settings::get("deep"), None);
        assert_eq!(settings::number("warn", 0.0..=80.0), Ok(Some(80.0)));
        assert_eq!(settings::number("none", 0.0..=1.0), Ok(None));
        let wrong = settings::number("warn", 0.0..=79.0).unwrap_err();
        assert_eq!(reason(wrong), "settings: `warn` must be a number from 0 to 79, not 80");
        let wrong = settings::number("name", 0.0..=1.0).unwrap_err();
        assert_eq!(reason(wrong), "settings: `name` must be a number from 0 to 1, not x");
        assert_eq!(settings::expect_only(&["warn", "deep.er", "name"]), Ok(()));
        let wrong = settings::expect_only(&["warn", "name"]).unwrap_err();
        assert_eq!(reason(wrong), "settings: `deep.er` is unknown: the settings are warn, name");
        let wrong = settings::expect_only(&[]).unwrap_err();
        assert_eq!(reason(wrong), "settings: `deep.er` is unknown: this plugin has no settings");
    });
}

/// As the host answers, which the tests of its own functions tell.
#[test]
fn settings_and_facts_that_are_nested_or_empty_are_flattened_as_by_the_host() {
    let nested = json!({"a": {}, "b": [], "nodes": ["x", {"port": 1}], "plain": ["x"]});
    let host = Host::new().settings(nested.clone()).fact("f", nested).fact("none", json!({}));
    host.within(|| {
        assert_eq!(settings::get("nodes.0"), Some("x".into()));
        assert_eq!(settings::get("nodes.1.port"), Some(1.into()));
        assert_eq!(settings::get("plain.0"), Some("x".into()));
        assert_eq!(settings::get("a"), None);
        let fields = facts::read("f").unwrap();
        let lines: Vec<String> =
            fields.iter().map(|field| format!("{}={}", field.key, field.value)).collect();
        assert_eq!(lines, ["a=none", "b=[]", "nodes.0=x", "nodes.1.port=1", "plain=[x]"]);
        assert_eq!(settings::all(), fields);
        assert_eq!(facts::read("none"), Ok(vec![]));
    });
}

#[test]
fn files_and_folders_are_told_apart() {
    let host = Host::new().file("/etc/app/a.toml", "a = 1").file("/etc/app/more/b", *b"\xff");
    host.within(|| {
        assert_eq!(files::text("/etc/app/a.toml").as_deref(), Ok("a = 1"));
        assert_eq!(files::read("/etc/app/more/b"), Ok(vec![0xff]));
        assert_eq!(files::text("/etc/app/more/b").as_deref(), Ok("\u{fffd}"));
        assert_eq!(files::names("/etc/app"), Ok(vec!["a.toml".to_owned(), "more".to_owned()]));
        assert_eq!(files::read("/etc/app"), Err(FileError::NotAFile));
        assert_eq!(files::read("/etc/none"), Err(FileError::NotFound));
    });
}

#[test]
fn one_host_inside_another_is_gone_afterwards_and_printed_lines_are_its_own() {
    let outer = Host::new().variable("LANG", "C");
    let inner = Host::new().variable("LANG", "de");
    let lines = outer.printed(|| {
        diagnostics::print("before");
        assert_eq!(inner.printed(|| diagnostics::print("inside")), ["inside"]);
        assert_eq!(environment::variable("LANG"), Ok(Some("C".to_owned())));
        diagnostics::print("after");
    });
    assert_eq!(lines, ["before", "after"]);
}
