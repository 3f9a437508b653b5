//! What the doctor says of executables with and without types.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gmr_inspect::debug_files::ObjectFile;
use gmr_inspect::modules;
use gmr_inspect::symbols::{CodeOffset, resolve_file};
use gmr_inspect::tasks::{Advice, DebugInformationFault, Finding, Level, Reason, Track, doctor};

#[test]
fn this_test_shows_everything() {
    // The canary and tokio's types are in only if something uses them.
    drop(std::future::ready(1).tracked("used"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    drop(gmr_inspect::tasks::look(&[runtime.handle().clone()], &gmr_inspect::tasks::Options::default()));

    let own = doctor(std::env::current_exe().unwrap()).unwrap();
    assert_eq!((own.threads.level, own.tasks.level), (Level::Full, Level::Full), "{own:#?}");
    assert_eq!((own.threads.advice, own.tasks.advice), (vec![], vec![]));
}

#[test]
fn an_executable_without_types_gets_advice() {
    let cargo = std::env::var_os("CARGO").expect("the tests are run by cargo");
    let other = doctor(Path::new(&cargo)).unwrap();
    assert_eq!(other.tasks.level, Level::Least, "{other:#?}");
    assert_eq!(other.tasks.advice, [Advice::Types]);
    assert!(matches!(other.tasks.findings[..], [.., Finding::NoChains(_)]), "{other:#?}");
}

#[test]
fn what_is_no_executable_is_refused_with_its_path() {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    for path in [Path::new("/no/such/file"), &text] {
        let Err(Reason::DebugInformation(DebugInformationFault::NotOpened { path: named, .. })) =
            doctor(path)
        else {
            panic!("{} was read", path.display());
        };
        assert_eq!(&*named, path);
    }
}

fn objcopy(arguments: &[&str], files: &[&Path]) {
    assert!(Command::new("objcopy").args(arguments).args(files).status().unwrap().success());
}

#[test]
fn a_stripped_executable_shows_everything_by_its_own_debug_file_only() {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("doctor");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    let (whole, stripped) = (std::env::current_exe().unwrap(), directory.join("program"));
    let debug_file = directory.join("program.debug");
    objcopy(&["--only-keep-debug"], &[&whole, &debug_file]);
    let link = format!("--add-gnu-debuglink={}", debug_file.display());
    objcopy(&["--strip-all", &link], &[&whole, &stripped]);

    let found = doctor(&stripped).unwrap();
    assert_eq!((found.threads.level, found.tasks.level), (Level::Full, Level::Full), "{found:#?}");
    let place = Finding::DebugInformationIn(debug_file.clone());
    assert!(found.tasks.findings.contains(&place), "{found:#?}");

    // Of another build: its checksum is not the one that the link demands.
    objcopy(&["--only-keep-debug", "--remove-section=.comment"], &[&whole, &debug_file]);
    assert_eq!(doctor(&stripped).unwrap().tasks.level, Level::Least);
}

#[test]
fn compressed_debug_information_says_the_same_and_costs_its_whole_size() {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("doctor-compressed");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    let whole = std::env::current_exe().unwrap();
    let plain = doctor(&whole).unwrap();
    let size = ObjectFile::open(&whole).unwrap().debug_info_bytes();
    let here = modules::snapshot();
    let address = objcopy as *const () as u64;
    let code = [CodeOffset::Instruction(address - here.find(address).unwrap().bias)];
    let names = resolve_file(&whole, None, &[], &code).unwrap();
    assert!(names[0].last().unwrap().line.is_some(), "{names:?}");

    for kind in ["zlib", "zstd"] {
        let path = directory.join(kind);
        let compress = format!("--compress-debug-sections={kind}");
        if !Command::new("objcopy").arg(&compress).args([&whole, &path]).status().unwrap().success() {
            gmr_test_support::skip("objcopy does not know this kind of compression");
            continue;
        }
        let found = doctor(&path).unwrap();
        assert!(found.tasks.findings.contains(&Finding::Compressed), "{kind}: {found:#?}");
        assert_eq!(
            (found.tasks.level, found.threads.level),
            (plain.tasks.level, plain.threads.level),
            "{kind}"
        );
        assert_eq!(resolve_file(&path, None, &[], &code).unwrap(), names, "{kind}");
        // Its types, strings and lines are most of it; other sections are not read, and so not decompressed.
        let [now, before] = [found.memory, plain.memory];
        for (now, before) in [(now.chains, before.chains), (now.lines, before.lines)] {
            let more = now.private_bytes - before.private_bytes;
            assert!(more > size / 2 && more < size + (16 << 20), "{kind}: {more} of {size}");
            assert!(now.mapped_bytes < before.mapped_bytes, "{kind}");
        }
    }
}
