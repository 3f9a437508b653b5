use super::*;
use crate::model::{Block, IncompleteStack, NoStack, Report, Trace};

fn frames() -> [Frame<'static>; 3] {
    let (interrupted, unverified) = (false, false);
    [
        Frame {
            address: 0x7f01,
            module: Some(b"/lib/libc.so.6"),
            offset: Some(0x1),
            interrupted,
            unverified,
        },
        Frame {
            address: 0x7f02,
            module: Some(b"/srv/a b+0x1"),
            offset: Some(0x2),
            interrupted: true,
            unverified,
        },
        Frame { address: 0x7f03, module: None, offset: None, interrupted, unverified: true },
    ]
}

fn head() -> Head<'static> {
    Head {
        service: "the shop",
        version: "1.2",
        host: b"api\xff3",
        process: 77,
        time: "2026-11-22T14:03:13.5Z".parse().unwrap(),
        asked: "2026-11-22T14:03:07.5Z".parse().unwrap(),
        after: Duration::from_secs(6),
        reporter: 78,
    }
}

/// Writes a report of two threads in the same frames and one without.
fn written(format: Format) -> String {
    let head = head();
    let incomplete = Reason::StackIncomplete(IncompleteStack::NoTables);
    let running = Reason::NoStack(NoStack::NotAsked);
    let wait = Wait { number: 202, name: Some("futex"), resource: Some(Resource::Futex(0x55d0)) };
    let main = Thread {
        id: 77,
        name: b"ma\x1b\"in\xc2\x9b",
        state: "asleep",
        cpu_user: Duration::from_millis(30),
        cpu_system: Duration::from_millis(10),
        wait: Some(wait),
        frames: frames().to_vec().into_iter(),
        same_as: None,
        doubt: Some(&incomplete),
    };
    let twin = Thread { id: 78, name: b"gmr", wait: None, same_as: Some(77), ..main.clone() };
    let spinner = Thread {
        id: 79,
        name: b"spinner",
        state: "running",
        wait: None,
        frames: Vec::new().into_iter(),
        same_as: None,
        doubt: Some(&running),
        cpu_user: Duration::ZERO,
        cpu_system: Duration::ZERO,
    };
    let mut out = Vec::new();
    let writer = Writer::new(format);
    writer.begin(&mut out, &head).unwrap();
    let modules = [
        Module { path: b"/lib/libc.so.6", build_id: b"\x0a\xff" },
        Module { path: b"/srv/a b+0x1", build_id: b"" },
    ];
    writer.modules(&mut out, modules.into_iter()).unwrap();
    writer.thread(&mut out, &main).unwrap();
    writer.thread(&mut out, &twin).unwrap();
    writer.thread(&mut out, &spinner).unwrap();
    writer.end(&mut out, &head, Duration::from_millis(41), &[Limit::Time(3), Limit::Size(0)]).unwrap();
    String::from_utf8(out).unwrap()
}

fn traces(report: &Report) -> Vec<&Trace> {
    let blocks = &report.section("threads").unwrap().blocks;
    blocks
        .iter()
        .filter_map(|block| if let Block::Trace(trace) = block { Some(trace) } else { None })
        .collect()
}

/// What is the same however the report was written.
fn check(report: &Report) {
    let header = &report.header;
    assert_eq!((header.service.as_str(), header.version.as_str()), ("the shop", "1.2"));
    assert_eq!((header.process, header.took), (77, Some(Duration::from_millis(41))));
    assert_eq!(header.host, "api\u{fffd}3");
    assert_eq!(header.trigger.kind.word(), "watchdog");
    let look_at: Vec<String> = report.look_at().map(|(title, line)| format!("{title}: {line}")).collect();
    assert_eq!(
        look_at,
        [
            "Reporter: emergency report, written without memory allocation: the report that was begun or asked \
          for at 2026-11-22T14:03:07.500Z was not finished after 6 s; thread 78 should have made it"
        ]
    );
    let traces = traces(report);
    let ids: Vec<u64> = traces.iter().map(|trace| trace.members[0].id).collect();
    assert_eq!(ids, [77, 78, 79]);
    assert_eq!(traces[0].summary, ["asleep in futex on 0x55d0, 40 ms of CPU time"]);
    assert_eq!(traces[0].frames, traces[1].frames);
    let frames: Vec<_> = traces[0]
        .frames
        .iter()
        .map(|frame| {
            (frame.address, frame.module.as_deref(), frame.offset, frame.interrupted, frame.unverified)
        })
        .collect();
    assert_eq!(
        frames,
        [
            (Some(0x7f01), Some("/lib/libc.so.6"), Some(1), false, false),
            (Some(0x7f02), Some("/srv/a b+0x1"), Some(2), true, false),
            (Some(0x7f03), None, None, false, true),
        ]
    );
    assert!(traces[2].frames.is_empty());
    assert_eq!(
        traces[2].doubt.as_ref().unwrap().to_string(),
        "no stack: it was not seen asleep, and an emergency report asks no thread for its stack"
    );
    let files = crate::resolve::LoadedFiles::of(report);
    let served = files.served_by("/tmp/copy".as_ref(), Some("0aff")).unwrap();
    assert_eq!(served[0].path, "/lib/libc.so.6");
    let blocks = &report.section("threads").unwrap().blocks;
    assert_eq!(
        blocks.last(),
        Some(&Block::paragraph("3 more threads were not looked at: there was no time"))
    );
}

#[test]
fn json_is_the_document_of_any_report() {
    let text = written(Format::Json);
    let report = crate::format::json::read(&text).unwrap();
    check(&report);
    let main = &traces(&report)[0].members[0];
    assert_eq!(main.name.as_deref(), Some("ma\u{1b}\"in\u{9b}"));
    let keys: Vec<&str> = main.fields.iter().map(|field| &*field.key).collect();
    assert_eq!(keys, ["state", "cpu_user", "cpu_system", "system_call", "futex"]);
    assert!(!text.contains(['\u{1b}', '\u{9b}']), "a terminal would obey it");
    // A newer or older version of it is one too: it reads back to itself.
    assert_eq!(crate::format::json::read(&crate::format::json::report(&report)).unwrap(), report);
}

#[test]
fn text_is_read_back_amidst_a_log() {
    let text = written(Format::Text);
    assert!(!text.contains(['\u{1b}', '\u{9b}']), "a terminal would obey it");
    check(&read(&text).unwrap());
    let older = text.replace("process = 77", "process = 76");
    let log = format!("INFO begin{older}INFO between{text}WARN ====\n------ x ------\n");
    assert!(is_emergency_report(&log));
    check(&read(&log).unwrap());
    let main = read(&text).unwrap();
    assert_eq!(traces(&main)[0].members[0].name.as_deref(), Some("ma\\u{1b}\"in\\u{9b}"));
}

#[test]
fn every_cut_of_a_text_is_survived_and_said() {
    let text = written(Format::Text);
    let whole = traces(&read(&text).unwrap()).len();
    for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
        let Ok(report) = read(&text[..cut]) else { continue };
        assert!(traces(&report).len() <= whole);
        let is_whole = text[cut..].trim_matches(['=', '\n']).is_empty();
        let says = report.look_at().any(|(_, line)| line == "the text ends before the report does");
        assert_eq!(says, !is_whole, "cut at {cut}");
    }
}

#[test]
fn what_is_no_emergency_report_is_refused() {
    let error = |text: &str| read(text).unwrap_err().to_string();
    assert_eq!(error(""), "not an emergency report: an emergency report is missing");
    let text = written(Format::Text);
    assert_eq!(
        error(&text.replace("process = 77\n", "")),
        "not an emergency report: its line `process = ` is missing"
    );
    assert!(!is_emergency_report(&crate::format::text::report(&crate::example::report())));
}
