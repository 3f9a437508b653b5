//! Executables that are deleted, stripped, or have their debug information apart: still named, or named
//! later on.
#![cfg(target_os = "linux")]

use gmr_inspect::debug_files::{self, ObjectFile};
use gmr_inspect::symbols::{CodeOffset, Limit, Symbolizer, resolve_file};
use gmr_inspect::threads::{Method, Note, Stack, capture, capture_with};
use gmr_test_support::workload::{
    self, RUNNING, Waits, judge, patient, start, start_running, wait_until_asleep,
};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const CHILD: &str = "GMR_TEST_COPY";

/// Where copies of this program are put.
fn place(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// Whether this process is the copy.
fn is_copy() -> bool {
    std::env::var_os(CHILD).is_some()
}

fn run(program: &Path, test: &str) {
    let status = Command::new(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{test}: {status}");
}

fn objcopy(arguments: &[&str], files: &[&Path]) {
    assert!(Command::new("objcopy").args(arguments).args(files).status().unwrap().success());
}

#[test]
fn a_deleted_executable_is_unwound_and_named_all_the_same() {
    if !is_copy() {
        let copy = place("deleted").join("program");
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        return run(&copy, "a_deleted_executable_is_unwound_and_named_all_the_same");
    }
    let waits = Waits::new();
    let asleep = start(&waits, "pipe", workload::leaf_pipe);
    let running = start_running(&waits, "spin", RUNNING[0].1);
    wait_until_asleep(asleep);
    // Another program takes its place, as in an upgrade.
    let own = std::env::current_exe().unwrap();
    std::fs::remove_file(&own).unwrap();
    std::fs::copy("/proc/self/exe", own.with_extension("kept")).unwrap();
    std::fs::copy("/bin/sh", &own).unwrap();
    let found = capture(&patient());
    judge(&found, asleep, "pipe", Method::Sleeping).unwrap();
    judge(&found, running, "spin", Method::Signal).unwrap();
    std::process::exit(0);
}

#[test]
fn a_stripped_programs_stacks_are_named_by_its_debug_file() {
    let test = "a_stripped_programs_stacks_are_named_by_its_debug_file";
    if !is_copy() {
        let directory = place("stripped");
        let (whole, stripped) = (std::env::current_exe().unwrap(), directory.join("program"));
        objcopy(&["--strip-all"], &[&whole, &stripped]);
        objcopy(&["--only-keep-debug"], &[&whole, &directory.join("program.debug")]);
        return run(&stripped, test);
    }
    let waits = Waits::new();
    let id = start(&waits, "pipe", workload::leaf_pipe);
    wait_until_asleep(id);
    let mut found = capture(&patient());
    let thread = found.threads.iter_mut().find(|thread| thread.id == id).unwrap();
    let Stack::Captured { frames, .. } = &mut thread.stack else { panic!("no stack") };
    let own = std::env::current_exe().unwrap();
    let debug_file = own.with_extension("debug");
    let mut resolved = 0;
    for (number, frame) in Arc::make_mut(frames).iter_mut().enumerate() {
        let Some(module) = frame.module.clone().filter(|module| module.path == own) else { continue };
        assert!(frame.symbols.is_empty(), "stripped, and yet named: {:?}", frame.symbols);
        let offset = frame.offset.unwrap();
        let code = if number == 0 { CodeOffset::Instruction(offset) } else { CodeOffset::Return(offset) };
        let symbols = resolve_file(&debug_file, module.build_id.as_deref(), &[], &[code]).unwrap();
        frame.symbols = symbols.into_iter().next().unwrap().into();
        resolved += 1;
    }
    assert!(resolved > workload::LEVELS);
    judge(&found, id, "pipe", Method::Sleeping).unwrap();
    std::process::exit(0);
}

#[test]
fn debug_information_is_found_by_build_id_and_by_link_with_the_right_checksum_only() {
    let directory = place("apart");
    let whole = std::env::current_exe().unwrap();
    let build_id = ObjectFile::open(&whole).unwrap().build_id().unwrap();
    let (stripped, debug_file) = (directory.join("program"), directory.join("program.debug"));
    objcopy(&["--only-keep-debug", "--compress-debug-sections=zlib"], &[&whole, &debug_file]);
    objcopy(&["--strip-all"], &[&whole, &stripped]);
    assert!(debug_files::find(&ObjectFile::open(&stripped).unwrap(), &[]).is_none());

    // By build id, from a tree like the system's.
    let tree = directory.join("tree");
    let by_id = tree.join(".build-id").join(&build_id[..2]);
    std::fs::create_dir_all(&by_id).unwrap();
    std::fs::copy(&debug_file, by_id.join(format!("{}.debug", &build_id[2..]))).unwrap();
    let found =
        debug_files::find(&ObjectFile::open(&stripped).unwrap(), std::slice::from_ref(&tree)).unwrap();
    assert!(found.path().unwrap().starts_with(&tree));
    let original = ObjectFile::open(&whole).unwrap();
    for name in [".debug_info", ".debug_line", ".debug_str"] {
        let [found, original] = [&found, &original].map(|file| file.read_section(name, 1 << 30).unwrap());
        assert!(found == original, "{name} differs decompressed");
    }

    // By link, beside the program.
    let link = format!("--add-gnu-debuglink={}", debug_file.display());
    objcopy(&[&link], &[&stripped]);
    let linked = ObjectFile::open(&stripped).unwrap();
    assert_eq!(debug_files::find(&linked, &[]).unwrap().path(), Some(debug_file.as_path()));
    let mut bytes = std::fs::read(&debug_file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::remove_file(&debug_file).unwrap();
    std::fs::write(&debug_file, bytes).unwrap();
    assert!(debug_files::find(&linked, &[]).is_none(), "the checksum is wrong");
}

#[test]
fn without_time_for_names_there_are_modules_and_offsets_and_the_names_come_later() {
    let options = patient().with_symbol_deadline(Duration::ZERO);
    let mut symbolizer = Symbolizer::new(options.symbol_budget_bytes);
    let found = capture_with(&options, &mut symbolizer);
    let thread = found.threads.iter().find(|thread| thread.id == workload::gettid()).unwrap();
    let Stack::Captured { frames, .. } = &thread.stack else { panic!("{}", workload::print(thread)) };
    assert!(frames.iter().all(|frame| frame.symbols.is_empty() && frame.offset.is_some()));
    let is_late = |note: &Note| matches!(note, Note::Symbols(note) if matches!(note.limit, Limit::OutOfTime { addresses: 1.. }));
    assert!(found.notes.iter().any(is_late), "{:?}", found.notes);
    // What there was no time for is not taken for unknown.
    let found = capture_with(&patient(), &mut symbolizer);
    let thread = found.threads.iter().find(|thread| thread.id == workload::gettid()).unwrap();
    let Stack::Captured { frames, .. } = &thread.stack else { panic!("{}", workload::print(thread)) };
    let mut names = frames.iter().flat_map(|frame| frame.symbols.iter()).map(|symbol| &symbol.function);
    assert!(names.any(|name| name.contains("without_time_for_names")), "{}", workload::print(thread));
    assert!(found.notes.is_empty(), "{:?}", found.notes);
}

#[test]
fn debug_information_above_the_budget_is_left_alone_and_said_so() {
    let snapshot = gmr_inspect::modules::snapshot();
    let address = workload::start as *const () as u64;
    let module = snapshot.find(address).unwrap();
    let mut symbolizer = Symbolizer::new(1000);
    let found = symbolizer.resolve(module, &[CodeOffset::Instruction(address - module.bias)]);
    assert!(found[0][0].function.ends_with("workload::start"), "{found:?}");
    assert_eq!(found[0][0].line, None);
    let notes = symbolizer.take_notes();
    let is_large = |limit: &Limit| matches!(limit, Limit::TooLarge { bytes: 1001.., budget_bytes: 1000 });
    assert!(notes.len() == 1 && is_large(&notes[0].limit), "{notes:?}");
    assert_eq!(notes[0].module, module.name);
    let found = capture(&patient().with_symbol_budget_bytes(1000));
    let is_large = |note: &Note| matches!(note, Note::Symbols(note) if is_large(&note.limit));
    assert!(found.notes.iter().any(is_large), "{:?}", found.notes);
}
