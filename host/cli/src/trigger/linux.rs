//! A process, held by a descriptor: whatever takes its number after it has ended is not signalled.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::{fmt, fs};

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
        let status = fs::read_to_string(&path).map_err(|_| gone())?;
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
        let has = |mask: &str| has(&self.status, mask, number);
        match (has("SigCgt"), has("SigIgn")) {
            (Some(true), _) if self.has_reporter() => self.refuse_if_blocked(signal, number),
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

    /// A signal that no thread lets in stays pending. The reporter's thread lets its own in, but only that.
    fn refuse_if_blocked(&self, signal: gmr::Signal, number: i32) -> Result<()> {
        let statuses = self.threads().filter_map(|task| fs::read_to_string(task.join("status")).ok());
        let blocked: Vec<_> = statuses.map(|status| has(&status, "SigBlk", number)).collect();
        // Where no mask can be read, nothing is known; and a signal that is caught does no harm.
        if blocked.is_empty() || blocked.iter().any(|blocked| *blocked != Some(true)) {
            return Ok(());
        }
        let pending = match has(&self.status, "ShdPnd", number) {
            Some(true) => ", as one that was sent before does",
            _ => "",
        };
        bail!(
            "{signal} is blocked in every thread of process {self}: it would stay pending{pending}, and no report \
             would come; does the process listen for another --signal? (--force sends it all the same)"
        )
    }

    /// Whether gmr is installed in it. Shells, for example, catch signals only to end in good order.
    fn has_reporter(&self) -> bool {
        let main = self.pid.to_string();
        self.threads().filter(|task| !task.ends_with(&main)).any(|task| {
            let name = fs::read_to_string(task.join("comm"));
            name.is_ok_and(|name| name.trim_end() == REPORTER)
        })
    }

    /// The directories of its threads in `/proc`.
    fn threads(&self) -> impl Iterator<Item = PathBuf> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten();
        tasks.flatten().map(|task| task.path())
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
        field(&self.status, name)
    }
}

/// What a `status` file of a process or thread says under this name.
fn field<'s>(status: &'s str, name: &str) -> Option<&'s str> {
    let mut lines = status.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
}

/// Whether a mask in a `status` file has the signal.
fn has(status: &str, mask: &str, signal: i32) -> Option<bool> {
    let mask = u64::from_str_radix(field(status, mask)?, 16).ok()?;
    Some(mask >> (signal - 1) & 1 == 1)
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.pid, escape(self.field("Name").unwrap_or("?")))
    }
}
