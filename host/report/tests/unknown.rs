//! A report of a newer version, with something of each kind that this version does not know: it is read, shown, compared
//! and looked up, and nothing of it is lost.

use std::convert::Infallible;

use gmr_report::format::{json, text};
use gmr_report::resolve::{CodeOffset, resolve, wanted};
use gmr_report::{Call, NativeSection, Origin, Report, TraceKind, TriggerKind, diff};
use serde_json::{Value, json};

/// What each invention contributes, so that a test can look for it in the text.
const INVENTED: [&str; 7] =
    ["Telepathy", "HeatMap", "Ratio", "Flame", "LeaseEnds", "WaitsForGpu", "ClockIsWrong"];

fn newer() -> Value {
    json!({
        "schema": "guru-meditation-report",
        "schema_version": 1,
        "header": {
            "service": "shop", "version": "1", "host": "h", "process": 7, "time": "2026-11-22T14:03:07Z",
            "trigger": { "kind": "Telepathy", "detail": "from afar", "count": 1 },
        },
        "sections": [{
            "name": "threads",
            "title": "Threads",
            "origin": "Oracle",
            "blocks": [
                { "type": "HeatMap", "cells": [[1, 2], [3, 4.5]] },
                { "type": "HeatMap" },
                { "type": "notes", "notes": [{ "type": "ClockIsWrong", "value": { "seconds": 5 } }] },
                { "type": "fields", "fields": [{ "key": "load", "value": { "type": "Ratio", "value": [1, 3] } }] },
                {
                    "type": "table", "columns": ["load"],
                    "rows": [[{ "type": "list", "value": [{ "type": "Ratio", "of": "disks", "value": 0.5 }] }]],
                },
                { "type": "trace", "kind": "Flame", "title": "hot", "members": [{ "id": 1 }], "frames": [
                    { "calls": [{ "function": "shop::burn" }] },
                    { "depth": 1, "calls": [{ "function": "shop::fan" }] },
                ] },
                {
                    "type": "trace", "kind": "stack", "title": "8 \"gpu\"", "members": [{ "id": 8 }],
                    "frames": [{
                        "address": "0x1010", "module": "/srv/shop", "offset": "0x10",
                        "details": [{ "type": "LeaseEnds" }],
                    }],
                },
                {
                    "type": "trace", "kind": "await", "title": "task 9", "members": [{ "id": 9 }],
                    "frames": [{ "calls": [{ "function": "shop::lease" }], "details": [
                        { "type": "LeaseEnds", "value": { "in": 17 } }, { "type": "task", "value": 3 },
                    ] }],
                    "doubt": { "type": "no_chain", "value": { "type": "WaitsForGpu", "value": 2 } },
                },
            ],
        }],
    })
}

fn read(document: &Value) -> Report {
    json::read(&document.to_string()).expect("a newer report can be read")
}

#[test]
fn json_writes_it_back_unchanged() {
    let document = newer();
    let written: Value = serde_json::from_str(&json::report(&read(&document))).unwrap();
    assert_eq!(written, document);
}

#[test]
fn text_names_the_kind_and_shows_the_content() {
    let text = text::report(&read(&newer()));
    assert!(INVENTED.iter().all(|kind| text.contains(kind)), "{text}");
    for line in [
        "trigger = Telepathy from afar",
        "unknown `HeatMap`: {\"cells\":[[1,2],[3,4.5]]}",
        "unknown `HeatMap`",
        "unknown `ClockIsWrong`: {\"seconds\":5}",
        "load = unknown `Ratio`: [1,3]",
        "[unknown `Ratio`: {\"of\":\"disks\",\"value\":0.5}]",
        "a trace of a kind that this version does not know: Flame",
        "  shop::burn",
        "    shop::fan",
        "no chain: unknown `WaitsForGpu`: 2",
        "  shop::lease, unknown `LeaseEnds`: {\"in\":17}, task 3",
    ] {
        assert!(text.lines().any(|shown| shown == line), "`{line}` is no line of\n{text}");
    }
}

#[test]
fn diff_compares_what_it_does_not_know_by_its_content() {
    let (old, mut changed) = (newer(), newer());
    assert!(diff::text(&read(&old), &read(&old)).ends_with("\nno difference\n"));
    let blocks = &mut changed["sections"][0]["blocks"];
    blocks[0]["cells"] = json!([]);
    blocks[2]["notes"][0]["value"] = json!(6);
    blocks[3]["fields"][0]["value"]["value"] = json!(2);
    blocks[5]["frames"][1]["calls"][0]["function"] = json!("shop::fire");
    let text = diff::text(&read(&old), &read(&changed));
    assert_eq!(
        text.split_once("\n\n").unwrap().1,
        "Threads\n  \
         load: unknown `Ratio`: [1,3] -> unknown `Ratio`: 2\n  \
         - unknown `HeatMap`: {\"cells\":[[1,2],[3,4.5]]}\n  \
         - unknown `ClockIsWrong`: {\"seconds\":5}\n  \
         + unknown `HeatMap`: {\"cells\":[]}\n  \
         + unknown `ClockIsWrong`: 6\n  \
         vanished: 1 -> 0 traces in shop::burn < shop::fan\n  \
         appeared: 0 -> 1 traces in shop::burn < shop::fire\n"
    );
}

#[test]
fn resolve_names_the_stacks_and_keeps_the_rest() {
    let mut report = read(&newer());
    assert_eq!(wanted(&report, false), 1);
    let named = resolve(&mut report, "/srv/shop", false, |offsets| {
        assert_eq!(offsets, [CodeOffset::Instruction(0x10)]);
        Ok::<_, Infallible>(vec![vec![Call::of("shop::draw")]])
    });
    assert_eq!(named, Ok(1));
    let mut expected = newer();
    expected["sections"][0]["blocks"][6]["frames"][0]["calls"] = json!([{ "function": "shop::draw" }]);
    let written: Value = serde_json::from_str(&json::report(&report)).unwrap();
    assert_eq!(written, expected);
}

#[test]
fn what_is_of_no_kind_at_all_is_refused() {
    for block in [json!({}), json!({ "type": 5 }), json!({ "type": "" }), json!("paragraph")] {
        let mut document = newer();
        document["sections"][0]["blocks"] = json!([block]);
        let error = json::read(&document.to_string()).unwrap_err();
        assert!(error.to_string().starts_with("not a Guru Meditation Report in JSON"), "{error}");
    }
}

#[test]
fn the_words_that_are_known_are_read_as_such() {
    for (word, kind) in
        [("signal", TriggerKind::Signal), ("file", TriggerKind::File), ("call", TriggerKind::Call)]
    {
        assert_eq!((kind.word(), TriggerKind::from(word.to_owned())), (word, kind.clone()));
    }
    for (word, origin) in
        [("native", Origin::Native), ("application", Origin::Application), ("plugin", Origin::Plugin)]
    {
        assert_eq!((origin.word(), Origin::from(word.to_owned())), (word, origin.clone()));
    }
    for (word, kind) in [("stack", TraceKind::Stack), ("await", TraceKind::Await)] {
        assert_eq!((kind.word(), TraceKind::from(word.to_owned())), (word, kind.clone()));
    }
}

#[test]
fn native_sections_are_found_by_the_names_that_they_have() {
    for section in NativeSection::ALL {
        assert_eq!(NativeSection::named(section.name()), Some(*section));
    }
    assert_eq!(NativeSection::named("Threads"), None, "a name is no title");
}
