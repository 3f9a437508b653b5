//! The command `gmr`: asks processes for reports, reads and compares them, checks plugins.
//!
//! It exits with 0 if all went well, 1 if not, 2 if it was called wrongly. Results go to standard output,
//! what went wrong to standard error in one line.

mod diff;
mod doctor;
mod input;
mod output;
mod plugin;
mod resolve;
mod show;
mod trigger;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Guru Meditation Reports: what a running process is doing
#[derive(Parser)]
#[command(name = "gmr", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Trigger(trigger::Trigger),
    Show(show::Show),
    Resolve(resolve::Resolve),
    Diff(diff::Diff),
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    Plugin(plugin::Plugin),
}

fn main() -> ExitCode {
    gmr::plugin::compile_if_asked();
    let result = match Cli::parse().command {
        Command::Trigger(trigger) => trigger.run(),
        Command::Show(show) => show.run(),
        Command::Resolve(resolve) => resolve.run(),
        Command::Diff(diff) => diff.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Plugin(plugin) => plugin.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::note(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
