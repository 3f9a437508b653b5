//! The same chains from a program built in every way that applications are built.
//!
//! Each way takes a minute or more, so it runs on request only, as `cargo xtask matrix` does it: `cargo test -p
//! gmr-inspect --test tasks_matrix -- --ignored`. The variable `GMR_MATRIX` names the ways, separated by commas (all by
//! default), `GMR_MATRIX_TOOLCHAIN` a toolchain other than the default one, `GMR_MATRIX_TOKIO` a version of tokio other
//! than the locked one, of which the fixture has a lock file.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is done with the executable after it was linked.
#[derive(Clone, Copy, PartialEq)]
enum After {
    Nothing,
    /// Its debug sections are compressed.
    Compressed,
    /// They are in a file beside it, which it links to.
    Linked,
    /// They are below `/usr/lib/debug`, by build id.
    ByBuildId,
}

/// The programs of tests/fixtures/tasks.
#[derive(Clone, Copy, PartialEq)]
enum Program {
    /// Prints the chains as gmr-inspect has them.
    Fixture,
    /// Prints the shapes' lines in a report of gmr.
    Report,
    /// Prints the chain of a task that awaits in a destructor, which only a nightly compiler builds.
    AsyncDrop,
}

/// A way to build: its name, what, the profile, more flags for the compiler, and what happens then. Each profile of
/// tests/fixtures/tasks says what it is for.
const WAYS: [(&str, Program, &str, &str, After); 18] = [
    ("dev", Program::Fixture, "dev", "", After::Nothing),
    ("release", Program::Fixture, "release", "", After::Nothing),
    ("full", Program::Fixture, "full", "", After::Nothing),
    ("compressed", Program::Fixture, "full", "", After::Compressed),
    ("linked", Program::Fixture, "full", "", After::Linked),
    ("build-id", Program::Fixture, "full", "", After::ByBuildId),
    ("thin", Program::Fixture, "thin", "", After::Nothing),
    ("fat", Program::Fixture, "fat", "", After::Nothing),
    ("smallest", Program::Fixture, "smallest", "", After::Nothing),
    ("packed", Program::Fixture, "packed", "", After::Nothing),
    ("unpacked", Program::Fixture, "unpacked", "", After::Nothing),
    ("dwarf-5", Program::Fixture, "release", "-Cdwarf-version=5", After::Nothing),
    ("dwarf-5-packed", Program::Fixture, "packed", "-Cdwarf-version=5", After::Nothing),
    ("unstable", Program::Fixture, "release", "--cfg tokio_unstable", After::Nothing),
    ("lines", Program::Fixture, "lines", "", After::Nothing),
    ("report", Program::Report, "dev", "", After::Nothing),
    ("report-release", Program::Report, "release", "", After::Nothing),
    ("async-drop", Program::AsyncDrop, "dev", "", After::Nothing),
];

fn fixture() -> PathBuf {
    gmr_test_support::fixture("tasks")
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn cargo(toolchain: Option<&str>) -> Command {
    let mut cargo = Command::new("cargo");
    if let Some(toolchain) = toolchain {
        cargo.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    // As the outer cargo has it, it would be this one's.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

/// The fixture's files, and what leads from each manifest to the folder `tests`.
const FILES: [(&str, &str); 7] = [
    ("Cargo.toml", "../../"),
    ("src/main.rs", ""),
    ("src/running.rs", ""),
    ("report/Cargo.toml", "../../../"),
    ("report/src/main.rs", ""),
    ("async-drop/Cargo.toml", "../../../"),
    ("async-drop/src/main.rs", ""),
];

/// The fixture's folder, or a copy of it whose lock file has another tokio.
fn source(tokio: Option<&str>, beside: &Path) -> PathBuf {
    let Some(version) = tokio else { return fixture() };
    let copy = beside.join(format!("tokio-{version}"));
    for (file, to_tests) in FILES {
        fs::create_dir_all(copy.join(file).parent().unwrap()).unwrap();
        let mut text = fs::read_to_string(fixture().join(file)).unwrap();
        if !to_tests.is_empty() {
            // The copy lies elsewhere.
            let tests = format!("path = \"{}/tests/", gmr_test_support::root().display());
            text = text.replace(&format!("path = \"{to_tests}"), &tests);
        }
        renew(&copy.join(file), &text);
    }
    let lock = fixture().join(format!("locks/tokio-{version}.lock"));
    let lock = fs::read_to_string(&lock)
        .unwrap_or_else(|error| panic!("{}: {error}; `cargo xtask matrix --lock` makes it", lock.display()));
    renew(&copy.join("Cargo.lock"), &lock);
    copy
}

/// Writes a file whose text is another one: what has not changed is not built again.
fn renew(file: &Path, text: &str) {
    if fs::read_to_string(file).ok().as_deref() != Some(text) {
        fs::write(file, text).unwrap();
    }
}

/// A version's numbers, to compare it.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|number| number.parse().unwrap()).collect()
}

/// What a program shall print. Where older versions of tokio have other futures inside, a golden file says up to which.
fn golden(what: &str, tokio: Option<&str>) -> String {
    let folder = fixture().join("golden");
    let prefix = format!("{what}-up-to-tokio-");
    let entries =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let up_to = entries.filter_map(|name| Some(numbers(name.strip_prefix(&prefix)?.strip_suffix(".txt")?)));
    let own = tokio.and_then(|tokio| up_to.filter(|last| *last >= numbers(tokio)).min());
    let name = own.map_or_else(
        || format!("{what}.txt"),
        |last| {
            let last: Vec<String> = last.iter().map(u32::to_string).collect();
            format!("{prefix}{}.txt", last.join("."))
        },
    );
    fs::read_to_string(folder.join(name)).unwrap()
}

/// Builds a program, and returns its executable. All versions of tokio share what does not depend on it.
fn build(
    program: Program,
    profile: &str,
    flags: &str,
    toolchain: Option<&str>,
    tokio: Option<&str>,
) -> PathBuf {
    let beside = beside(toolchain);
    let target = beside.join(flags.replace(|c: char| !c.is_alphanumeric(), ""));
    let name = match program {
        Program::Fixture => "fixture",
        Program::Report => "report",
        Program::AsyncDrop => "async-drop",
    };
    let mut cargo = cargo(toolchain);
    cargo.current_dir(source(tokio, &beside));
    cargo.args(["build", "--quiet", "--locked", "--profile", profile, "--package", name]);
    // Nothing is edited between two builds, and what is kept for that would take most of the room on the disk.
    cargo.env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", flags).env("CARGO_INCREMENTAL", "0");
    assert!(cargo.status().unwrap().success(), "{name} does not build: {profile} {flags}");
    target.join(if profile == "dev" { "debug" } else { profile }).join(name)
}

/// The folder for what a compiler builds, beside what this test was built into.
fn beside(toolchain: Option<&str>) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.ancestors().nth(3).unwrap().join("matrix").join(toolchain.unwrap_or("default"))
}

fn objcopy(arguments: &[&str], files: &[&Path]) {
    assert!(Command::new("objcopy").args(arguments).args(files).status().unwrap().success());
}

/// How the program is started after its debug information was moved.
fn prepare(program: PathBuf, after: After) -> Command {
    if after == After::Nothing {
        return Command::new(program);
    }
    let directory = program.with_extension(format!("{}", after as u8));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    let (moved, debug_file) = (directory.join("fixture"), directory.join("fixture.debug"));
    if after == After::Compressed {
        objcopy(&["--compress-debug-sections=zlib"], &[&program, &moved]);
        return Command::new(moved);
    }
    objcopy(&["--only-keep-debug"], &[&program, &debug_file]);
    if after == After::Linked {
        let link = format!("--add-gnu-debuglink={}", debug_file.display());
        objcopy(&["--strip-all", &link], &[&program, &moved]);
        return Command::new(moved);
    }
    objcopy(&["--strip-all"], &[&program, &moved]);
    let build_id = gmr_inspect::debug_files::ObjectFile::open(&moved).unwrap().build_id().unwrap();
    let (first, rest) = build_id.split_at(2);
    let place = directory.join("debug/.build-id").join(first);
    fs::create_dir_all(&place).unwrap();
    fs::rename(&debug_file, place.join(format!("{rest}.debug"))).unwrap();
    // In a view of the file system of its own, the folder stands where the system has its debug files.
    let mut inside = Command::new("unshare");
    let script = "mount --bind \"$1\" /usr/lib/debug && shift && exec \"$@\"";
    inside.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    inside.arg(directory.join("debug")).arg(moved);
    inside
}

fn run(mut program: Command) -> String {
    let output = program.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "builds programs in many ways"]
fn chains_are_the_same_in_every_build() {
    let ways = variable("GMR_MATRIX");
    let named = |name: &str| ways.as_ref().map(|ways| ways.split(',').any(|way| way == name));
    let (toolchain, tokio) = (variable("GMR_MATRIX_TOOLCHAIN"), variable("GMR_MATRIX_TOKIO"));
    let (toolchain, tokio) = (toolchain.as_deref(), tokio.as_deref());
    let mut unknown = ways.iter().flat_map(|ways| ways.split(','));
    assert_eq!(unknown.find(|name| WAYS.iter().all(|way| way.0 != *name)), None, "no such way");
    let (chains, running) = (golden("chains", tokio), golden("running", tokio));
    let (report, async_drop) = (golden("report", tokio), golden("async-drop", tokio));
    let mut wrong = Vec::new();
    for (name, program, profile, flags, after) in &WAYS {
        if !named(name).unwrap_or(*program != Program::AsyncDrop) {
            continue;
        }
        let built = build(*program, profile, flags, toolchain, tokio);
        let runs = match program {
            Program::Fixture => &[("", &chains), ("one thread", &chains), ("running", &running)][..],
            Program::Report => &[("", &report)],
            Program::AsyncDrop => &[("", &async_drop)],
        };
        for (argument, expected) in runs {
            let mut command = prepare(built.clone(), *after);
            command.args(Some(argument).filter(|argument| !argument.is_empty()));
            let text = run(command);
            let right = match *name {
                "lines" => *argument == "running" || text.starts_with("no chains: DebugInformation(NoTypes)"),
                _ => text == **expected,
            };
            if !right {
                wrong.push(format!("{name} {argument}:\n{}", difference(expected, &text)));
            }
        }
        println!("{name}: done");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The lines that only one of them has.
fn difference(expected: &str, text: &str) -> String {
    let only = |one: &str, other: &str, mark: char| -> Vec<String> {
        one.lines()
            .filter(|line| !other.lines().any(|same| same == *line))
            .map(|line| format!("{mark} {line}"))
            .collect()
    };
    let lines = [only(expected, text, '-'), only(text, expected, '+')].concat();
    if lines.is_empty() { text.to_owned() } else { lines.join("\n") }
}
