//! `cargo xtask matrix`: chains of awaits, stacks and reports of programs that are built in the ways in which applications
//! are built, with the compilers and the versions of tokio that they are built with.
//!
//! Not all ways with all compilers and all versions of tokio, which would be a day for little: every way with the default
//! compiler and the locked tokio, and with the others those that differ by what they change. [`CELLS`] is the table.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::command::{Step, announce};
use crate::project;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only cells of this compiler, which may be one that has no cell: it is tested as the nightly one is then
    #[arg(long, value_name = "TOOLCHAIN")]
    compiler: Option<String>,
    /// Only cells of this version of tokio; `locked` is the newest
    #[arg(long, value_name = "VERSION")]
    tokio: Option<String>,
    /// Only print the table
    #[arg(long)]
    list: bool,
    /// Make the lock files of all versions of tokio anew, from the fixture's own
    #[arg(long)]
    lock: bool,
}

/// A compiler and a tokio, and the ways in which programs are built with them (`host/inspect/tests/tasks_matrix.rs`).
struct Cell {
    /// As rustup names it.
    compiler: &'static str,
    tokio: &'static str,
    /// In every test of the project, which has minutes for all of them together; none if empty.
    always: &'static str,
    /// By `cargo xtask matrix`.
    ways: &'static str,
}

const fn cell(compiler: &'static str, tokio: &'static str, always: &'static str, ways: &'static str) -> Cell {
    Cell { compiler, tokio, always, ways }
}

/// What the project is developed with.
const DEFAULT: &str = "default";
/// The manifests' `rust-version`.
const OLDEST: &str = "1.95.0";
/// The newest stable one when this was written. Since 1.97 symbols are mangled by v0 unless one asks for the other.
const NEWEST: &str = "1.99.1";
/// What the stable ones will be like; to be run weekly, by `cargo xtask matrix --compiler nightly`.
const NIGHTLY: &str = "nightly";

/// That of the fixture's own lock file: the newest one when it was made.
const LOCKED: &str = "locked";
/// What the manifests ask for at the least, and the README promises.
const OLDEST_TOKIO: &str = "1.28.0";

const ALL_WAYS: &str = "";
/// Ways that differ by the compiler: how code is generated, how debug information is laid out.
const OF_COMPILERS: &str = "dev,release,fat,smallest,packed,unpacked,dwarf-5,unstable,report,report-release";
const OF_NIGHTLY: &str =
    "dev,release,fat,smallest,packed,unpacked,dwarf-5,unstable,report,report-release,async-drop";
/// Ways that differ by tokio: its code with types and without, inlined and not.
const OF_TOKIOS: &str = "dev,release,full,fat,report,report-release";
/// Of a tokio between those that differ most.
const BETWEEN: &str = "dev,report";

/// All that is tested: chains in every cell, and stacks and a service under load with each compiler. Of tokio the last
/// patch of each minor version since 1.38, where its figures begin, and first ones that people stayed with; 1.47 and 1.51
/// are supported for long.
#[rustfmt::skip]
const CELLS: &[Cell] = &[
    //   compiler, tokio,        always,           ways
    cell(DEFAULT,  LOCKED,       "release,report", ALL_WAYS),
    cell(DEFAULT,  OLDEST_TOKIO, "report",         OF_TOKIOS),
    cell(DEFAULT,  "1.38.2",     "",               BETWEEN),
    cell(DEFAULT,  "1.39.3",     "",               BETWEEN),
    cell(DEFAULT,  "1.40.0",     "",               BETWEEN),
    cell(DEFAULT,  "1.41.1",     "",               BETWEEN),
    cell(DEFAULT,  "1.42.1",     "",               BETWEEN),
    cell(DEFAULT,  "1.43.4",     "",               BETWEEN),
    cell(DEFAULT,  "1.44.2",     "",               BETWEEN),
    cell(DEFAULT,  "1.45.1",     "",               BETWEEN),
    cell(DEFAULT,  "1.46.1",     "",               BETWEEN),
    cell(DEFAULT,  "1.47.5",     "report",         OF_TOKIOS),
    cell(DEFAULT,  "1.48.0",     "",               BETWEEN),
    cell(DEFAULT,  "1.49.0",     "",               BETWEEN),
    cell(DEFAULT,  "1.50.0",     "",               BETWEEN),
    cell(DEFAULT,  "1.51.6",     "",               OF_TOKIOS),
    cell(DEFAULT,  "1.52.0",     "",               BETWEEN),
    cell(DEFAULT,  "1.52.4",     "",               BETWEEN),
    cell(DEFAULT,  "1.53.3",     "",               BETWEEN),
    cell(DEFAULT,  "1.54.0",     "",               BETWEEN),
    cell(OLDEST,   LOCKED,       "",               OF_COMPILERS),
    cell(NEWEST,   LOCKED,       "",               OF_COMPILERS),
    cell(NEWEST,   OLDEST_TOKIO, "",               BETWEEN),
    cell(NIGHTLY,  LOCKED,       "",               OF_NIGHTLY),
];

pub fn run(arguments: &Arguments) -> Result<()> {
    if arguments.list {
        return list();
    }
    if arguments.lock {
        return lock();
    }
    let (cells, compilers) = chosen(arguments)?;
    let mut failed = Vec::new();
    let mut pass = |name: String, result: Result<()>| match result {
        Ok(()) => announce(format_args!("{name}: right")),
        Err(error) => {
            announce(format_args!("{name}: {error:#}"));
            failed.push(name);
        }
    };
    let mut absent = Vec::new();
    for compiler in compilers {
        let Some(version) = version(&compiler) else {
            ensure!(arguments.compiler.is_none(), "`rustup toolchain install {compiler}` installs it");
            absent.push(compiler);
            continue;
        };
        // A name such as `nightly` may be that of last year's.
        announce(format_args!("compiler {compiler} is {version}"));
        for (cell, _) in cells.iter().filter(|(_, own)| *own == compiler) {
            let name = format!("chains, compiler {compiler}, tokio {}", cell.tokio);
            pass(name, chains(cell.ways, &compiler, cell.tokio));
        }
        if arguments.tokio.is_none() {
            pass(format!("a service under load, compiler {compiler}"), ignored("tasks_service", &compiler));
            pass(format!("stacks, compiler {compiler}"), ignored("threads_builds", &compiler));
        }
    }
    for compiler in absent {
        announce(format_args!("not tested: {compiler}; `rustup toolchain install {compiler}` installs it"));
    }
    ensure!(failed.is_empty(), "not right: {}", failed.join("; "));
    Ok(())
}

/// A toolchain, as rustup names it.
type Compiler = String;

/// A cell, and the compiler that it is tested with.
type Chosen = (&'static Cell, Compiler);

/// The cells that are meant, and all compilers of them.
fn chosen(arguments: &Arguments) -> Result<(Vec<Chosen>, Vec<Compiler>)> {
    let is_meant = |cell: &&Cell| arguments.tokio.as_deref().is_none_or(|tokio| tokio == cell.tokio);
    let of = |compiler: &str, tested: &str| {
        let cells = CELLS.iter().filter(is_meant).filter(|cell| cell.compiler == compiler);
        cells.map(|cell| (cell, tested.to_owned())).collect::<Vec<_>>()
    };
    let cells = match arguments.compiler.as_deref() {
        None => CELLS.iter().filter(is_meant).map(|cell| (cell, cell.compiler.to_owned())).collect(),
        Some(compiler) if CELLS.iter().any(|cell| cell.compiler == compiler) => of(compiler, compiler),
        Some(compiler) if compiler.starts_with(NIGHTLY) => of(NIGHTLY, compiler),
        Some(compiler) => of(NEWEST, compiler),
    };
    ensure!(!cells.is_empty(), "the table has no such cell; `cargo xtask matrix --list` prints it");
    let mut compilers: Vec<String> = cells.iter().map(|(_, compiler)| compiler.clone()).collect();
    compilers.dedup();
    Ok((cells, compilers))
}

/// What every test of the project has time for.
pub fn always() -> Result<()> {
    CELLS
        .iter()
        .filter(|cell| !cell.always.is_empty())
        .try_for_each(|cell| chains(cell.always, cell.compiler, cell.tokio))
}

fn list() -> Result<()> {
    println!("{:9} {:8} {:15} ways", "compiler", "tokio", "in every test");
    for Cell { compiler, tokio, always, ways } in CELLS {
        let ways = if *ways == ALL_WAYS { "all" } else { ways };
        println!("{compiler:9} {tokio:8} {always:15} {ways}");
    }
    Ok(())
}

/// The fixture's own lock file, with another tokio each time.
fn lock() -> Result<()> {
    let folder = project::root().join("tests/fixtures/tasks");
    let file = folder.join("Cargo.lock");
    let own = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut others: Vec<&str> =
        CELLS.iter().map(|cell| cell.tokio).filter(|tokio| *tokio != LOCKED).collect();
    others.sort_unstable();
    others.dedup();
    let make = |tokio: &str| {
        Step::new("cargo")
            .args(["update", "--quiet", "--package", "tokio", "--precise", tokio])
            .within(&folder)
            .run()?;
        fs::copy(&file, lock_file(tokio)).with_context(|| format!("cannot write that of tokio {tokio}"))?;
        fs::write(&file, &own).with_context(|| format!("cannot write {}", file.display()))
    };
    let made = others.into_iter().try_for_each(make);
    fs::write(&file, &own).with_context(|| format!("cannot write {}", file.display()))?;
    made
}

/// The fixture's lock file with that tokio.
fn lock_file(tokio: &str) -> PathBuf {
    project::root().join(format!("tests/fixtures/tasks/locks/tokio-{tokio}.lock"))
}

/// What an installed compiler says that it is, with its date.
fn version(compiler: &str) -> Option<String> {
    let version = if compiler == DEFAULT {
        Step::new("rustc").arg("--version").within(&project::root()).read()
    } else {
        Step::new("rustup").args(["run", compiler, "rustc", "--version"]).read()
    };
    version.ok().map(|version| version.trim_end().to_owned())
}

/// Chains from programs built in these ways, all of them if none is named.
fn chains(ways: &str, compiler: &str, tokio: &str) -> Result<()> {
    let tokio = if tokio == LOCKED { "" } else { tokio };
    test("tasks_matrix", compiler).env("GMR_MATRIX", ways).env("GMR_MATRIX_TOKIO", tokio).run()
}

fn ignored(name: &str, compiler: &str) -> Result<()> {
    test(name, compiler).run()
}

/// A test that builds programs with that compiler; it itself is built with the default one.
fn test(name: &str, compiler: &str) -> Step {
    let compiler = if compiler == DEFAULT { "" } else { compiler };
    Step::new("cargo")
        .args(["test", "--package", "gmr-inspect", "--test", name, "--", "--ignored", "--nocapture"])
        .env("GMR_MATRIX_TOOLCHAIN", compiler)
        .within(&project::root())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_is_a_lock_file_for_each_tokio_and_no_other() {
        let folder = lock_file("").with_file_name("");
        let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let others = CELLS.iter().map(|cell| cell.tokio).filter(|tokio| *tokio != LOCKED);
        assert_eq!(names.collect::<BTreeSet<_>>(), others.map(lock_file).collect::<BTreeSet<_>>());
    }

    #[test]
    fn a_lock_file_differs_from_the_fixtures_in_tokio_alone() {
        // A package whose version is locked anew in one of them would be tested in another version there.
        let of_project = |text: &str| {
            let packages = text.split("[[package]]").filter(|package| !package.contains("source = "));
            packages.map(str::to_owned).collect::<BTreeSet<_>>()
        };
        let own = fs::read_to_string(lock_file("").with_file_name("../Cargo.lock")).unwrap();
        for tokio in CELLS.iter().map(|cell| cell.tokio).filter(|tokio| *tokio != LOCKED) {
            let other = fs::read_to_string(lock_file(tokio)).unwrap();
            assert!(other.contains(&format!("name = \"tokio\"\nversion = \"{tokio}\"\n")), "{tokio}");
            assert_eq!(
                of_project(&other),
                of_project(&own),
                "{tokio}: `cargo xtask matrix --lock` renews it"
            );
        }
    }

    #[test]
    fn another_compiler_is_tested_as_the_one_like_it() {
        let of = |compiler: &str| {
            let arguments = Arguments {
                compiler: Some(compiler.to_owned()),
                tokio: Some(LOCKED.to_owned()),
                list: false,
                lock: false,
            };
            chosen(&arguments).map(|(cells, compilers)| (cells[0].0.compiler, compilers))
        };
        assert_eq!(of("nightly-2026-10-30").unwrap(), (NIGHTLY, vec!["nightly-2026-10-30".to_owned()]));
        assert_eq!(of("1.100.0").unwrap(), (NEWEST, vec!["1.100.0".to_owned()]));
        assert_eq!(of(OLDEST).unwrap(), (OLDEST, vec![OLDEST.to_owned()]));
    }
}
