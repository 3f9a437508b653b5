//! Rules of the source tree that neither the compiler nor clippy knows. Each failure names the file and what to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gmr_test_support::root;
use serde_json::Value;

/// What is built, fetched or generated.
const NOT_SOURCE: [&str; 3] = ["target", "node_modules", ".git"];

/// The files below a folder of the project whose names end so, as paths from its top. Links are not followed.
fn files(ending: &str) -> Vec<PathBuf> {
    fn add(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (name, kind) = (entry.file_name().into_string().unwrap(), entry.file_type().unwrap());
            if kind.is_dir() && !NOT_SOURCE.iter().any(|other| name.starts_with(other)) {
                add(&entry.path(), ending, found);
            } else if kind.is_file() && name.ends_with(ending) {
                found.push(entry.path().strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    add(&root(), ending, &mut found);
    assert!(found.len() > 5, "the tree is not where this test looks for it: {found:?}");
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fails with what is wrong with each file, if anything is.
fn check(files: Vec<PathBuf>, wrong: impl Fn(&Path, &str) -> Option<String>) {
    let wrong: Vec<String> = files
        .iter()
        .filter_map(|path| wrong(path, &read(path)).map(|wrong| format!("{}: {wrong}", path.display())))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn is_within(path: &Path, folders: &[&str]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

/// The lines of a file that are code, numbered from 1.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_start()));
    lines.filter(|(_, line)| !line.starts_with("//"))
}

#[test]
fn unsafe_code_has_one_home() {
    // Threads and programs to look at block and fault on purpose; bindings are generated.
    let homes = ["host/inspect", "tests/support", "tests/fixtures", "plugins/sdk/src/bindings.rs"];
    // Loads compiled plugins, and allows what wasmtime generates for the interface.
    let exceptions = ["compiled.rs", "bindings.rs"];
    check(files(".rs"), |path, text| {
        let is_exception = is_within(path, &["host/gmr/src/plugin"])
            && exceptions.iter().any(|exception| path.ends_with(exception));
        if is_within(path, &homes) || is_exception || path.ends_with("tests/tests/tidy.rs") {
            return None;
        }
        let has = |line: &str| {
            line.split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| word == "unsafe" || word == "unsafe_code")
        };
        let (line, _) = code(text).find(|(_, line)| has(line))?;
        Some(format!("line {line}: unsafe code belongs into host/inspect"))
    });
}

#[test]
fn no_package_takes_in_files_of_another() {
    let packages: Vec<PathBuf> =
        files("Cargo.toml").into_iter().map(|manifest| manifest.parent().unwrap().to_owned()).collect();
    let package = |path: &Path| {
        packages
            .iter()
            .filter(|package| path.starts_with(package))
            .max_by_key(|package| package.as_os_str().len())
    };
    check(files(".rs"), |path, text| {
        // The same sources, with a model checker's atomics in place of the standard library's.
        if is_within(path, &["tests/fixtures/interleavings"]) {
            return None;
        }
        for (line, code) in code(text) {
            let Some((_, rest)) = code.split_once("#[path = \"") else { continue };
            let taken = path.parent().unwrap().join(rest.split('"').next().unwrap());
            if package(&normal(&taken)) != package(path) {
                return Some(format!("line {line}: what packages share is a package, as tests/support is"));
            }
        }
        None
    });
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        if part.as_os_str() == ".." {
            normal.pop();
        } else {
            normal.push(part);
        }
    }
    normal
}

#[test]
fn dependencies_point_down_only() {
    // What each package must not depend on; its tests may.
    let forbidden = [
        ("host/report/Cargo.toml", &["gmr", "gmr-inspect", "gmr-cli", "libc", "rustix", "tokio"][..]),
        ("host/inspect/Cargo.toml", &["gmr", "gmr-report", "gmr-cli"]),
        ("host/gmr/Cargo.toml", &["gmr-cli"]),
    ];
    for (manifest, forbidden) in forbidden {
        let text = read(manifest.as_ref());
        let dependencies = text.split("[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
        let names = dependencies.lines().filter_map(|line| line.split([' ', '.']).next());
        for name in names {
            assert!(!forbidden.contains(&name), "{manifest}: {name} is above it, or not for it to use");
        }
    }
}

#[test]
fn long_files_say_why_they_are() {
    const LONGEST: usize = 400;
    check(files(".rs"), |_, text| {
        let header: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let lines = text.lines().count();
        (lines > LONGEST && !header.contains("long file"))
            .then(|| format!("{lines} lines: cut it, or say in its first comment why it is one long file"))
    });
}

#[test]
fn the_interface_stands_in_one_place() {
    // The guests' folder holds packages of its own: parts of WASI, and what no host has.
    check(files(".wit"), |path, _| {
        (!is_within(path, &["wit", "tests/guests/wit"]))
            .then(|| "a copy of the interface: make it a link into wit/".to_owned())
    });
}

#[test]
fn every_guest_is_named_by_a_test() {
    let sources: Vec<String> = files(".rs").iter().map(|path| read(path)).collect();
    check(files(".wat"), |path, _| {
        let name = format!("\"{}\"", path.file_stem().unwrap().to_str().unwrap());
        let is_named = sources.iter().any(|source| source.contains(&name));
        (!is_named).then(|| "no test names it: test what it does, or remove it".to_owned())
    });
}

#[test]
fn versions_are_named_alike() {
    // The text from `before` to the next quotation mark.
    let quoted = |file: &str, before: &str| {
        let text = read(file.as_ref());
        let found = text.split_once(before).and_then(|(_, rest)| rest.split_once('"'));
        found.unwrap_or_else(|| panic!("{file} has no `{before}`")).0.to_owned()
    };
    let rust = quoted("Cargo.toml", "rust-version = \"");
    let tokio = quoted("Cargo.toml", "\ntokio = { version = \"");
    let matrix = |name: &str| quoted("plugins/xtask/src/matrix.rs", &format!("const {name}: &str = \""));
    let newest_rust = matrix("NEWEST");
    assert_eq!(quoted("plugins/Cargo.toml", "rust-version = \""), rust);
    assert_eq!([matrix("OLDEST"), matrix("OLDEST_TOKIO")], [format!("{rust}.0"), format!("{tokio}.0")]);

    let tested_rust = format!("Rust {rust}, {newest_rust} and");
    let tested_tokio = format!("tokio {tokio}.0,");
    let sentences = [
        ("README.md", format!("stable Rust ({rust} or newer)")),
        ("README.md", format!("tokio may be {tokio} or newer")),
        ("README.md", tested_rust.clone()),
        ("README.md", tested_tokio.clone()),
        ("CONTRIBUTING.md", format!("stable Rust ({rust} or newer)")),
        ("CHANGELOG.md", format!("tokio {tokio} or newer")),
        ("host/inspect/src/tasks/mod.rs", format!("# Which tokio Version {tokio} or newer")),
        ("host/inspect/src/tasks/mod.rs", tested_rust),
        ("host/inspect/src/tasks/mod.rs", tested_tokio),
        ("host/inspect/src/tasks/tokio/mod.rs", format!("tokio may be {tokio} or newer")),
    ];
    for (file, sentence) in sentences {
        assert_says(file, &sentence);
    }
}

/// A sentence, wherever a line ends.
fn assert_says(file: &str, sentence: &str) {
    let text = read(file.as_ref()).replace("//!", " ");
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.join(" ").contains(sentence), "{file} does not say: {sentence}");
}

#[test]
fn plugins_need_the_tokio_that_the_wasm_engine_asks_for() {
    let mut cargo = Command::new("cargo");
    // Of this platform alone: packages of others may not be here.
    cargo.args(["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform=host-tuple"]);
    let output = cargo.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let named = |list: &Value, name: &str| {
        let entry = list.as_array().unwrap().iter().find(|entry| entry["name"] == name);
        entry.unwrap_or_else(|| panic!("no {name}")).clone()
    };
    let asked = named(&named(&metadata["packages"], "wasmtime-wasi")["dependencies"], "tokio");
    let oldest = asked["req"].as_str().unwrap().trim_start_matches('^').to_owned();
    assert_says("README.md", &format!("with plugins {oldest} or newer"));
    assert_says("CHANGELOG.md", &format!("{oldest} with plugins"));
}
