//! What fits a schema and what does not, and what an author may have described wrongly.

use serde_json::json;

use super::*;
use crate::model::Value;

fn setting(key: &str, kind: SettingKind) -> Setting {
    Setting::new(key, kind, "")
}

fn schema() -> Schema {
    let mut warn = setting("warn", SettingKind::Number);
    (warn.least, warn.most, warn.default) = (Some(1.0), Some(100.0), Some(80_i64.into()));
    let mut port = setting("net.port", SettingKind::Integer);
    (port.least, port.most, port.required) = (Some(1.0), Some(65535.0), true);
    let mut level = setting("level", SettingKind::Text);
    (level.choices, level.default) = (vec!["low".to_owned(), "high".to_owned()], Some("low".into()));
    let mut ratios = setting("net.ratios", SettingKind::Number);
    (ratios.repeated, ratios.least) = (true, Some(0.0));
    let kinds = [setting("free", SettingKind::Table), setting("on", SettingKind::Flag)];
    Schema::new([vec![warn, port, level, ratios], kinds.into()].concat()).unwrap()
}

#[track_caller]
fn check(table: Json, expected: &[&str]) {
    let problems = schema().problems(&table);
    let lines: Vec<String> = problems.iter().map(|one| one.in_words("", |_, _| None)).collect();
    assert_eq!(lines, expected);
}

#[test]
fn what_fits_is_no_problem_at_both_ends_of_each_range() {
    check(json!({"net": {"port": 1}}), &[]);
    check(json!({"net": {"port": 65535}, "warn": 1, "level": "high", "on": false}), &[]);
    check(json!({"net.port": 80, "warn": 99.5, "free": {"any": {"thing": [1]}}}), &[]);
    check(json!({"net": {"port": 80, "ratios": []}}), &[]);
    check(json!({"net": {"port": 80, "ratios": [0, 0.5]}}), &[]);
}

#[test]
fn each_misfit_names_its_key_and_what_it_must_be() {
    let port = |more: Json| {
        let mut table = json!({"net": {"port": 80}});
        table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        table
    };
    check(port(json!({"warn": 0})), &["`warn` must be a number from 1 to 100, not 0"]);
    check(port(json!({"warn": 100.5})), &["`warn` must be a number from 1 to 100, not 100.5"]);
    check(port(json!({"warn": "80"})), &["`warn` must be a number from 1 to 100, not a string"]);
    check(
        port(json!({"level": "hunter2"})),
        &["`level` must be one of \"low\", \"high\", not another string"],
    );
    check(port(json!({"on": 1})), &["`on` must be true or false, not a whole number"]);
    check(port(json!({"free": true})), &["`free` must be a table, not true or false"]);
    check(json!({"net": {"port": 0}}), &["`net.port` must be a whole number from 1 to 65535, not 0"]);
    check(
        json!({"net": {"port": 8.5}}),
        &["`net.port` must be a whole number from 1 to 65535, not a number with a fraction"],
    );
    check(
        json!({"net": {"port": 80, "ratios": [1, -1, "x"]}}),
        &[
            "`net.ratios.1` must be a number from 0 on, not -1",
            "`net.ratios.2` must be a number from 0 on, not a string",
        ],
    );
    check(
        json!({"net": {"port": 80, "ratios": 1}}),
        &["`net.ratios` must be a list of numbers from 0 on, not 1"],
    );
}

#[test]
fn unknown_keys_are_told_with_those_of_the_same_table_and_missing_ones_are_told_too() {
    check(
        json!({"wran": 1, "net": {"prot": 80}}),
        &[
            "unknown setting `net.prot`; known are net.port, net.ratios",
            "unknown setting `wran`; known are free, level, net, on, warn",
            "`net.port` is not set and must be a whole number from 1 to 65535",
        ],
    );
    check(
        json!({"net": 5}),
        &[
            "`net` must be a table, not a whole number",
            "`net.port` is not set and must be a whole number from 1 to 65535",
        ],
    );
    let none = Schema::new(Vec::new()).unwrap().problems(&json!({"a": 1}));
    assert_eq!(none[0].in_words("t", |_, _| None), "unknown setting `t.a`; this plugin has no settings");
}

#[test]
fn defaults_fill_what_is_not_set_and_nothing_else() {
    let filled = schema().with_defaults(json!({"net": {"port": 1}, "warn": 5}));
    assert_eq!(filled, json!({"net": {"port": 1}, "warn": 5, "level": "low"}));
    let mut nested = setting("a.b", SettingKind::Flag);
    nested.default = Some(true.into());
    let schema = Schema::new(vec![nested]).unwrap();
    assert_eq!(schema.with_defaults(json!({})), json!({"a": {"b": true}}));
    assert_eq!(schema.with_defaults(json!({"a": {"b": false}})), json!({"a": {"b": false}}));
    assert_eq!(schema.with_defaults(json!({"a.b": false})), json!({"a.b": false}));
    assert_eq!(schema.with_defaults(json!({"a": 1})), json!({"a": 1}));
}

#[test]
fn mistakes_of_the_author_are_told_to_the_author() {
    let check = |change: fn(&mut Setting), expected: &str| {
        let mut one = setting("x", SettingKind::Integer);
        change(&mut one);
        let error = Schema::new(vec![one]).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    check(|one| one.key = String::new(), "letters, digits");
    check(|one| one.key = "a..b".into(), "letters, digits");
    check(|one| one.key = "a b".into(), "letters, digits");
    check(|one| one.key = "a".repeat(201), "longer than 200 bytes");
    check(|one| (one.least, one.most) = (Some(2.0), Some(1.0)), "range is empty");
    check(|one| one.least = Some(f64::NAN), "range is empty");
    check(|one| one.choices = vec!["a".into()], "choices and is no text");
    check(|one| (one.kind, one.most) = (SettingKind::Flag, Some(1.0)), "range and is no number");
    check(|one| (one.required, one.default) = (true, Some(1_i64.into())), "required and has a default");
    check(|one| (one.most, one.default) = (Some(1.0), Some(2_i64.into())), "default does not fit");
    check(|one| one.default = Some("1".into()), "default does not fit");
    check(|one| one.default = Some(Value::Redacted), "none of text, number");
    let twice = vec![setting("a", SettingKind::Flag), setting("a", SettingKind::Text)];
    assert!(Schema::new(twice).unwrap_err().contains("the same key"));
    let within = vec![setting("a.b.c", SettingKind::Flag), setting("a.b", SettingKind::Table)];
    assert!(Schema::new(within).unwrap_err().contains("`a.b.c` lies within its setting `a.b`"));
    let many =
        |count| Schema::new((0..count).map(|n| setting(&format!("s{n}"), SettingKind::Flag)).collect());
    assert!(many(MOST_SETTINGS).is_ok() && many(MOST_SETTINGS + 1).is_err());
}
