//! What a reader sees of a report, and that JSON keeps all of it.

use std::time::Duration;

use gmr_report::format::{json, text};
use gmr_report::{
    Block, Field, Frame, Header, Member, Origin, Report, Section, Trace, TraceKind, Trigger, TriggerKind,
    Value,
};

fn member(id: u64) -> Member {
    Member { id, name: Some(format!("worker-{id}")), fields: vec![Field::new("state", "asleep")] }
}

fn frame(function: &str, file: &str, line: u32) -> Frame {
    Frame { file: Some(file.to_owned()), line: Some(line), ..Frame::of(function) }
}

fn report() -> Report {
    let stack = Trace {
        kind: TraceKind::Stack,
        title: "12 threads, worker-0 to worker-11".to_owned(),
        summary: vec!["asleep in futex on 0x55d0c8e8, 0.1 to 0.4 s of CPU time each".to_owned()],
        members: (8680..8691).chain([8700, 8702]).map(member).collect(),
        frames: vec![
            frame("zaqar::queue::Queue::claim", "/home/me/zaqar/src/queue.rs", 118),
            Frame { inlined: true, ..frame("zaqar::worker::run", "/home/me/zaqar/src/worker.rs", 51) },
            Frame {
                function: None,
                address: Some(0x7f00_0000_1234),
                module: Some("/usr/lib/libzaqar.so.1".to_owned()),
                offset: Some(0x1234),
                unverified: true,
                ..Frame::of("")
            },
            Frame { folded: true, ..Frame::of("std::rt::lang_start") },
            Frame { folded: true, ..Frame::of("_start") },
        ],
        doubt: Some("the frames marked unverified rest on frame pointers and may be wrong".to_owned()),
    };
    let step = |depth: u16, function: &str, line: Option<u32>| Frame {
        depth,
        line,
        file: line.map(|_| "/home/me/zaqar/src/db/pool.rs".to_owned()),
        ..Frame::of(function)
    };
    let chain = Trace {
        kind: TraceKind::Await,
        title: "212 tasks, the longest for 33.1 s".to_owned(),
        summary: vec!["waiting, spawned at src/http.rs:88".to_owned()],
        members: (0..212)
            .map(|number| Member { id: 4711 + 2 * number, name: None, fields: Vec::new() })
            .collect(),
        frames: vec![
            step(0, "zaqar::http::serve", Some(88)),
            Frame { folded: true, ..step(1, "tower::util::Oneshot", None) },
            step(2, "zaqar::db::query", Some(40)),
            Frame { branch: Some("0".to_owned()), ..step(3, "zaqar::db::pool::acquire", Some(71)) },
            Frame { detail: Some("0 permits".to_owned()), ..step(4, "tokio Semaphore", None) },
            Frame { branch: Some("1".to_owned()), ..step(3, "tokio::time::sleep::Sleep", None) },
        ],
        doubt: None,
    };
    let values = [
        ("text", Value::from("a\u{1b}[31mb")),
        ("integer", Value::Integer(-7)),
        ("number", Value::from(0.1 + 0.2)),
        ("not a number", Value::from(f64::NAN)),
        ("bytes", Value::Bytes(1_288_490_189)),
        ("duration", Value::Duration(Duration::from_nanos(41_000_001))),
        ("moment", Value::Moment("2026-11-22T14:03:07.412345678Z".parse().unwrap())),
        ("address", Value::Address(u64::MAX)),
        ("flag", Value::Flag(true)),
        ("list", Value::List(vec![Value::from("x"), Value::Redacted])),
        ("none", Value::None),
    ];
    let table = Block::Table {
        columns: vec!["file".to_owned(), "size".to_owned(), "note".to_owned()],
        rows: vec![
            vec![Value::from("a"), Value::Bytes(5), Value::from("x")],
            vec![Value::from("longer"), Value::Bytes(4096)],
        ],
    };
    Report {
        header: Header {
            service: "zaqar-server".to_owned(),
            version: "20.0.1".to_owned(),
            host: "api-3".to_owned(),
            process: 8675,
            uptime: Some(Duration::from_secs(273_120)),
            time: "2026-11-22T14:03:07.412Z".parse().unwrap(),
            trigger: Trigger {
                kind: TriggerKind::Signal,
                detail: "SIGUSR2 from process 9120 (bash, user 0)".to_owned(),
                count: 2,
            },
            took: Some(Duration::from_millis(41)),
        },
        sections: vec![
            Section {
                remarks: vec!["3 threads wait for the lock at 0x7f3a10c0".to_owned()],
                blocks: vec![Block::Trace(stack)],
                ..Section::native("threads", "Threads")
            },
            Section {
                blocks: vec![Block::Trace(chain)],
                ..Section::native("green_threads", "Green Threads")
            },
            Section {
                origin: Origin::Plugin,
                blocks: vec![
                    Block::Heading { level: 1, text: "values".to_owned() },
                    Block::Fields { fields: values.map(|(key, value)| Field::new(key, value)).into() },
                    Block::Heading { level: 2, text: "files".to_owned() },
                    table,
                    Block::Paragraph { text: "==== not a banner".to_owned() },
                    Block::Preformatted { text: "as\n  it is".to_owned() },
                ],
                ..Section::native("values", "Values")
            },
            Section::native("cluster", "Cluster").failed("the plugin's deadline of 1 s passed"),
        ],
    }
}

const TEXT: &str = r#"========================================================================
====                        Guru Meditation                         ====
========================================================================
||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||||

service = zaqar-server 20.0.1
host = api-3
process = 8675, up 3d 3h
time = 2026-11-22T14:03:07.412Z
trigger = SIGUSR2 from process 9120 (bash, user 0), the last of 2 triggers that this report answers
took = 41 ms

look at
  Threads: 3 threads wait for the lock at 0x7f3a10c0
  Cluster: no section: the plugin's deadline of 1 s passed

========================================================================
====                            Threads                             ====
========================================================================

------             12 threads, worker-0 to worker-11              ------
8680-8690 8700 8702
asleep in futex on 0x55d0c8e8, 0.1 to 0.4 s of CPU time each
the frames marked unverified rest on frame pointers and may be wrong

  0  zaqar::queue::Queue::claim    zaqar/src/queue.rs:118
  1  zaqar::worker::run (inlined)  zaqar/src/worker.rs:51
  2  lib/libzaqar.so.1+0x1234 (unverified)
     2 frames of the thread's start
========================================================================
====                         Green Threads                          ====
========================================================================

------             212 tasks, the longest for 33.1 s              ------
4711 4713 4715 4717 4719 4721 4723 4725 4727 4729 4731 4733 4735 4737 4739 4741 4743 and 195 more
waiting, spawned at src/http.rs:88

  zaqar::http::serve               zaqar/src/db/pool.rs:88
    zaqar::db::query               zaqar/src/db/pool.rs:40
      0: zaqar::db::pool::acquire  zaqar/src/db/pool.rs:71
        tokio Semaphore, 0 permits
      1: tokio::time::sleep::Sleep
========================================================================
====                             Values                             ====
========================================================================

values:
  text = a\u{1b}[31mb
  integer = -7
  number = 0.30000000000000004
  not a number = NaN
  bytes = 1.2 GiB
  duration = 41 ms
  moment = 2026-11-22T14:03:07.412Z
  address = 0xffffffffffffffff
  flag = true
  list = [x, ***]
  none = none

  files:
    file       size  note
    a           5 B  x
    longer  4.0 KiB
     ==== not a banner
      | as
      |   it is
========================================================================
====                            Cluster                             ====
========================================================================
no section: the plugin's deadline of 1 s passed
========================== end of the report ===========================
"#;

#[test]
fn text_is_for_people() {
    let text = text::report(&report());
    for (at, (line, expected)) in text.lines().zip(TEXT.lines()).enumerate() {
        assert_eq!(line, expected, "line {}", at + 1);
    }
    assert_eq!(text.lines().count(), TEXT.lines().count());
}

#[test]
fn json_keeps_everything() {
    let report = report();
    let document = json::report(&report);
    assert_eq!(json::read(&document).unwrap(), report);
    let value: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(value["schema"], "guru-meditation-report");
    assert_eq!(value["schema_version"], 1);
    assert_eq!(value["header"]["took"], 41_000_000);
    assert_eq!(value["sections"][1]["blocks"][0]["members"].as_array().unwrap().len(), 212);
    assert!(
        !document.chars().any(|c| c.is_control() && c != '\n'),
        "a control character reached the document"
    );
}

#[test]
fn json_that_is_no_report_is_an_error() {
    for (document, expected) in [
        ("", "not a Guru Meditation Report in JSON: EOF"),
        ("{}", "not a Guru Meditation Report in JSON: missing field `schema_version`"),
        ("{\"schema_version\": 2}", "written by a newer version: its schema version is 2"),
        ("{\"schema_version\": 1}", "not a Guru Meditation Report in JSON: missing field `header`"),
    ] {
        let error = json::read(document).unwrap_err();
        assert_eq!(error.is_newer(), document.contains('2'), "{error}");
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}
