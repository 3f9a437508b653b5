//! A process on a platform that does not tell which signals it catches: only `--force` signals it.

use std::fmt;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

pub struct Process(Pid);

impl Process {
    pub fn open(pid: Pid) -> Result<Process> {
        test_kill_process(pid).with_context(|| format!("cannot reach process {pid}"))?;
        Ok(Process(pid))
    }

    pub fn refuse_unless_caught(&self, signal: gmr::Signal, _number: i32) -> Result<()> {
        bail!(
            "this platform does not tell whether process {self} catches {signal}, which may end it; --force sends it"
        )
    }

    pub fn send(&self, signal: Signal) -> Result<()> {
        kill_process(self.0, signal).with_context(|| format!("cannot signal process {self}"))
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
