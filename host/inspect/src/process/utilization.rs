//! Utilization: how much of what limits the process is in use, as cheaply as can be told: a handful of small files, and a call or
//! two for each descriptor.

#[cfg(target_os = "linux")]
use super::listening;
use super::{Listening, cgroup};

/// How much of something is in use, and how much there may be.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// So much is in use.
    pub used: u64,
    /// So much there may be.
    pub limit: u64,
}

impl Usage {
    /// So much of so much.
    pub fn new(used: u64, limit: u64) -> Usage {
        Usage { used, limit }
    }

    /// What is left.
    pub(super) fn left(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// How much of what limits this process is in use. What is unlimited or unknown is `None`; elsewhere than on Linux all is.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Utilization {
    /// Open descriptors, of `RLIMIT_NOFILE`.
    pub descriptors: Option<Usage>,
    /// Bytes of memory of its control group, or of that one around it which has least left; without the cached files that the
    /// kernel would give up.
    pub control_group: Option<Usage>,
    /// Bytes of address space, of `RLIMIT_AS`.
    pub address_space: Option<Usage>,
    /// The sockets on which it listens for connections.
    pub listening: Vec<Listening>,
}

impl Utilization {
    /// Asks the system. It takes a fifth of a millisecond and half a microsecond for each descriptor.
    ///
    /// ```
    /// let now = gmr_inspect::process::Utilization::now();
    /// # #[cfg(target_os = "linux")]
    /// assert!(now.descriptors.is_none_or(|descriptors| descriptors.used > 0));
    /// ```
    pub fn now() -> Utilization {
        #[cfg(target_os = "linux")]
        return linux();
        #[cfg(not(target_os = "linux"))]
        Utilization { control_group: cgroup::memory_usage(), ..Utilization::default() }
    }
}

#[cfg(target_os = "linux")]
fn linux() -> Utilization {
    use super::soft_limit::{Resource, soft_limit};
    use crate::proc::keys;
    use crate::proc_self;
    use std::path::Path;

    let open =
        proc_self::open_proc(Path::new("/proc/self/fd")).and_then(proc_self::numbers).unwrap_or_default();
    let usage =
        |used: Option<u64>, limit: Option<u64>| used.zip(limit).map(|(used, limit)| Usage { used, limit });
    let address_space = soft_limit(Resource::AddressSpace);
    let virtual_size = address_space.and_then(|_| {
        let status = super::file::read("/proc/self/status")?;
        keys::bytes_after(&status, "VmSize")
    });
    Utilization {
        // The list had one of its own.
        descriptors: usage((open.len() as u64).checked_sub(1), soft_limit(Resource::Descriptors)),
        control_group: cgroup::memory_usage(),
        address_space: usage(virtual_size, address_space),
        listening: listening::among(&open),
    }
}
