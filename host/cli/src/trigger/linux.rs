//! A process, held by a descriptor: whatever takes its number after it has ended is not signalled.

use std::fmt;
use std::os::fd::OwnedFd;

use anyhow::{Result, anyhow, bail};
use gmr::report::format::text::escape;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The name of the thread in which a process makes its reports.
const REPORTER: &str = "gmr";

pub struct Process {
    pid: Pid,
    descriptor: OwnedFd,
    status: String,
}

impl Process {
    pub fn open(pid: Pid) -> Result<Process> {
        let gone = || anyhow!("there is no process {pid}");
        let path = format!("/proc/{pid}/status");
        // The descriptor first: the status is that of whoever it holds, or signalling fails later on.
        let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
            Err(Errno::SRCH) => return Err(gone()),
            // A thread's id; older kernels say INVAL, newer ones NOENT.
            Err(Errno::INVAL | Errno::NOENT) => bail!("{pid} is a thread, not a process"),
            opened => opened.map_err(|error| anyhow!("cannot reach process {pid}: {error}"))?,
        };
        let status = std::fs::read_to_string(&path).map_err(|_| gone())?;
        let process = Process { pid, descriptor, status };
        match process.field("State") {
            Some(state) if state.starts_with(['Z', 'X']) => bail!("process {process} has ended already"),
            _ => Ok(process),
        }
    }

    /// # Errors
    ///
    /// What the signal would do instead of asking for a report.
    pub fn refuse_unless_caught(&self, signal: gmr::Signal, number: i32) -> Result<()> {
        let has = |mask: &str| {
            let mask = self.field(mask).and_then(|digits| u64::from_str_radix(digits, 16).ok());
            mask.map(|mask| mask >> (number - 1) & 1 == 1)
        };
        match (has("SigCgt"), has("SigIgn")) {
            (Some(true), _) if self.has_reporter() => Ok(()),
            (Some(true), _) => bail!(
                "process {self} catches {signal}, but has no thread `{REPORTER}`: the signal means something else \
                 to it, perhaps its end (--force sends it all the same)"
            ),
            (Some(false), Some(true)) => bail!(
                "process {self} ignores {signal}: no report would come; does it listen for another --signal?"
            ),
            (Some(false), _) => bail!(
                "process {self} does not catch {signal}, which may end it; is gmr installed in it? (--force sends \
                 it all the same)"
            ),
            (None, _) => bail!("{} does not tell which signals it catches; --force sends it", self.pid),
        }
    }

    /// Whether gmr is installed in it. Shells, for example, catch signals only to end in good order.
    fn has_reporter(&self) -> bool {
        let Ok(tasks) = std::fs::read_dir(format!("/proc/{}/task", self.pid)) else { return false };
        let main = self.pid.to_string();
        tasks.flatten().filter(|task| *task.file_name() != *main).any(|task| {
            let name = std::fs::read_to_string(task.path().join("comm"));
            name.is_ok_and(|name| name.trim_end() == REPORTER)
        })
    }

    pub fn send(&self, signal: Signal) -> Result<()> {
        pidfd_send_signal(&self.descriptor, signal).map_err(|error| match error {
            Errno::SRCH => anyhow!("process {self} has ended"),
            Errno::PERM => {
                anyhow!("process {self} belongs to another user: run this as that user or as root")
            }
            error => anyhow!("cannot signal process {self}: {error}"),
        })
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.status.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.pid, escape(self.field("Name").unwrap_or("?")))
    }
}
