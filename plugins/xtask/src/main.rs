//! The project's own tasks, run as `cargo xtask TASK`.
//!
//! Each task has a module of its own; this file only reads the command line.

mod attacks;
mod bench;
mod command;
mod demo;
mod faults;
mod fuzz;
mod guest;
mod incidents;
mod matrix;
mod package;
mod project;
mod soak;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own tasks", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Show it: the example service under load, its report by signal and by touch, setting up what is missing
    Demo,
    /// Run every test, setting up what is missing, or those that an edit needs
    Test(test::Arguments),
    /// Test programs built in many ways, with several compilers and versions of tokio: their chains and stacks; takes hours
    Matrix(matrix::Arguments),
    /// Print the table of faults: what a report has, and what it does to the application, in each kind of trouble
    Faults(faults::Arguments),
    /// Print the table of attacks: what becomes of a service when hostile files are dropped into its folder of plugins
    Attacks(attacks::Arguments),
    /// Run programs that are stuck in known ways: whether a report names the cause, and says nothing of their healthy twins
    Incidents(incidents::Arguments),
    /// Make thousands of reports of a service under load, in storms of allocations, libraries, panics, forks and threads
    Soak(soak::Arguments),
    /// Run the fuzz tests with new inputs, for some minutes each
    Fuzz(fuzz::Arguments),
    /// Build the shipped plugins, setting up what is missing
    Plugins(guest::Arguments),
    /// Pack what is published, and check that it compiles from there
    Package,
    /// Measure reports beside those of the peers, setting up what is missing
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not by returning it: that would print a backtrace of this program, which helps nobody.
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<()> {
    match task {
        Task::Demo => demo::run(),
        Task::Test(arguments) => test::run(arguments),
        Task::Matrix(arguments) => matrix::run(arguments),
        Task::Faults(arguments) => faults::run(arguments),
        Task::Attacks(arguments) => attacks::run(arguments),
        Task::Incidents(arguments) => incidents::run(arguments),
        Task::Soak(arguments) => soak::run(arguments),
        Task::Fuzz(arguments) => fuzz::run(arguments),
        Task::Plugins(arguments) => guest::run(arguments),
        Task::Package => package::run(),
        Task::Bench(arguments) => bench::run(arguments),
    }
}
