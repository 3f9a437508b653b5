//! Fuzz tests of what a plugin hands over: any blocks, under any limits; any description of its settings, with any settings.

use gmr_report::format::json;
use gmr_report::wit::Part;
use gmr_report::{Block, example};
use gmr_test_fuzz as fuzz;
use gmr_test_fuzz::within;
use serde_json::json;

use super::bindings::wit::{document, settings};
use super::output_limits::{Share, take};
use super::schema::schema;
use crate::plugin::Limits;

/// The most that blocks of 16 KiB may take, with their copies.
const MEMORY: u64 = 8 << 20;

/// What the application makes of what a plugin made of it.
fn there_and_back(block: &Block) -> Part {
    document::Block::from(block).into()
}

#[test]
fn blocks_from_plugins() {
    let mut report = example::report();
    let values = vec!["a".into(), 7_i64.into(), 0.5.into(), true.into(), gmr_report::Value::Redacted];
    report.sections[0].blocks.extend([
        Block::heading(2, "heading"),
        Block::table(["a", "b", "c", "d", "e"], [values.clone(), Vec::new()]),
        Block::fields([gmr_report::Field::new("list", gmr_report::Value::List(values))]),
        Block::preformatted("as it is"),
    ]);
    let report: serde_json::Value = serde_json::from_str(&json::report(&report)).unwrap();
    let seed = json!({"report": report, "blocks": 100, "items": 1000, "output": 10_000, "text": 1000});
    fuzz::json("blocks_from_plugins", 200, &[seed], |input| {
        let Ok(report) = json::read(&input["report"].to_string()) else { return };
        let limit = |name: &str| input[name].as_u64().unwrap_or(0);
        let limits = Limits {
            blocks: u32::try_from(limit("blocks")).unwrap_or(u32::MAX),
            items: u32::try_from(limit("items")).unwrap_or(u32::MAX),
            output_bytes: limit("output"),
            text_bytes: limit("text"),
            ..Limits::default()
        };
        let blocks: Vec<&Block> = report.sections.iter().flat_map(|section| &section.blocks).collect();
        for block in &blocks {
            let Part::Block(once) = within(MEMORY, || there_and_back(block)) else { panic!("{block:?}") };
            assert_eq!(there_and_back(&once), Part::Block(once.clone()), "what came back comes back");
        }
        let given = || blocks.iter().map(|block| document::Block::from(*block)).collect();
        let taken = within(MEMORY, || take(given(), &limits, Share::WHOLE));
        assert!(taken.blocks.len() + taken.remarks.len() <= limits.blocks as usize);
        if taken.failure.is_none() {
            assert_eq!(taken.blocks.len(), blocks.len());
            let again = taken.blocks.iter().map(document::Block::from).collect();
            assert_eq!(
                take(again, &limits, Share::WHOLE),
                taken,
                "what is within its limits is taken as it is"
            );
        }
    });
}

/// A setting as a plugin may describe it.
fn described(json: &serde_json::Value) -> settings::Setting {
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let kinds = [
        settings::SettingKind::Flag,
        settings::SettingKind::Integer,
        settings::SettingKind::Number,
        settings::SettingKind::Text,
        settings::SettingKind::Table,
    ];
    let choices = json["choices"].as_array().into_iter().flatten();
    settings::Setting {
        key: text("key"),
        summary: text("summary"),
        kind: kinds[json["kind"].as_u64().unwrap_or(0) as usize % kinds.len()],
        repeated: json["repeated"] == true,
        required: json["required"] == true,
        default: gmr_report::flatten::value(&json["default"]).map(|value| (&value).into()),
        least: json["least"].as_f64(),
        most: json["most"].as_f64(),
        choices: choices.map(|word| word.as_str().unwrap_or_default().to_owned()).collect(),
    }
}

#[test]
fn settings_that_plugins_describe() {
    let setting = |key: &str, kind: u64, default: serde_json::Value| {
        json!({"key": key, "summary": "s", "kind": kind, "default": default, "repeated": default.is_array(),
            "required": default.is_null(), "choices": []})
    };
    let seed = json!({
        "settings": [
            setting("warn", 1, json!(80)), setting("net.port", 1, json!(null)), setting("net.hosts", 3, json!(["a"])),
            setting("on", 0, json!(true)), setting("free", 4, json!(null)), setting("share", 2, json!(0.5)),
        ],
        "table": {"warn": 5, "net": {"port": 80, "hosts": ["b", "c"]}, "on": false, "free": {"x": [1, {"y": 2}]}},
    });
    fuzz::json("settings_that_plugins_describe", 400, &[seed], |input| {
        let described = input["settings"].as_array().into_iter().flatten().map(described).collect();
        let schema = within(MEMORY, || schema(described, |text| text));
        let Ok(schema) = schema.map_err(|mistake| assert!(mistake.len() < 1000, "{mistake}")) else { return };
        let problems = within(MEMORY, || schema.problems(&input["table"]));
        let filled = within(MEMORY, || schema.with_defaults(input["table"].clone()));
        if problems.is_empty() {
            assert_eq!(schema.problems(&filled), [], "defaults fit where everything else does");
        }
    });
}
