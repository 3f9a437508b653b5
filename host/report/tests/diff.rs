//! What changed between two reports: each kind of change is told, and nothing else.

use gmr_report::diff;
use gmr_report::format::json;
use serde_json::{Value, json};

/// A report with these sections.
fn report(sections: &Value) -> Value {
    json!({
        "schema": "guru-meditation-report",
        "schema_version": 1,
        "header": {
            "service": "shop", "version": "1.2.3", "host": "web-1", "process": 8675,
            "time": "2026-11-22T14:03:07Z",
            "trigger": { "kind": "signal", "detail": "SIGUSR2", "count": 1 },
        },
        "sections": sections,
    })
}

/// A native section.
fn section(name: &str, blocks: &Value) -> Value {
    json!({ "name": name, "title": name.to_uppercase(), "origin": "native", "blocks": blocks })
}

/// A stack in which so many threads stand.
fn stack(functions: &[&str], threads: u64) -> Value {
    let frames: Vec<Value> =
        functions.iter().map(|function| json!({ "calls": [{ "function": function }] })).collect();
    let members: Vec<Value> = (0..threads).map(|id| json!({ "id": id })).collect();
    json!({ "type": "trace", "kind": "stack", "title": "threads", "members": members, "frames": frames })
}

/// Fields of words.
fn fields(fields: &[(&str, &str)]) -> Value {
    let fields: Vec<Value> = fields
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": { "type": "text", "value": value } }))
        .collect();
    json!({ "type": "fields", "fields": fields })
}

fn text(old: &Value, new: &Value) -> String {
    let read = |report: &Value| json::read(&report.to_string()).expect("a report");
    diff::text(&read(old), &read(new))
}

/// What is told below the two headlines.
#[track_caller]
fn check(old: &Value, new: &Value, expected: &str) {
    let headline = "shop 1.2.3 on web-1, 2026-11-22T14:03:07.000Z";
    assert_eq!(text(&report(old), &report(new)), format!("old  {headline}\nnew  {headline}\n\n{expected}"));
}

fn one(blocks: &Value) -> Value {
    json!([section("pool", blocks)])
}

#[test]
fn equal_reports_have_no_difference() {
    let sections = one(&json!([fields(&[("size", "8")]), stack(&["wait", "main"], 3)]));
    check(&sections, &sections, "no difference\n");
    // Which threads they are, and what their group is called, is none.
    let mut renamed = sections.clone();
    renamed[0]["blocks"][1]["members"] = json!([{ "id": 70 }, { "id": 71, "name": "b" }, { "id": 72 }]);
    renamed[0]["blocks"][1]["title"] = json!("other threads");
    check(&sections, &renamed, "no difference\n");
}

#[test]
fn the_headers_facts_are_compared_and_its_times_are_not() {
    let mut changed = report(&json!([]));
    changed["header"]["version"] = json!("1.2.4\u{1b}[2J");
    changed["header"]["process"] = json!(9);
    changed["header"]["uptime"] = json!(5);
    changed["header"]["time"] = json!("2026-11-22T15:00:00Z");
    let text = text(&report(&json!([])), &changed);
    let expected = "\nHeader\n  version: 1.2.3 -> 1.2.4\\u{1b}[2J\n  process: 8675 -> 9\n";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn sections_appear_vanish_fail_and_recover() {
    let failed = |name: &str, reason: &str| {
        let mut section = section(name, &json!([]));
        section["failure"] = json!(reason);
        section
    };
    let whole = |name: &str| section(name, &json!([]));
    check(
        &json!([whole("gone"), whole("breaks"), failed("heals", "no time"), failed("stays", "one")]),
        &json!([failed("breaks", "no pool"), whole("heals"), failed("stays", "two"), whole("comes")]),
        "BREAKS\n  failed: no pool\n\n\
         HEALS\n  recovered; it had failed: no time\n\n\
         STAYS\n  still failed: one -> two\n\n\
         COMES\n  this section appeared\n\n\
         GONE\n  this section vanished\n",
    );
}

#[test]
fn fields_rows_and_lines_are_told_by_their_place() {
    let blocks = |size: &str, idle: &str, row: &str, word: &str| {
        one(&json!([
            { "type": "heading", "level": 1, "text": "read" },
            fields(&[("size", size), (idle, "3")]),
            { "type": "heading", "level": 1, "text": "write" },
            fields(&[("size", "8")]),
            { "type": "table", "columns": ["name", "jobs"], "rows": [
                [{ "type": "text", "value": "a" }, { "type": "integer", "value": 1 }],
                [{ "type": "text", "value": row }, { "type": "bytes", "value": 2048 }],
            ] },
            { "type": "paragraph", "text": format!("same\n{word}") },
        ]))
    };
    check(
        &blocks("8", "idle", "b", "calm"),
        &blocks("9", "free", "c", "busy"),
        "POOL\n  read / size: 8 -> 9\n  read / free: 3 (appeared)\n  write / c: jobs 2.0 KiB (appeared)\n  \
         read / idle: 3 (vanished)\n  write / b: jobs 2.0 KiB (vanished)\n  - write / calm\n  + write / busy\n",
    );
}

#[test]
fn groups_of_threads_appear_vanish_grow_and_shrink() {
    check(
        &one(&json!([
            stack(&["gone", "main"], 1),
            stack(&["more"], 2),
            stack(&["fewer"], 9),
            stack(&["same"], 4),
        ])),
        &one(&json!([
            stack(&["same"], 4),
            stack(&["fewer"], 5),
            stack(&["more"], 4),
            // The same place in two traces, as threads in two states are.
            stack(&["more"], 1),
            stack(&["new", "b", "c", "d"], 2),
        ])),
        "POOL\n  shrank: 9 -> 5 stacks in fewer\n  grew: 2 -> 5 stacks in more\n  \
         appeared: 0 -> 2 stacks in new < b < c < ...\n  vanished: 1 -> 0 stacks in gone < main\n",
    );
}

#[test]
fn sections_of_one_name_are_compared_in_their_order() {
    let twice = |second: &str| {
        let text = |text: &str| json!([{ "type": "paragraph", "text": text }]);
        json!([section("pool", &text("first")), section("pool", &text(second))])
    };
    check(&twice("a"), &twice("b"), "POOL\n  - a\n  + b\n");
}
