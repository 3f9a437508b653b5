//! The same chains from a program built in every way that applications are built.
//!
//! Each way takes a minute or more, so it runs on request only, as `cargo xtask test-matrix` does it: `cargo test -p
//! gmr-inspect --test tasks_matrix -- --ignored`. The variable `GMR_MATRIX` names the ways, separated by commas (all by
//! default), `GMR_MATRIX_TOOLCHAIN` a toolchain other than the default one, `GMR_MATRIX_TOKIO` a version of tokio other
//! than the locked one.

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

/// A way to build: its name, the profile, more flags for the compiler, and what happens then. Each profile of
/// tests/fixtures/tasks says what it is for.
const WAYS: [(&str, &str, &str, After); 15] = [
    ("dev", "dev", "", After::Nothing),
    ("release", "release", "", After::Nothing),
    ("full", "full", "", After::Nothing),
    ("compressed", "full", "", After::Compressed),
    ("linked", "full", "", After::Linked),
    ("build-id", "full", "", After::ByBuildId),
    ("thin", "thin", "", After::Nothing),
    ("fat", "fat", "", After::Nothing),
    ("smallest", "smallest", "", After::Nothing),
    ("packed", "packed", "", After::Nothing),
    ("unpacked", "unpacked", "", After::Nothing),
    ("dwarf-5", "release", "-Cdwarf-version=5", After::Nothing),
    ("dwarf-5-packed", "packed", "-Cdwarf-version=5", After::Nothing),
    ("unstable", "release", "--cfg tokio_unstable", After::Nothing),
    ("lines", "lines", "", After::Nothing),
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

/// The fixture's folder, or a copy of it whose lock file has another tokio.
fn source(tokio: Option<&str>, beside: &Path) -> PathBuf {
    let Some(version) = tokio else { return fixture() };
    let copy = beside.join("source");
    fs::create_dir_all(copy.join("src")).unwrap();
    for file in ["Cargo.lock", "src/main.rs", "src/running.rs"] {
        fs::copy(fixture().join(file), copy.join(file)).unwrap();
    }
    // The copy lies elsewhere.
    let manifest = fs::read_to_string(fixture().join("Cargo.toml")).unwrap();
    let elsewhere = manifest
        .replace("path = \"../../", &format!("path = \"{}/tests/", gmr_test_support::root().display()));
    fs::write(copy.join("Cargo.toml"), elsewhere).unwrap();
    let mut update = cargo(None);
    update.current_dir(&copy).args(["update", "--quiet", "--package", "tokio", "--precise", version]);
    assert!(update.status().unwrap().success(), "there is no tokio {version} for it");
    copy
}

/// What the fixture shall print: a version of tokio that has other futures inside has golden files of its own.
fn golden(what: &str, tokio: Option<&str>) -> String {
    let folder = fixture().join("golden");
    let own = tokio.map(|version| folder.join(format!("{what}-tokio-{version}.txt")));
    let file = own.filter(|file| file.exists()).unwrap_or_else(|| folder.join(format!("{what}.txt")));
    fs::read_to_string(file).unwrap()
}

/// Builds the fixture, and returns its executable.
fn build(profile: &str, flags: &str, toolchain: Option<&str>, tokio: Option<&str>) -> PathBuf {
    // Beside what this test was built into.
    let own = std::env::current_exe().unwrap();
    let compiler = toolchain.unwrap_or("default");
    let name = tokio.map_or(compiler.to_owned(), |tokio| format!("{compiler}-tokio-{tokio}"));
    let beside = own.ancestors().nth(3).unwrap().join("matrix").join(name);
    let target = beside.join(flags.replace(|c: char| !c.is_alphanumeric(), ""));
    let mut cargo = cargo(toolchain);
    cargo.current_dir(source(tokio, &beside)).args(["build", "--quiet", "--locked", "--profile", profile]);
    cargo.env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", flags);
    assert!(cargo.status().unwrap().success(), "{profile} does not build");
    target.join(if profile == "dev" { "debug" } else { profile }).join("fixture")
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
#[ignore = "builds a program in many ways"]
fn chains_are_the_same_in_every_build() {
    let ways = variable("GMR_MATRIX");
    let wanted = |name: &str| ways.as_ref().is_none_or(|ways| ways.split(',').any(|way| way == name));
    let (toolchain, tokio) = (variable("GMR_MATRIX_TOOLCHAIN"), variable("GMR_MATRIX_TOKIO"));
    let mut unknown = ways.iter().flat_map(|ways| ways.split(','));
    assert_eq!(unknown.find(|name| WAYS.iter().all(|way| way.0 != *name)), None, "no such way");
    let (chains, running) = (golden("chains", tokio.as_deref()), golden("running", tokio.as_deref()));
    let mut wrong = Vec::new();
    for (name, profile, flags, after) in WAYS.iter().filter(|way| wanted(way.0)) {
        let program = build(profile, flags, toolchain.as_deref(), tokio.as_deref());
        for (argument, expected) in [("", &chains), ("one thread", &chains), ("running", &running)] {
            let mut command = prepare(program.clone(), *after);
            command.args(Some(argument).filter(|argument| !argument.is_empty()));
            let text = run(command);
            let right = match *name {
                "lines" => argument == "running" || text.starts_with("no chains: DebugInformation(NoTypes)"),
                _ => text == *expected,
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
