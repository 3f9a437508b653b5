//! What a plugin sees of the host, each grant refused and given.

use std::time::Duration;

use gmr_plugin::facts::FactError;
use gmr_plugin::files::FileError;
use gmr_plugin::testing::Host;
use gmr_plugin::{
    Block, Description, Failure, Plugin, Request, Section, Setting, Value, diagnostics, environment, facts,
    files, process, report, settings, state,
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
        assert_eq!(settings::number("warn"), Ok(Some(80.0)));
        assert_eq!(settings::number("none"), Ok(None));
        assert_eq!(reason(settings::number("name").unwrap_err()), "settings: `name` must be a number");
    });
}

/// Shows its settings as they come, and remembers how often it was called.
struct Described;

impl Plugin for Described {
    fn describe() -> Description {
        Description::new("Described", "Its settings").settings([
            Setting::integer("warn", "when to warn").within(1.0..=100.0).default(80),
            Setting::text("net.host", "where to look").required(),
            Setting::text("levels", "which levels").choices(["low", "high"]).repeated(),
            Setting::number("ratio", "a ratio").least(0.0),
            Setting::flag("on", "whether"),
            Setting::table("free", "anything"),
        ])
    }

    fn render(_: &Request) -> Result<Section, Failure> {
        let mut section = Section::new();
        section.fields(settings::all());
        let calls = state::get("calls").and_then(|entry| entry.value.as_number()).unwrap_or(0.0);
        state::set("calls", calls + 1.0)?;
        section.field("calls before", calls);
        if settings::get("on") == Some(true.into()) {
            return Err(Failure::other("on"));
        }
        Ok(section)
    }
}

#[test]
fn settings_that_are_described_come_with_their_defaults_or_are_refused() {
    let shown = |settings| match Host::new().settings(settings).render::<Described>() {
        Ok(section) => section.to_string(),
        Err(failure) => reason(failure),
    };
    let whole = json!({"net": {"host": "a"}, "levels": ["low"], "ratio": 0.5, "free": {"x": 1}});
    assert_eq!(
        shown(whole),
        "free.x = 1\nlevels = [low]\nnet.host = a\nratio = 0.5\nwarn = 80\ncalls before = 0\n"
    );
    let at = |key: &str| format!("`gmr.plugins.test.settings.{key}`");
    assert_eq!(shown(json!({})), format!("settings: {} is not set and must be a string", at("net.host")));
    let refused = [
        (json!({"warn": 0}), format!("{} must be a whole number from 1 to 100, not 0", at("warn"))),
        (
            json!({"levels": ["mid"]}),
            format!("{} must be one of \"low\", \"high\", not another string", at("levels.0")),
        ),
        (json!({"ratio": -1}), format!("{} must be a number from 0 on, not -1", at("ratio"))),
        (
            json!({"war": 1}),
            format!("unknown setting {}; known are free, levels, net, on, ratio, warn", at("war")),
        ),
    ];
    for (settings, expected) in refused {
        assert_eq!(shown(settings), format!("settings: {expected}"));
    }
}

#[test]
fn what_is_remembered_gets_older_and_counts_only_after_success() {
    let forty = Duration::from_secs(40);
    let host = Host::new().settings(json!({"net": {"host": "a"}}));
    let calls =
        |host: &Host| host.within(|| state::get("calls").map(|entry| (entry.value.clone(), entry.age())));
    assert_eq!(calls(&host.after_report::<Described>(forty)), Some((1.0.into(), forty)));
    let failing = host.clone().settings(json!({"net": {"host": "a"}, "on": true}));
    assert_eq!(calls(&failing.after_report::<Described>(forty)), None);
    let refused = host.state("calls", 5, forty).settings(json!({})).after_report::<Described>(forty);
    assert_eq!(calls(&refused), Some((5.into(), 2 * forty)), "a call that was not made changes nothing");
}

#[test]
fn what_is_remembered_has_the_limits_that_the_host_has_by_default() {
    Host::new().state("old", "x", Duration::ZERO).within(|| {
        let limit = |set: Result<(), state::Excess>| set.unwrap_err().limit;
        assert_eq!(limit(state::set("", 1)), "key");
        assert_eq!(limit(state::set(&"k".repeat(257), 1)), "key");
        assert_eq!(limit(state::set("a", "x".repeat(64 << 10))), "state");
        state::remove("old");
        (0..256).for_each(|number| state::set(&number.to_string(), number).unwrap());
        assert_eq!(limit(state::set("a", 1)), "state_entries");
        assert_eq!(state::set("255", "in place of the one before"), Ok(()));
        assert_eq!(state::keys().len(), 256);
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
