//! `cargo xtask test`: every test of the project, in the order in which a failure tells most.

use anyhow::Result;

use crate::command::{Step, announce};
use crate::guest::{self, Choice, Which};
use crate::place;

pub fn run() -> Result<()> {
    announce("building the guests that the tests load");
    guest::build(Which::All, Choice::default())?;
    guest::build(Which::Tests, Choice::default())?;
    announce("testing the plugins natively");
    guest::check(Which::All)?;
    announce("building the workspace and running its tests; the first build takes some minutes");
    let plugins = place::target()?.join("plugins");
    Step::new("cargo")
        .args(["test", "--workspace"])
        .env("GMR_TEST_PLUGINS", plugins)
        .within(&place::root())
        .run()
}
