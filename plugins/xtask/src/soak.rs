//! `cargo xtask soak`: thousands of reports of a service under load, while it allocates, loads libraries, panics, forks and
//! starts threads without end.

use anyhow::Result;

use crate::faults;

#[derive(clap::Args)]
pub struct Arguments {
    /// So many reports, from 50 [default: 10000]
    #[arg(long, value_parser = clap::value_parser!(u32).range(50..), conflicts_with = "minutes")]
    reports: Option<u32>,
    /// As many reports as there are in this time, from 1
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: Option<u32>,
}

/// What CI makes, within two minutes.
pub const SMALL: Arguments = Arguments { reports: Some(1000), minutes: None };

/// What the project promises.
const PROMISED: u32 = 10_000;

pub fn run(arguments: &Arguments) -> Result<()> {
    let [option, number] = match (arguments.minutes, arguments.reports) {
        (Some(minutes), _) => ["--minutes", &minutes.to_string()].map(str::to_owned),
        (None, reports) => ["--reports", &reports.unwrap_or(PROMISED).to_string()].map(str::to_owned),
    };
    faults::tests().args(["--", "--soak", &option, &number]).run()
}
