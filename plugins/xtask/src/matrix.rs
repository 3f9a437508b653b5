//! `cargo xtask test-matrix`: chains of awaits and stacks from programs that are built in the ways in which applications
//! are built.
//!
//! Not all ways with all compilers and all versions of tokio, which would be hours for little: every way with the default
//! compiler and the locked tokio, and with the others those that differ by what they change.

use anyhow::{Result, ensure};

use crate::command::{Step, announce};
use crate::project;

#[derive(clap::Args)]
pub struct Arguments {
    /// Every way with every compiler and every tokio
    #[arg(long)]
    all: bool,
}

/// The oldest tokio that gmr-inspect can be built with. The newest is the locked one.
const OLDEST_TOKIO: &str = "1.28.0";
/// The compiler that the next stable one will be like.
const NIGHTLY: &str = "nightly";

/// Ways that differ by the compiler: how code is generated, how debug information is laid out.
const OF_COMPILERS: &str = "dev,release,fat,smallest,packed,unpacked,dwarf-5,unstable";
/// Ways that differ by tokio: its code with types and without, inlined and not.
const OF_TOKIOS: &str = "dev,release,full,fat";

/// What runs within minutes, in every test of the project.
pub const SMALL: &str = "release";

pub fn run(arguments: &Arguments) -> Result<()> {
    let mut failed = Vec::new();
    let mut pass = |name: &str, result: Result<()>| match result {
        Ok(()) => announce(format_args!("{name}: right")),
        Err(error) => {
            announce(format_args!("{name}: {error:#}"));
            failed.push(name.to_owned());
        }
    };
    let some = |ways| if arguments.all { "" } else { ways };
    pass("chains, default compiler, newest tokio", chains("", "", ""));
    pass("chains, default compiler, oldest tokio", chains(some(OF_TOKIOS), "", OLDEST_TOKIO));
    let nightly = Step::new("rustup").args(["run", NIGHTLY, "rustc", "--version"]).read();
    match nightly {
        Ok(version) => {
            pass(&format!("chains, {}", version.trim()), chains(some(OF_COMPILERS), NIGHTLY, ""));
            if arguments.all {
                pass("chains, nightly compiler, oldest tokio", chains("", NIGHTLY, OLDEST_TOKIO));
            }
        }
        Err(_) => announce("the nightly compiler is not installed, and so not tested"),
    }
    pass("chains of a service under load", ignored("tasks_service"));
    pass("stacks", ignored("threads_builds"));
    ensure!(failed.is_empty(), "not right: {}", failed.join("; "));
    Ok(())
}

/// Chains from programs built in these ways, all of them if none is named.
pub fn chains(ways: &str, toolchain: &str, tokio: &str) -> Result<()> {
    test("tasks_matrix")
        .env("GMR_MATRIX", ways)
        .env("GMR_MATRIX_TOOLCHAIN", toolchain)
        .env("GMR_MATRIX_TOKIO", tokio)
        .run()
}

fn ignored(name: &str) -> Result<()> {
    test(name).run()
}

fn test(name: &str) -> Step {
    Step::new("cargo")
        .args(["test", "--package", "gmr-inspect", "--test", name, "--", "--ignored", "--nocapture"])
        .within(&project::root())
}
