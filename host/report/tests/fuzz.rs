//! Fuzz tests of everything that takes a report from elsewhere: JSON that is read, written and shown, reports that are
//! compared and looked up, values in words, settings and facts that are flattened.

use std::cell::Cell;
use std::time::Duration;

use gmr_report::format::{json, text};
use gmr_report::resolve::{LoadedFiles, resolve, wanted};
use gmr_report::{Call, Detail, Field, Report, Value, diff, example, flatten, words};
use gmr_test_fuzz as fuzz;
use gmr_test_fuzz::within;
use serde_json::{Value as Json, json};

/// The most that a report of 16 KiB may take to be read, shown, and written: texts are copied a few times on the way.
const MEMORY: u64 = 8 << 20;

/// A report with every kind of block, value, detail and some of each kind of reason.
fn seeds() -> Vec<Json> {
    let example = serde_json::from_str(&json::report(&example::report())).unwrap();
    let mut all: Json = example;
    let values = json!([
        {"type": "text", "value": "a"}, {"type": "integer", "value": -7}, {"type": "number", "value": 0.5},
        {"type": "bytes", "value": 2048}, {"type": "duration", "value": 1_500_000_000_u64},
        {"type": "moment", "value": "2026-11-22T14:03:07.412Z"}, {"type": "address", "value": "0x1f"},
        {"type": "flag", "value": true}, {"type": "redacted"}, {"type": "none"}, {"type": "later", "value": [1]},
    ]);
    let fields: Vec<Json> =
        values.as_array().unwrap().iter().map(|value| json!({"key": "k", "value": value})).collect();
    let details = json!([
        {"type": "fires_in", "value": 5}, {"type": "permits", "value": 0}, {"type": "semaphore", "value": "0x7"},
        {"type": "futures", "value": {"count": 3, "more": true}}, {"type": "not_started"},
        {"type": "text", "value": "words"}, {"type": "later", "value": {}},
    ]);
    let blocks = json!([
        {"type": "heading", "level": 2, "text": "a heading"},
        {"type": "paragraph", "text": "two\nlines"},
        {"type": "fields", "fields": fields},
        {"type": "table", "columns": ["module", "build id"], "rows": [values, [], [{"type": "none"}]]},
        {"type": "preformatted", "text": "  as it is"},
        {"type": "notes", "notes": [
            {"type": "text", "value": "a reason"},
            {"type": "no_chain", "value": {"type": "never_polled"}},
            {"type": "later", "value": 1},
        ]},
        {"type": "trace", "kind": "await", "title": "t", "members": [{"id": 1, "fields": fields}],
         "frames": [
             {"calls": [{"function": "f", "file": "/x/src/a.rs", "line": 3, "column": 4}], "details": details},
             {"depth": 1, "branch": "b", "address": "0x1", "module": "/m", "offset": "0x2", "unverified": true},
         ],
         "doubt": {"type": "being_polled"}},
        {"type": "graph", "not_examined": 2, "nodes": [{
            "library": "tokio", "kind": "semaphore", "address": "0x7", "permits": 0,
            "waits": [
                {"party": {"kind": "task", "id": 1, "name": "n"}, "want": "permits", "permits": 2, "progress": "queued",
                 "queue_position": 0, "place": {"calls": [{"function": "a::<b>::c", "file": "/x/src/a.rs", "line": 3}]}},
                {"party": {"kind": "block_on", "id": 2}, "want": "end", "progress": "no_waker", "timed": true,
                 "awaited": false, "waited": 5},
            ],
            "holds": [{"party": {"kind": "thread", "id": 1}, "role": "permits", "permits": 1, "certainty": "one_of",
                       "variable": "v", "function": "f", "doing": "sleeps"}],
        }], "cycles": [{"members": [{"node": 0, "wait": 0, "hold": 0}], "certainty": "probable", "timed": true}]},
        {"type": "later", "cells": [1, 2]},
    ]);
    let section = json!({"name": "all", "title": "All", "origin": "plugin", "failure": "why", "remarks": ["look"],
                         "blocks": blocks});
    all["sections"].as_array_mut().unwrap().push(section);
    all["header"]["trigger"]["kind"] = json!("later");
    vec![all]
}

#[test]
fn reports_in_json() {
    let read = Cell::new(0);
    fuzz::json("reports_in_json", 200, &seeds(), |document| {
        let Ok(report) = within(MEMORY, || json::read(&document.to_string())) else { return };
        read.set(read.get() + 1);
        let written = within(MEMORY, || json::report(&report));
        let again = json::read(&written);
        assert_eq!(again.as_ref().ok(), Some(&report), "what is written is read back: {again:?}");
        let shown = within(MEMORY, || text::report(&report));
        assert_eq!(shown, text::report(&again.unwrap()));
        let is_told = |line: &str| !line.chars().any(|c| c.is_control());
        assert!(shown.lines().all(is_told), "a control character is shown as it is");
        let banner = "=".repeat(72);
        let banners = shown.lines().filter(|line| *line == banner).count();
        assert_eq!(banners, 2 * (report.sections.len() + 1), "a body has what looks like a banner");
    });
    assert!(read.get() > 80, "{} documents were reports", read.get());
}

#[test]
fn texts_that_are_to_be_reports() {
    let seeds: Vec<String> = seeds().iter().map(Json::to_string).collect();
    let deep = format!("{{\"schema_version\":1,\"header\":{}", "[".repeat(60_000));
    let seeds = [seeds, vec![deep]].concat();
    fuzz::bytes("texts_that_are_to_be_reports", 1000, &seeds, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        if let Err(error) = within(MEMORY, || json::read(&text)) {
            assert!(error.to_string().len() < 1000 + text.len(), "{error}");
        }
    });
}

#[test]
fn reports_compared() {
    fuzz::pairs("reports_compared", 150, &seeds(), |old, new| {
        let read = |document: &Json| json::read(&document.to_string());
        let (Ok(old), Ok(new)) = (read(old), read(new)) else { return };
        within(MEMORY * 4, || diff::text(&old, &new));
        assert!(within(MEMORY * 4, || diff::text(&new, &new)).ends_with("\nno difference\n"));
    });
}

#[test]
fn reports_looked_up() {
    fuzz::json("reports_looked_up", 200, &seeds(), |document| {
        let Ok(mut report) = json::read(&document.to_string()) else { return };
        let files = LoadedFiles::of(&report);
        within(MEMORY, || files.list());
        let _ = files.served_by("/m".as_ref(), Some("c0ffee"));
        let before = wanted(&report, false);
        let looked_up = look_up(&mut report, "/m");
        assert_eq!(wanted(&report, false) + looked_up, before);
    });
}

/// How many frames of the module got a name; every second one has one.
fn look_up(report: &mut Report, module: &str) -> usize {
    let calls =
        |at: usize| if at.is_multiple_of(2) { vec![Call::of("f"), Call::of("start_thread")] } else { vec![] };
    let answer = |count: usize| Ok::<_, std::convert::Infallible>((0..count).map(calls).collect());
    resolve(report, module, false, |offsets| answer(offsets.len())).unwrap()
}

#[test]
fn numbers_in_words() {
    fuzz::bytes("numbers_in_words", 2000, &[[0_u8; 24]], |bytes| {
        let number = |at: usize| {
            let word: Vec<u8> = bytes.iter().copied().chain([0; 24]).skip(at * 8).take(8).collect();
            u64::from_le_bytes(word.try_into().unwrap())
        };
        let time = Duration::new(number(0), (number(1) % 1_000_000_000) as u32);
        for text in [words::duration(time), words::bytes(number(2))] {
            assert!(text.len() < 30 && text.starts_with(|c: char| c.is_ascii_digit()), "{text}");
        }
        let path = String::from_utf8_lossy(bytes);
        assert!(path.ends_with(words::short_path(&path)));
        assert!(!text::escape(&path).contains(char::is_control));
        assert!(words::short_function(&path).len() <= path.len() + "…".len() * path.matches('<').count());
        let field = Field::new(path.into_owned(), Value::from(f64::from_bits(number(0))));
        let _ = Detail::from_field(&field).to_string();
        let (seconds, nanoseconds) = (number(0).cast_signed(), number(1) as u32);
        if let Value::Moment(moment) = gmr_report::wit::moment(seconds, nanoseconds) {
            assert_eq!(gmr_report::wit::since_1970(moment), (seconds, nanoseconds));
        }
    });
}

#[test]
fn settings_and_facts_flattened() {
    let seeds = [json!({"pool": {"size": 8, "nodes": ["a", {"b": null}], "x.y": [[1.5]]}, "": [{}]})];
    fuzz::json("settings_and_facts_flattened", 500, &seeds, |value| {
        let fields = within(MEMORY, || flatten::fields("f", value));
        assert!(fields.len() <= value.to_string().len());
        for field in &fields {
            flatten::find(value, &field.key);
            words::value(&field.value);
        }
    });
}
