//! `cargo xtask test`: every test of the project, in the order in which a failure tells most.

use anyhow::Result;

use crate::command::{Step, announce};
use crate::guest::{self, Choice, Which};
use crate::{matrix, project};

pub fn run() -> Result<()> {
    announce("building the guests that the tests load");
    guest::build(Which::All, Choice::default())?;
    guest::build(Which::Tests, Choice::default())?;
    announce("testing the plugins natively");
    guest::check(Which::All)?;
    announce("building the workspace and running its tests; the first build takes some minutes");
    Step::new("cargo").args(["test", "--workspace"]).within(&project::root()).run()?;
    announce(
        "testing chains in a release build, which takes some minutes; `cargo xtask test-matrix` tests all ways",
    );
    matrix::chains(matrix::SMALL, "", "")?;
    announce("running the shipped plugins; those in Python and JavaScript are compiled for some minutes");
    Step::new("cargo")
        .args(["test", "--workspace", "--test", "plugins_shipped", "--", "--ignored"])
        .env("GMR_TEST_PLUGINS", project::target()?.join("plugins"))
        .within(&project::root())
        .run()
}
