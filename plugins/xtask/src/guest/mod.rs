//! WebAssembly guests and how they are built: the shipped plugins, the templates, and those of the tests.
//!
//! Sets up what is missing (see [`toolchain`]) and rebuilds nothing that is up to date. Finished components
//! appear in their folder whole, by rename, so that a process which watches the folder never meets a half.

mod component;
mod debian;
mod interface;
mod javascript;
mod native_tests;
mod output;
mod python;
mod rust;
mod stamp;
mod templates;
mod toolchain;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::command::announce;
use crate::project;
use output::Output;
pub use toolchain::Choice;

/// Which guests to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The shipped Rust plugins, to `plugins/` in the target folder.
    Shipped,
    /// Those and the ones in other languages, to the same folder.
    All,
    /// The templates of `gmr plugin new`.
    Templates,
    /// Those in `tests/guests`, to `test-guests/` in the target folder.
    Tests,
}

/// The options of `cargo xtask plugins`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Also build the Python and JavaScript plugins
    #[arg(long)]
    all: bool,
    /// Also build the misbehaving guests of the tests
    #[arg(long)]
    tests: bool,
    /// Also try the templates of `gmr plugin new` by the steps that it prints: with rustup, python3 and npm
    #[arg(long)]
    templates: bool,
    /// Also run the plugins' own tests, natively
    #[arg(long)]
    check: bool,
    /// How to build Rust guests
    #[arg(long, value_enum, default_value_t)]
    toolchain: Choice,
}

/// `cargo xtask plugins`: builds, and lists what was built.
pub fn run(arguments: &Arguments) -> Result<()> {
    let shipped = if arguments.all { Which::All } else { Which::Shipped };
    let mut files = build(shipped, arguments.toolchain)?;
    if arguments.tests {
        files.extend(build(Which::Tests, arguments.toolchain)?);
    }
    if arguments.templates {
        files.extend(build(Which::Templates, arguments.toolchain)?);
    }
    for file in files {
        println!("{:>10}  {}", component::size(&file)?, file.display());
    }
    if arguments.check { check(shipped) } else { Ok(()) }
}

/// Builds guests with whichever toolchain is there or can be had, and returns their files.
///
/// # Errors
///
/// Where nothing can build them, with what to install; where one does not compile; where one is no component
/// of the plugin interface (not checked for [`Which::Tests`], some of which are wrong on purpose).
pub fn build(which: Which, choice: Choice) -> Result<Vec<PathBuf>> {
    let root = project::root();
    let target = project::target()?;
    let guests = target.join("guests");
    interface::check(&root)?;
    let files = match which {
        Which::Shipped | Which::All => {
            let mut output = Output::new(target.join("plugins"))?;
            rust::build(&root.join("plugins"), &guests, &toolchain::find(choice)?, &mut output)?;
            if which == Which::All {
                python::build(&root, &guests, &mut output)?;
                javascript::build(&root, &guests, &mut output)?;
            }
            output.finish(&[python::NAME, javascript::NAME])?
        }
        Which::Templates => templates::build(&root, &target, &guests)?,
        Which::Tests => return build_tests(&root.join("tests/guests"), &target, choice),
    };
    files.iter().try_for_each(|file| component::expect_plugin(file))?;
    Ok(files)
}

fn build_tests(workspace: &Path, target: &Path, choice: Choice) -> Result<Vec<PathBuf>> {
    if !workspace.join("Cargo.toml").exists() {
        announce(format_args!("{} holds no Rust guests", workspace.display()));
        return Ok(Vec::new());
    }
    let mut output = Output::new(target.join("test-guests"))?;
    rust::build(workspace, &target.join("guests"), &toolchain::find(choice)?, &mut output)?;
    output.finish(&[])
}

/// Runs the own tests of the shipped plugins, natively: those in Rust, or all of them.
///
/// # Errors
///
/// Where a test fails, or what runs it is not installed.
pub fn check(which: Which) -> Result<()> {
    let root = project::root();
    native_tests::test_rust(&root, &project::target()?.join("guests"))?;
    if which == Which::All { native_tests::test_others(&root) } else { Ok(()) }
}
