//! `cargo xtask attacks`: the table of attacks, a line for each kind of hostile file that may lie in a folder of plugins.

use anyhow::Result;

use crate::command::{Step, announce};
use crate::guest::{self, Choice, Which};
use crate::project;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only the attacks whose names hold one of these words
    names: Vec<String>,
    /// With the shipped Rust plugins beside the two small ones that must have their sections in every report
    #[arg(long)]
    shipped: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let tests = Step::new("cargo")
        .args(["test", "--quiet", "--workspace", "--test", "attacks", "--"])
        .args(&arguments.names)
        .within(&project::root());
    if !arguments.shipped {
        return tests.run();
    }
    announce("building the shipped plugins");
    guest::build(Which::Shipped, Choice::default())?;
    tests.env("GMR_TEST_PLUGINS", project::target()?.join("plugins")).run()
}
