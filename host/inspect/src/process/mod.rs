//! Figures of this process: memory, processor time, descriptors, limits, cgroup, sockets, mounts. Taken from
//! what the kernel shows in `/proc` and `/sys/fs/cgroup`.
//!
//! What is not there is `None` or an empty list, never an error: kernels, containers and sandboxes differ.
//! Nothing here asks a server, a device or a remote file system, which may not answer. Elsewhere than on
//! Linux all of it is empty.

mod available_memory;
mod cgroup;
mod cpu;
mod descriptors;
mod file;
mod identity;
mod limits;
mod listening;
mod memory;
mod mounts;
#[cfg(target_os = "linux")]
mod peer;
mod priority;
mod sockets;
#[cfg(target_os = "linux")]
pub(crate) mod soft_limit;
mod utilization;

use std::sync::OnceLock;

pub use crate::proc::pressure::Stall;
pub use available_memory::{AvailableMemory, MemoryClaim, MemoryDemand, MemoryLimit, MemoryShortage};
pub use cgroup::{Cgroup, Pressure};
pub use cpu::Cpu;
pub use descriptors::{Descriptor, Descriptors, Kind};
pub use identity::{Identity, uptime};
pub use limits::Limit;
pub use listening::Listening;
pub use memory::{Memory, give_back};
pub use mounts::Mount;
#[cfg(target_os = "linux")]
pub(crate) use peer::peer;
pub use priority::{lower_priority, system_calls_are_filtered};
pub use sockets::Socket;
pub use utilization::{Usage, Utilization};

/// The figures of this process, each group taken when it is first asked for and then kept.
///
/// ```
/// let process = gmr_inspect::process::Process::new();
/// assert_eq!(process.identity().id, std::process::id());
/// # #[cfg(target_os = "linux")]
/// assert!(process.memory().resident > Some(0));
/// ```
#[derive(Debug, Default)]
pub struct Process {
    identity: OnceLock<Identity>,
    memory: OnceLock<Memory>,
    cpu: OnceLock<Cpu>,
    descriptors: OnceLock<Descriptors>,
    limits: OnceLock<Vec<Limit>>,
    cgroup: OnceLock<Option<Cgroup>>,
    sockets: OnceLock<Vec<Socket>>,
    mounts: OnceLock<Vec<Mount>>,
}

impl Process {
    /// Nothing taken yet.
    pub fn new() -> Process {
        Process::default()
    }

    /// Which process this is, who started it and when.
    pub fn identity(&self) -> &Identity {
        self.identity.get_or_init(identity::take)
    }

    /// Its memory.
    pub fn memory(&self) -> &Memory {
        self.memory.get_or_init(memory::take)
    }

    /// Its processor time, and what it waited for.
    pub fn cpu(&self) -> &Cpu {
        self.cpu.get_or_init(cpu::take)
    }

    /// Its open descriptors.
    pub fn descriptors(&self) -> &Descriptors {
        self.descriptors.get_or_init(descriptors::take)
    }

    /// Its resource limits, with what is used of them.
    pub fn limits(&self) -> &[Limit] {
        self.limits.get_or_init(|| limits::take(self))
    }

    /// Its control group, if that can be found.
    pub fn cgroup(&self) -> Option<&Cgroup> {
        self.cgroup.get_or_init(cgroup::take).as_ref()
    }

    /// Its sockets, by descriptor, at most [`Socket::MOST`].
    pub fn sockets(&self) -> &[Socket] {
        self.sockets.get_or_init(|| sockets::take(self.descriptors()))
    }

    /// The file systems that it sees mounted, at most [`Mount::MOST`].
    pub fn mounts(&self) -> &[Mount] {
        self.mounts.get_or_init(mounts::take)
    }
}
