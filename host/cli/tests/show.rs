//! `gmr show`: a report as text or JSON, whole or in part, from a file or a pipe.

mod support;

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use support::{Place, bad, command, fields, good, misuse, report, section};

fn sections() -> Value {
    json!([
        section("package", &json!([fields(&[("name", "shop")])])),
        section("threads", &json!([fields(&[("evil", "\u{1b}[2J")])])),
    ])
}

#[test]
fn a_report_is_printed_for_people_and_for_programs() {
    let place = Place::new();
    let file = place.report("report.json", &sections());
    let text = good(&[&"show", &file]);
    assert!(text.contains("service = shop 1.2.3\n") && text.contains("name = shop\n"), "{text}");
    assert!(text.contains("evil = \\u{1b}[2J\n"), "nothing commands the terminal: {text}");
    let json: Value = serde_json::from_str(&good(&[&"show", &file, &"--format", &"json"])).unwrap();
    assert_eq!(json, report(&sections()));
}

#[test]
fn sections_are_chosen_by_name() {
    let place = Place::new();
    let file = place.report("report.json", &sections());
    let text = good(&[&"show", &file, &"--section", &"package"]);
    assert!(text.contains("PACKAGE") && !text.contains("THREADS"), "{text}");
    bad(&[&"show", &file, &"--section", &"tasks"], &["no section `tasks`", "package, threads"]);
}

#[test]
fn a_pipe_serves_as_well() {
    let mut child = command(&[&"show", &"-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(report(&sections()).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("service = shop"));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let place = Place::new();
    // More than a pipe holds, so that the command must notice.
    let file = place
        .report("report.json", &json!([section("a", &json!([fields(&[("long", &"x".repeat(1 << 20))])]))]));
    let mut child = command(&[&"show", &file]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"");
}

#[test]
fn what_is_no_report_is_refused_with_a_reason() {
    let place = Place::new();
    bad(&[&"show", &place.path("none.json")], &["none.json", "No such file"]);
    bad(&[&"show", &place.write("empty", "\n")], &["is empty"]);
    bad(&[&"show", &place.write("binary", b"\x7fELF\xff\xfe")], &["binary"]);
    bad(&[&"show", &place.write("list", "[]")], &["no report in JSON"]);
    bad(&[&"show", &place.write("cut", "{\n\"schema_version\": 1,\n")], &["not a Guru Meditation Report"]);
    bad(&[&"show", &place.write("other", "{\"a\": 1}")], &["not a Guru Meditation Report"]);
    let mut newer = report(&json!([]));
    newer["schema_version"] = json!(2);
    bad(&[&"show", &place.write("newer", newer.to_string())], &["newer version"]);
    let text = good(&[&"show", &place.report("report.json", &sections())]);
    bad(&[&"show", &place.write("text", text)], &["a report in text", "format = \"json\""]);
    misuse(&[&"show"], "<FILE>");
}

#[test]
fn a_report_of_a_newer_version_is_shown_with_what_is_not_known_of_it() {
    let place = Place::new();
    let newer = json!([section("load", &json!([{ "type": "heat_map", "cells": [[1, 2]] }]))]);
    let path = place.report("report.json", &newer);
    assert!(good(&[&"show", &path]).contains("\nunknown `heat_map`: {\"cells\":[[1,2]]}\n"));
    let written: Value = serde_json::from_str(&good(&[&"show", &path, &"--format", &"json"])).unwrap();
    assert_eq!(written["sections"], newer);
    assert!(good(&[&"diff", &path, &path]).ends_with("\nno difference\n"));
}
