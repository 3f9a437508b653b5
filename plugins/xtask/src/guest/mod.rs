//! Builds WebAssembly guests: the shipped plugins and those that the tests misbehave with.
//!
//! Sets up what is missing (see [`toolchain`]) and rebuilds nothing that is up to date. Finished components
//! appear in their folder whole, by rename, so that a process which watches the folder never meets a half.

mod component;
mod debian;
mod interface;
mod javascript;
mod output;
mod python;
mod rust;
mod toolchain;

use std::path::PathBuf;

use anyhow::Result;

use crate::command::announce;
use crate::place;
use output::Output;
pub use toolchain::Choice;

/// Which guests to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The shipped Rust plugins, to `plugins/` in the target folder.
    Shipped,
    /// Those and the ones in other languages, to the same folder.
    All,
    /// Those in `tests/guests`, to `test-guests/` in the target folder.
    Tests,
}

/// The options of `cargo xtask plugins`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Also build the Python and JavaScript plugins
    #[arg(long)]
    all: bool,
    /// Also build the tests' misbehaving guests
    #[arg(long)]
    tests: bool,
    /// Only copy wit/ to the packages that hold a copy
    #[arg(long)]
    copy_interface: bool,
    /// How to build Rust guests
    #[arg(long, value_enum, default_value_t)]
    toolchain: Choice,
}

/// `cargo xtask plugins`: builds, and lists what was built.
pub fn run(arguments: &Arguments) -> Result<()> {
    if arguments.copy_interface {
        return interface::copy(&place::root());
    }
    let shipped = if arguments.all { Which::All } else { Which::Shipped };
    let groups = [Some(shipped), arguments.tests.then_some(Which::Tests)];
    for which in groups.into_iter().flatten() {
        for file in build(which, arguments.toolchain)? {
            println!("{:>10}  {}", component::size(&file)?, file.display());
        }
    }
    Ok(())
}

/// Builds guests with whichever toolchain is there or can be had, and returns their files, sorted.
///
/// # Errors
///
/// Where nothing can build them, with what to install; where one does not compile; where one is no component
/// of the plugin interface (not checked for [`Which::Tests`], some of which are wrong on purpose).
pub fn build(which: Which, choice: Choice) -> Result<Vec<PathBuf>> {
    let root = place::root();
    let target = place::target()?;
    let (workspace, folder) = match which {
        Which::Shipped | Which::All => (root.join("plugins"), target.join("plugins")),
        Which::Tests => (root.join("tests/guests"), target.join("test-guests")),
    };
    if !workspace.join("Cargo.toml").exists() {
        announce(format_args!("{} holds no Rust guests", workspace.display()));
        return Ok(Vec::new());
    }
    interface::check(&root)?;
    let mut output = Output::new(folder)?;
    let toolchain = toolchain::find(choice)?;
    rust::build(&workspace, &target.join("guests"), &toolchain, &mut output)?;
    if which == Which::All {
        python::build(&root, &target.join("guests"), &mut output)?;
        javascript::build(&root, &target.join("guests"), &mut output)?;
    }
    if which != Which::Tests {
        output.files().iter().try_for_each(|file| component::expect_plugin(file))?;
    }
    output.finish(&[python::NAME, javascript::NAME])
}
