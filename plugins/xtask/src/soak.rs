//! `cargo xtask soak`: thousands of reports of a service under load, while it allocates, loads libraries, panics, forks and
//! starts threads without end. With `--edges`, reports of tasks and threads that lock at random, none of which may name a wrong
//! holder.

use anyhow::Result;

use crate::{faults, incidents};

#[derive(clap::Args)]
pub struct Arguments {
    /// So many reports, from 50 [default: 10000]
    #[arg(long, value_parser = clap::value_parser!(u32).range(50..), conflicts_with = "minutes")]
    reports: Option<u32>,
    /// As many reports as there are in this time, from 1
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: Option<u32>,
    /// Look for wrong holders among 7,000 tasks and 200 threads instead, for a minute or so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60", conflicts_with_all = ["reports", "minutes"])]
    edges: Option<u32>,
}

/// What CI makes, within two minutes.
pub const SMALL: Arguments = Arguments { reports: Some(1000), minutes: None, edges: None };

/// What the project promises.
const PROMISED: u32 = 10_000;

pub fn run(arguments: &Arguments) -> Result<()> {
    if let Some(seconds) = arguments.edges {
        return incidents::program()?.arg("edges").arg(seconds.to_string()).run();
    }
    let [option, number] = match (arguments.minutes, arguments.reports) {
        (Some(minutes), _) => ["--minutes", &minutes.to_string()].map(str::to_owned),
        (None, reports) => ["--reports", &reports.unwrap_or(PROMISED).to_string()].map(str::to_owned),
    };
    faults::tests().args(["--", "--soak", &option, &number]).run()
}
