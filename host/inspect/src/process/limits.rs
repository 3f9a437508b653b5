//! Resource limits, from `/proc/self/limits`, with what is used of those that are cheap to count.

use super::{Process, file};
use crate::proc::{keys, limits};

/// One resource limit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit {
    /// As the kernel calls it, without its "Max": `open files`, `address space`.
    pub name: String,
    /// `bytes`, `seconds`, `microseconds`, `processes`, `files`, `locks`, `signals` or empty.
    pub unit: String,
    /// What is enforced; `None` is unlimited.
    pub soft: Option<u64>,
    /// How far the process may raise it; `None` is unlimited.
    pub hard: Option<u64>,
    /// How much is in use, in the same unit, where that is cheap to tell.
    pub used: Option<u64>,
}

pub(super) fn take(process: &Process) -> Vec<Limit> {
    let lines = limits::parse(&file::read("/proc/self/limits").unwrap_or_default());
    let limit = |limits::Line { name, unit, soft, hard }| {
        let used = used(&name, process);
        Limit { name, unit, soft, hard, used }
    };
    lines.into_iter().map(limit).collect()
}

/// Threads count against `processes` too, but so do those of the user's other processes: no figure is better
/// than half of one.
fn used(name: &str, process: &Process) -> Option<u64> {
    match name {
        "open files" => process.descriptors().open.map(u64::from),
        "address space" => process.memory().virtual_size,
        "locked memory" => process.memory().locked,
        "cpu time" => Some((process.cpu().user? + process.cpu().system?).as_secs()),
        "pending signals" => {
            let status = file::read("/proc/self/status")?;
            keys::number(keys::after(&status, "SigQ")?.split(|byte| *byte == b'/').next()?)
        }
        _ => None,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn open_files_are_set_against_their_limit() {
        let limits = take(&Process::new());
        let open = limits.iter().find(|limit| limit.name == "open files").unwrap();
        let (soft, _) = {
            let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
            (limit.current, limit.maximum)
        };
        assert_eq!((open.soft, open.unit.as_str()), (soft, "files"));
        assert!(open.used >= Some(3), "{open:?}");
    }
}
