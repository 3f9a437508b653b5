//! `cargo xtask bench`: what a report costs, side by side with its peers in one run.
//!
//! Each figure is a median of this run on this machine; only the ratios say something about others. Peers
//! that are missing are set up where that needs no administrator, and named as absent where it does.

mod conditions;
mod diagnosis;
mod figures;
mod in_process;
mod load;
mod peers;
mod plugins;
mod subject;
mod tasks;
mod threads;

use anyhow::Result;
use clap::Subcommand;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    which: Which,
}

#[derive(Subcommand)]
enum Which {
    /// Reports of many threads, beside oslo.reports, gdb and eu-stack
    Threads(threads::Arguments),
    /// Reports of many async tasks, beside tokio's `Handle::dump` and oslo.reports with eventlet
    Tasks(tasks::Arguments),
    /// The diagnosis: reports where nothing waits, and where thousands wait for each other
    Diagnosis(diagnosis::Arguments),
    /// Plugins: calls, loads from the cache and compiled, a section beside a native one, a drop into the folder
    Plugins(plugins::Arguments),
}

pub fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.which {
        Which::Threads(arguments) => threads::run(arguments),
        Which::Tasks(arguments) => tasks::run(arguments),
        Which::Diagnosis(arguments) => diagnosis::run(arguments),
        Which::Plugins(arguments) => plugins::run(arguments),
    }
}
