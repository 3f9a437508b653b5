//! `gmr trigger`: asks a process for a report by a signal, once it is certain that the process expects it.
//!
//! A signal that nobody catches ends the process in most cases, and one that is caught for another purpose
//! asks for no report. `--force` sends it all the same.

#[cfg(target_os = "linux")]
#[path = "trigger/linux.rs"]
mod process;
#[cfg(not(target_os = "linux"))]
#[path = "trigger/elsewhere.rs"]
mod process;

use std::fmt::Display;

use anyhow::{Context, Result, bail};
use rustix::process::Pid;

use crate::output;

/// Ask a process for a report
#[derive(clap::Args)]
pub struct Trigger {
    /// The process id
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    pid: i32,
    /// The signal that the process is set to listen for
    #[arg(long, default_value = "USR2")]
    signal: gmr::Signal,
    /// Send it even if the process does not expect it, which ends most processes
    #[arg(long)]
    force: bool,
}

impl Trigger {
    pub fn run(self) -> Result<()> {
        let process = ask(self.pid, self.signal, self.force)?;
        output::print(&format!("sent {} to process {process}\n", self.signal))
    }
}

/// Asks the process for a report.
///
/// # Errors
///
/// Unless `force` says so, what the signal would do instead.
pub fn ask(pid: i32, signal: gmr::Signal, force: bool) -> Result<impl Display> {
    let Some(number) = signal.number() else {
        bail!("--signal none sends nothing; name a signal such as USR2");
    };
    let named = rustix::process::Signal::from_named_raw(number)
        .with_context(|| format!("{signal} cannot be sent from here; use `kill -{number}`"))?;
    let pid = Pid::from_raw(pid).context("process ids begin at 1")?;
    let process = process::Process::open(pid)?;
    if !force {
        process.refuse_unless_caught(signal, number)?;
    }
    process.send(named)?;
    Ok(process)
}
