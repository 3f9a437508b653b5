//! What a reader sees of a report, and that JSON keeps all of it. One long file, since all is said of one report.

use std::time::Duration;

use gmr_report::format::{json, text};
use gmr_report::{
    Block, Call, Detail, Field, Frame, Header, Member, NativeSection, Origin, Reason, Report, Section, Trace,
    Trigger, TriggerKind, Value,
};

fn member(id: u64) -> Member {
    let mut member = Member::new(id);
    member.name = Some(format!("worker-{id}"));
    member.fields.push(Field::new("state", "asleep"));
    member
}

fn with(frame: impl Into<Frame>, change: impl FnOnce(&mut Frame)) -> Frame {
    let mut frame = frame.into();
    change(&mut frame);
    frame
}

/// Threads in a stack whose first frame has an inlined call.
fn stack() -> Trace {
    let mut stack = Trace::stack("12 threads, worker-0 to worker-11");
    stack.summary.push("asleep in futex on 0x55d0c8e8, 0.1 to 0.4 s of CPU time each".to_owned());
    stack.members = (8680..8691).chain([8700, 8702]).map(member).collect();
    let claim = Call::of("zaqar::queue::Queue::claim").at("/home/me/zaqar/src/queue.rs", 118);
    let take = Call::of("zaqar::queue::take").at("/home/me/zaqar/src/queue.rs", 51);
    stack.frames = vec![
        with(claim, |frame| frame.calls.push(take)),
        with(Frame::default(), |frame| {
            frame.address = Some(0x7f00_0000_1234);
            frame.module = Some("/usr/lib/libzaqar.so.1".to_owned());
            frame.offset = Some(0x1234);
            frame.unverified = true;
        }),
        with(Frame::of("std::rt::lang_start"), |frame| frame.folded = true),
        with(Frame::of("_start"), |frame| frame.folded = true),
    ];
    stack.doubt = Some(Reason::StackUnverified);
    stack
}

/// Tasks that wait for two things at once, one of them below machinery.
fn chain() -> Trace {
    let step = |depth: u16, function: &str, line: Option<u32>, change: fn(&mut Frame)| {
        let call = Call::of(function);
        let call = match line {
            Some(line) => call.at("/home/me/zaqar/src/db/pool.rs", line),
            None => call,
        };
        let mut frame = Frame::from(call);
        frame.depth = depth;
        change(&mut frame);
        frame
    };
    let mut chain = Trace::awaits("212 tasks, the longest for 33.1 s");
    chain.summary.push("waiting, spawned at src/http.rs:88".to_owned());
    chain.members = (0..212).map(|number| Member::new(4711 + 2 * number)).collect();
    chain.frames = vec![
        step(0, "zaqar::http::serve", Some(88), |_| {}),
        step(1, "tower::util::Oneshot", None, |frame| frame.folded = true),
        step(2, "zaqar::db::query", Some(40), |_| {}),
        step(3, "zaqar::db::pool::acquire", Some(71), |frame| frame.branch = Some("0".to_owned())),
        step(4, "tokio Semaphore", None, |frame| frame.details = vec![Detail::Permits(0)]),
        step(3, "tokio::time::sleep::Sleep", None, |frame| frame.branch = Some("1".to_owned())),
    ];
    chain
}

fn values() -> Section {
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
    let rows = [
        vec![Value::from("a"), Value::Bytes(5), Value::from("x")],
        vec![Value::from("longer"), Value::Bytes(4096)],
    ];
    Section::new("values", "Values", Origin::Plugin).with_blocks([
        Block::heading(1, "values"),
        Block::fields(values.map(|(key, value)| Field::new(key, value))),
        Block::heading(2, "files"),
        Block::table(["file", "size", "note"], rows),
        Block::paragraph("==== not a banner"),
        Block::preformatted("as\n  it is"),
    ])
}

fn report() -> Report {
    let mut trigger = Trigger::new(TriggerKind::Signal, "SIGUSR2 from process 9120 (bash, user 0)");
    trigger.count = 2;
    let mut header = Header::new("zaqar-server", "2026-11-22T14:03:07.412Z".parse().unwrap(), trigger);
    header.version = "20.0.1".to_owned();
    header.host = "api-3".to_owned();
    header.process = 8675;
    header.uptime = Some(Duration::from_secs(273_120));
    header.took = Some(Duration::from_millis(41));
    let mut report = Report::new(header);
    let mut threads = Section::native(NativeSection::Threads).with_blocks([stack().into()]);
    threads.remarks.push("3 threads wait for the lock at 0x7f3a10c0".to_owned());
    report.sections = vec![
        threads,
        Section::native(NativeSection::GreenThreads).with_blocks([chain().into()]),
        values(),
        Section::new("cluster", "Cluster", Origin::Plugin).failed("the plugin's deadline of 1 s passed"),
    ];
    report
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
the frames marked unverified rest on frame pointers: they may be wrong, or not the next ones

  0  zaqar::queue::Queue::claim (inlined)  zaqar/src/queue.rs:118
  1  zaqar::queue::take                    zaqar/src/queue.rs:51
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
fn what_is_likeliest_stands_first_and_the_rest_is_counted() {
    let mut report = report();
    let mut diagnosis = Section::native(NativeSection::Diagnosis);
    let members: Vec<String> = (1..=12).map(|member| format!("task {member} waits")).collect();
    diagnosis
        .remarks
        .push("deadlock: tasks 17 and 18\n  task 17 waits\n\n  task 18 waits\u{1b}[2J".to_owned());
    diagnosis.remarks.push(format!("a ring\n{}", members.join("\n")));
    report.sections.push(diagnosis);
    let mut pool = Section::new("pool", "Pool", Origin::Plugin);
    pool.remarks = (1..=5).map(|number| format!("remark {number}")).collect();
    report.sections.push(pool);
    let look_at = |text: &str| {
        let (_, from) = text.split_once("look at\n").unwrap();
        let lines = from.lines().take_while(|line| line.starts_with("  "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut expected: Vec<String> =
        ["  deadlock: tasks 17 and 18", "    task 17 waits", "    task 18 waits\\u{1b}[2J", "  a ring"]
            .map(str::to_owned)
            .into();
    expected.extend((1..=8).map(|member| format!("    task {member} waits")));
    expected.extend(
        [
            "    and 4 more lines",
            "  Threads: 3 threads wait for the lock at 0x7f3a10c0",
            "  Cluster: no section: the plugin's deadline of 1 s passed",
            "  Pool: remark 1",
            "  Pool: remark 2",
            "  Pool: remark 3",
            "  Pool: remark 4",
            "  and 1 more, in the sections below",
        ]
        .map(str::to_owned),
    );
    assert_eq!(look_at(&text::report(&report)), expected);
    let look_at_all: Vec<_> = report.look_at().collect();
    let tail = text::tail(&report.header, &look_at_all);
    assert_eq!(look_at(&tail).last().unwrap(), "  and 1 more, in the sections above");
    assert_eq!(json::read(&json::report(&report)).unwrap().look_at().count(), 9, "JSON has all");
}

#[test]
fn names_of_functions_are_shown_short_and_kept_whole() {
    let whole = "<shop[3f2a6c1e0b7d9a55]::Pool<alloc[1]::vec::Vec<u8>>>::take::<u8>.llvm.4711";
    let mut stack = Trace::stack("1  \"main\"");
    stack.frames = vec![Frame::of(whole)];
    let mut report = report();
    report.sections = vec![Section::native(NativeSection::Threads).with_blocks([stack.into()])];
    assert!(text::report(&report).contains("  0  shop::Pool<alloc::vec::Vec<u8>>::take\n"));
    assert!(json::report(&report).contains(whole));
}

#[test]
fn of_many_futures_equal_ones_stand_once_and_the_odd_ones_first() {
    let step = |depth, branch: Option<u32>, function: &str, line| {
        with(Call::of(function).at("src/fetch.rs", line), |frame| {
            (frame.depth, frame.branch) = (depth, branch.map(|number| number.to_string()));
        })
    };
    let chain = |futures: u32| {
        let mut chain = Trace::awaits("task 4");
        chain.frames.push(step(0, None, "shop::crawl", 7));
        for number in 0..futures {
            let line = if number == 5 { 40 } else { 31 };
            chain.frames.push(step(1, Some(number), "shop::fetch", line));
            chain.frames.push(step(2, None, "TcpStream::connect", 9));
        }
        chain.frames.push(step(1, None, "shop::after", 8));
        text::body(&[chain.into()])
    };
    assert_eq!(
        chain(9).lines().skip(3).collect::<Vec<_>>(),
        [
            "  shop::crawl             src/fetch.rs:7",
            "    5: shop::fetch        src/fetch.rs:40",
            "      TcpStream::connect  src/fetch.rs:9",
            "    8 times: shop::fetch  src/fetch.rs:31",
            "      TcpStream::connect  src/fetch.rs:9",
            "    shop::after           src/fetch.rs:8",
        ]
    );
    assert_eq!(chain(8).matches("shop::fetch").count(), 8, "eight are no crowd");
}

#[test]
fn futures_without_frames_of_their_own_count_with_those_that_they_are_like() {
    let page = |number: usize, alike| {
        with(Frame::of("shop::fetch"), |frame| {
            frame.branch = Some(number.to_string());
            frame.details.extend(alike);
        })
    };
    let shown = |count: usize| {
        let mut chain = Trace::awaits("1 task");
        chain.frames =
            (0..count).map(|number| page(number, (number == 0).then_some(Detail::Alike(936)))).collect();
        text::body(&[chain.into()])
    };
    assert!(shown(64).contains("  1000 times: shop::fetch\n"), "{}", shown(64));
    assert!(shown(2).contains("  0: shop::fetch, 936 more like it\n"), "{}", shown(2));
}

#[test]
fn crowds_in_crowds_take_no_more_time_than_they_are_long() {
    let mut chain = Trace::awaits("1 task");
    for depth in 0..10_000_u16 {
        for _ in 0..9 {
            let branch = Some("b".to_owned());
            chain.frames.push(with(Frame::of("f"), |frame| (frame.depth, frame.branch) = (depth, branch)));
        }
    }
    let shown = gmr_test_fuzz::within(256 << 20, || text::body(&[chain.into()]));
    assert!(shown.contains("  8 times: f\n"), "{}", &shown[..200]);
}

#[test]
fn idle_threads_are_counted_in_one_line() {
    let idle = |kind: &str, ids: Vec<u64>| {
        let mut trace = Trace::stack("idle");
        trace.idle = Some(kind.to_owned());
        trace.members = ids.into_iter().map(Member::new).collect();
        trace.frames = vec![Frame::of("futex_wait")];
        Block::from(trace)
    };
    let long = "a kind of worker whose name is so long that no two of them fit a line";
    let blocks = [
        Block::paragraph("3 threads"),
        idle("tokio worker", vec![8704, 8701]),
        idle("blocking-pool thread", (8710..8722).collect()),
        idle("tokio worker", vec![8703]),
        idle(long, vec![1]),
        Block::heading(1, "modules"),
    ];
    assert_eq!(
        text::body(&blocks),
        format!(
            "3 threads\n\nidle: 3 tokio workers (8701 8703 8704), 12 blocking-pool threads (8710-8721),\n      \
             1 {long} (1)\n\nmodules:\n"
        )
    );
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

#[test]
fn nothing_in_a_body_looks_like_a_banner() {
    let banner = "=".repeat(72);
    let mut trace = Trace::awaits(&*banner);
    trace.summary = vec![banner.clone()];
    trace.frames = vec![Frame::of(&*banner)];
    trace.doubt = Some(Reason::Text(banner.clone()));
    let blocks = [
        Block::heading(1, &*banner),
        trace.into(),
        Block::paragraph(&*banner),
        Block::preformatted(&*banner),
        Block::table([&*banner], [vec![banner.as_str().into()]]),
    ];
    let fields = [Block::fields([Field::new(banner.clone(), banner.as_str())])];
    for block in blocks.into_iter().chain(fields) {
        let shown = text::body(std::slice::from_ref(&block));
        assert!(!shown.lines().any(|line| line.starts_with('=')), "{shown}");
    }
}

#[test]
fn ids_at_the_end_of_their_range_are_listed() {
    let mut stack = Trace::stack("3 threads");
    stack.members = [u64::MAX - 1, u64::MAX, u64::MAX].map(Member::new).to_vec();
    let shown = text::body(&[stack.into()]);
    assert!(shown.contains("18446744073709551614 18446744073709551615 18446744073709551615\n"), "{shown}");
}

#[test]
fn a_report_takes_no_more_room_than_what_is_in_it() {
    let columns = vec![String::new(); 10_000];
    let table = Block::table(columns, vec![Vec::new(); 10_000]);
    let mut chain = Trace::awaits("1 task");
    chain.frames = (0..10_000).map(|depth| with(Frame::of("f"), |frame| frame.depth = depth)).collect();
    let most = |block: Block| {
        let shown = gmr_test_fuzz::within(16 << 20, || text::body(&[block]));
        assert!(shown.len() < 2 << 20, "{} bytes", shown.len());
    };
    most(table);
    most(chain.into());
}
