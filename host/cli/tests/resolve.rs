//! `gmr resolve`: a report that knows only modules and offsets gets the names that its process would have
//! given, and never those of another build.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use gmr::report::format::emergency::{Frame, Head, Module, Thread, Writer};
use gmr_inspect::debug_files::ObjectFile;
use gmr_inspect::modules;
use gmr_inspect::threads::{self, Method, Options, Stack};
use serde_json::{Value, json};
use support::{Place, bad, good, misuse, section};

/// A function whose address is known. What it returns keeps it from being merged with another one.
#[inline(never)]
fn marker() -> u64 {
    std::hint::black_box(0x6d61_726b)
}

/// This program, which is the binary to resolve with.
fn own() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn build_id() -> String {
    ObjectFile::open(&own()).unwrap().build_id().expect("the linker writes one")
}

/// Where the marker begins, as the file counts it.
fn marker_offset() -> u64 {
    let address = marker as *const () as u64;
    address - modules::snapshot().find(address).unwrap().bias
}

fn frame(offset: u64) -> Value {
    let place = format!("{offset:#x}");
    json!({ "address": place, "module": own(), "offset": place })
}

/// A Threads section with one stack, and the build id that the report knows.
fn threads(frames: &[Value], build_id: Option<&str>) -> Value {
    let mut blocks = vec![json!({
        "type": "trace", "kind": "stack", "title": "1", "members": [{ "id": 1 }], "frames": frames,
    })];
    blocks.extend(build_id.map(|build_id| {
        let row = [json!({ "type": "text", "value": own() }), json!({ "type": "text", "value": build_id })];
        json!({ "type": "table", "columns": ["module", "build id"], "rows": [row] })
    }));
    json!([section("threads", &json!(blocks))])
}

/// The frames of the only stack of a report in JSON.
fn frames(report: &str) -> Vec<Value> {
    let report: Value = serde_json::from_str(report).unwrap();
    report["sections"][0]["blocks"][0]["frames"].as_array().unwrap().clone()
}

/// The function that the frame is of, whatever was inlined into it.
fn function(frame: &Value) -> &str {
    let calls = frame["calls"].as_array().map_or(&[][..], Vec::as_slice);
    calls.last().and_then(|call| call["function"].as_str()).unwrap_or("?")
}

#[inline(never)]
fn outer() -> threads::Capture {
    std::hint::black_box(inner())
}

/// A call that is no call: its frame and its caller's have one address.
#[inline(always)]
fn inner() -> threads::Capture {
    std::hint::black_box(threads::capture(&Options::default()))
}

#[test]
fn the_names_are_those_that_the_process_itself_would_give() {
    let capture = outer();
    let own_stack = capture.threads.iter().find_map(|thread| match &thread.stack {
        Stack::Captured { frames, method: Method::Own, .. } => Some(frames),
        _ => None,
    });
    let (mut bare, mut expected) = (Vec::new(), Vec::new());
    for captured in own_stack.expect("one's own stack is always there").iter() {
        let is_own = captured.module.as_ref().is_some_and(|module| module.path == own());
        let Some(offset) = captured.offset.filter(|_| is_own) else { continue };
        // Nothing else must come first, since what is innermost is looked up another way.
        assert!(!captured.symbols.is_empty(), "{captured:?}");
        bare.push(frame(offset));
        let symbols = captured.symbols.iter();
        let calls = symbols.map(|symbol| (symbol.function.clone(), symbol.line.map(u64::from)));
        expected.push(calls.collect::<Vec<_>>());
    }
    let place = Place::new();
    let report = place.report("report.json", &threads(&bare, Some(&build_id())));
    let resolved = good(&[&"resolve", &report, &"--binary", &own(), &"--format", &"json"]);
    let found: Vec<Vec<_>> = frames(&resolved)
        .iter()
        .map(|frame| {
            let calls = frame["calls"].as_array().unwrap().iter();
            calls.map(|call| (call["function"].as_str().unwrap().to_owned(), call["line"].as_u64())).collect()
        })
        .collect();
    assert_eq!(found, expected);
    let is_inlined = |calls: &Vec<(String, Option<u64>)>| {
        let at = |name: &str| calls.iter().position(|(function, _)| function.ends_with(name));
        at("::inner").is_some_and(|inner| at("::outer").is_some_and(|outer| inner < outer))
    };
    assert!(found.iter().any(is_inlined), "{found:?}");
    let text = good(&[&"resolve", &report, &"--binary", &own()]);
    assert!(text.contains("::inner (inlined)") && text.contains("tests/resolve.rs:"), "{text}");
    assert!(text.contains("of the thread's start"), "what every thread begins with is folded: {text}");
}

#[test]
fn an_emergency_report_in_a_log_gets_names() {
    let (own, at) = (own(), marker_offset());
    let path = own.as_os_str().as_bytes();
    let build_id = build_id();
    let digits = build_id.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    let build_id: Vec<u8> = digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
    let head = Head {
        service: "shop",
        version: "1",
        host: b"h",
        process: 7,
        time: "2026-11-22T14:03:13Z".parse().unwrap(),
        asked: "2026-11-22T14:03:07Z".parse().unwrap(),
        after: Duration::from_secs(6),
        reporter: 8,
    };
    let thread = Thread {
        id: 7,
        name: b"main",
        state: "asleep",
        cpu_user: Duration::ZERO,
        cpu_system: Duration::ZERO,
        wait: None,
        frames: [Frame {
            address: 0x7000_0000 + at,
            module: Some(path),
            offset: Some(at),
            interrupted: false,
            unverified: false,
        }]
        .into_iter(),
        same_as: None,
        doubt: None,
    };
    let place = Place::new();
    for (format, name) in [(gmr::Format::Text, "log.txt"), (gmr::Format::Json, "report.json")] {
        let mut log = if format == gmr::Format::Text { b"INFO before".to_vec() } else { Vec::new() };
        let writer = Writer::new(format);
        writer.begin(&mut log, &head).unwrap();
        writer.modules(&mut log, [Module { path, build_id: &build_id }].into_iter()).unwrap();
        writer.thread(&mut log, &thread).unwrap();
        writer.end(&mut log, &head, Duration::ZERO, &[]).unwrap();
        let report = place.path(name);
        std::fs::write(&report, log).unwrap();
        let text = good(&[&"resolve", &report, &"--binary", &own]);
        assert!(text.contains("::marker") && text.contains("\"main\""), "{text}");
        assert!(text.contains("Reporter: emergency report"), "{text}");
        let shown = good(&[&"show", &report]);
        assert!(!shown.contains("::marker") && shown.contains("\"main\""), "{shown}");
    }
}

#[test]
fn a_callers_address_is_looked_up_before_it() {
    assert_eq!(marker(), 0x6d61_726b);
    let (place, at) = (Place::new(), marker_offset());
    let report =
        place.report("report.json", &threads(&[frame(at), frame(at), frame(at + 1)], Some(&build_id())));
    let found = frames(&good(&[&"resolve", &report, &"--binary", &own(), &"--format", &"json"]));
    let is_marker: Vec<bool> = found.iter().map(|frame| function(frame).ends_with("::marker")).collect();
    let [innermost, .., last] = is_marker[..] else { panic!("{found:?}") };
    assert!(innermost, "the innermost frame stands at its instruction: {found:?}");
    assert!(last, "{found:?}");
    assert_eq!(is_marker.iter().filter(|is| **is).count(), 2, "the byte before is another's: {found:?}");
}

#[test]
fn names_that_are_there_stay_unless_all_are_asked_for() {
    let mut named = frame(marker_offset());
    named["calls"] = json!([{ "function": "given" }]);
    let place = Place::new();
    let report = place.report("report.json", &threads(&[named], Some(&build_id())));
    let stays = frames(&good(&[&"resolve", &report, &"--binary", &own(), &"--format", &"json"]));
    assert_eq!(function(&stays[0]), "given");
    let all = frames(&good(&[&"resolve", &report, &"--binary", &own(), &"--all", &"--format", &"json"]));
    assert!(function(&all[0]).ends_with("::marker"), "{all:?}");
}

#[test]
fn a_debug_file_is_found_by_its_build_id() {
    let (place, id) = (Place::new(), build_id());
    let report = place.report("report.json", &threads(&[frame(marker_offset())], Some(&id)));
    let folder = place.path(&format!("debug/.build-id/{}", &id[..2]));
    std::fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(own(), folder.join(format!("{}.debug", &id[2..]))).unwrap();
    let found =
        frames(&good(&[&"resolve", &report, &"--debug-dir", &place.path("debug"), &"--format", &"json"]));
    assert!(function(&found[0]).ends_with("::marker"), "{found:?}");
    bad(&[&"resolve", &report, &"--debug-dir", &place.path("none")], &[".build-id", &id]);
}

#[test]
fn another_build_is_refused() {
    let place = Place::new();
    let report = place.report("report.json", &threads(&[frame(marker_offset())], Some("00ff")));
    bad(&[&"resolve", &report, &"--binary", &own()], &["another build", "00ff", &build_id()]);
    let gmr = env!("CARGO_BIN_EXE_gmr");
    bad(&[&"resolve", &report, &"--binary", &gmr], &[gmr, "none of the report's modules"]);
}

#[test]
fn a_name_serves_where_no_build_id_is_known() {
    let place = Place::new();
    let report = place.report("report.json", &threads(&[frame(marker_offset())], None));
    let found = frames(&good(&[&"resolve", &report, &"--binary", &own(), &"--format", &"json"]));
    assert!(function(&found[0]).ends_with("::marker"), "{found:?}");
}

#[test]
fn what_is_no_object_file_is_refused() {
    let place = Place::new();
    let report = place.report("report.json", &threads(&[frame(marker_offset())], Some("00ff")));
    bad(&[&"resolve", &report, &"--binary", &report], &["report.json", "cannot be read"]);
    bad(&[&"resolve", &report, &"--binary", &place.path("none")], &["none", "No such file"]);
    misuse(&[&"resolve", &report], "--binary");
}
