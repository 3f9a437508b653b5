//! `cargo xtask test`: every test of the project, in the order in which a failure tells most; with `--quick`, those that an
//! edit needs.

use anyhow::{Context, Result};

use crate::command::{Step, announce};
use crate::guest::{self, Choice, Which};
use crate::project::{Package, packages};
use crate::{incidents, matrix, project, soak};

#[derive(clap::Args)]
pub struct Arguments {
    /// Only what an edit needs: no plugins, no release builds, none of the tests that take longest
    #[arg(long)]
    quick: bool,
    /// Only one package, by its name or that without `gmr-`: report, inspect, gmr, cli, tests, test-fuzz, test-support, xtask
    #[arg(long, requires = "quick")]
    package: Option<String>,
}

/// Integration tests that take longer than all others together: they build a program, put a load on
/// the machine, or bring a hundred programs into trouble or under attack.
const SLOW: [&str; 5] = ["attacks", "faults", "plugin_smith", "tasks_churn", "threads_stresses"];

/// The packages that have the wasm engine. Tested alone they would resolve other features and build it once more, so their
/// tests are named instead, and the units of the other packages come along.
const WITH_ENGINE: [&str; 3] = ["gmr", "gmr-cli", "gmr-tests"];

pub fn run(arguments: &Arguments) -> Result<()> {
    if arguments.quick { quick(arguments.package.as_deref()) } else { everything() }
}

fn quick(package: Option<&str>) -> Result<()> {
    let packages = packages(&project::root())?;
    let step = Step::new("cargo").args(["test", "--quiet"]).within(&project::root());
    let Some(name) = package else {
        let tests = packages.iter().flat_map(quick_tests);
        return step.args(["--workspace", "--lib", "--bins"]).args(tests).run();
    };
    let is_meant = |package: &&Package| package.name == name || package.name == format!("gmr-{name}");
    let package = packages.iter().find(is_meant).with_context(|| {
        let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
        format!("there is no package {name}, only {}", names.join(", "))
    })?;
    let step = if WITH_ENGINE.contains(&package.name.as_str()) {
        step.arg("--workspace")
    } else {
        step.args(["--package", &package.name])
    };
    let units = if package.has_library { "--lib" } else { "--bins" };
    step.arg(units).args(quick_tests(package)).run()
}

/// The options that name a package's integration tests without the slow ones.
fn quick_tests(package: &Package) -> Vec<&str> {
    let tests = package.tests.iter().map(String::as_str).filter(|test| !SLOW.contains(test));
    tests.flat_map(|test| ["--test", test]).collect()
}

fn everything() -> Result<()> {
    announce("building the guests that the tests load");
    guest::build(Which::All, Choice::default())?;
    guest::build(Which::Tests, Choice::default())?;
    announce("testing the plugins natively");
    guest::check(Which::All)?;
    announce("building the workspace and running its tests; the first build takes some minutes");
    Step::new("cargo").args(["test", "--workspace"]).within(&project::root()).run()?;
    announce("making a thousand reports in storms; `cargo xtask soak` makes ten thousand");
    soak::run(&soak::SMALL)?;
    incidents::run(&incidents::ALL)?;
    announce(
        "testing chains in a release build and with three versions of tokio, which takes some minutes; `cargo xtask \
         matrix` tests all ways",
    );
    matrix::always()?;
    announce("running the shipped plugins; those in Python and JavaScript are compiled for some minutes");
    Step::new("cargo")
        .args(["test", "--workspace", "--test", "plugins_shipped", "--", "--ignored"])
        .env("GMR_TEST_PLUGINS", project::target()?.join("plugins"))
        .within(&project::root())
        .run()
}
