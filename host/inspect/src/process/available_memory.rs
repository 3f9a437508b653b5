//! Available memory: how much more this process may take, and what sets that limit.
//!
//! The kernel ends a process that takes more than its control group or the machine has, and refuses memory beyond
//! `RLIMIT_AS` and `RLIMIT_DATA`, which ends a Rust program too. So whatever needs much, as debug information does,
//! claims it here first. A claim is granted at most half of what is left: the program goes on allocating meanwhile, and
//! an estimate may be wrong. What cannot be known, because a file is missing, limits nothing.

#[cfg(target_os = "linux")]
use super::soft_limit::{Resource, soft_limit};
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::{cgroup, file};
use crate::proc::keys;

/// How much more memory this process may take, in bytes, by each thing that limits it; `None` is unlimited or unknown.
///
/// ```
/// let now = gmr_inspect::process::AvailableMemory::now();
/// # #[cfg(target_os = "linux")]
/// assert!(now.machine > Some(0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AvailableMemory {
    /// Below the limits of its control group and of those around it (`memory.max` and `memory.high`, or
    /// `memory.limit_in_bytes`), with the cached files that the kernel would give up.
    pub control_group: Option<u64>,
    /// Below `RLIMIT_AS`.
    pub address_space: Option<u64>,
    /// Below `RLIMIT_DATA`.
    pub data: Option<u64>,
    /// What the machine has (`MemAvailable`), or would still promise where it promises no more than it has.
    pub machine: Option<u64>,
}

/// What limits how much memory a process may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemoryLimit {
    /// The limit of its control group, or of one around it.
    ControlGroup,
    /// The resource limit of its address space, `RLIMIT_AS`.
    AddressSpace,
    /// The resource limit of its data, `RLIMIT_DATA`.
    Data,
    /// The machine's own memory.
    Machine,
}

/// How much memory some work takes, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MemoryDemand {
    /// Memory that is written to.
    pub private_bytes: u64,
    /// Files that are mapped to be read: address space, which the kernel fills and empties as it likes.
    pub mapped_bytes: u64,
    /// Memory that a child process writes to, which has an address space of its own and is in the same control group.
    pub child_bytes: u64,
}

/// There is too little memory for some work, which was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MemoryShortage {
    /// What the work takes, in bytes.
    pub needed_bytes: u64,
    /// What there is, in bytes; at most half of it is taken.
    pub available_bytes: u64,
    /// What sets that limit.
    pub limit: MemoryLimit,
}

impl MemoryDemand {
    /// A demand for so many bytes that are written to, and so many bytes of files that are mapped.
    pub fn new(private_bytes: u64, mapped_bytes: u64) -> MemoryDemand {
        MemoryDemand { private_bytes, mapped_bytes, child_bytes: 0 }
    }

    /// A demand for so many bytes that a child process writes to.
    pub fn of_child(child_bytes: u64) -> MemoryDemand {
        MemoryDemand { private_bytes: 0, mapped_bytes: 0, child_bytes }
    }

    /// Both demands together.
    pub(crate) fn with(self, other: MemoryDemand) -> MemoryDemand {
        MemoryDemand {
            private_bytes: self.private_bytes.saturating_add(other.private_bytes),
            mapped_bytes: self.mapped_bytes.saturating_add(other.mapped_bytes),
            child_bytes: self.child_bytes.saturating_add(other.child_bytes),
        }
    }

    /// What the machine and the control group have to have.
    fn written(&self) -> u64 {
        self.private_bytes.saturating_add(self.child_bytes)
    }

    fn address_space(&self) -> u64 {
        self.private_bytes.saturating_add(self.mapped_bytes)
    }
}

impl AvailableMemory {
    /// Asks the system: some twenty small files, a third of a millisecond.
    pub fn now() -> AvailableMemory {
        let status = file::read("/proc/self/status").unwrap_or_default();
        let left = |limit: Option<u64>, key| {
            limit.zip(keys::bytes_after(&status, key)).map(|(limit, used)| limit.saturating_sub(used))
        };
        AvailableMemory {
            control_group: cgroup::available_memory(),
            address_space: left(soft_limit(Resource::AddressSpace), "VmSize"),
            data: left(soft_limit(Resource::Data), "VmData"),
            machine: machine(
                &file::read("/proc/meminfo").unwrap_or_default(),
                file::number("/proc/sys/vm/overcommit_memory"),
            ),
        }
    }

    /// Whether at most half of what there is would be taken by some work.
    ///
    /// # Errors
    ///
    /// What limits it most.
    ///
    /// ```
    /// use gmr_inspect::process::{AvailableMemory, MemoryDemand};
    ///
    /// assert!(AvailableMemory::now().allows(MemoryDemand::new(u64::MAX / 2, 0)).is_err());
    /// ```
    pub fn allows(&self, demand: MemoryDemand) -> Result<(), MemoryShortage> {
        match self.tightest(demand) {
            Some(short) if short.needed_bytes > short.available_bytes / 2 => Err(short),
            _ => Ok(()),
        }
    }

    /// What limits it most, for memory that the system has refused.
    #[cfg(target_os = "linux")]
    pub(crate) fn refused(&self, demand: MemoryDemand) -> MemoryShortage {
        self.tightest(demand).unwrap_or(MemoryShortage {
            needed_bytes: demand.private_bytes,
            available_bytes: 0,
            limit: MemoryLimit::Machine,
        })
    }

    /// The limit that would leave least.
    fn tightest(&self, demand: MemoryDemand) -> Option<MemoryShortage> {
        let (private, all, written) = (demand.private_bytes, demand.address_space(), demand.written());
        let limits = [
            (MemoryLimit::ControlGroup, self.control_group, written),
            (MemoryLimit::AddressSpace, self.address_space, all),
            (MemoryLimit::Data, self.data, private),
            (MemoryLimit::Machine, self.machine, written),
        ];
        // What a child alone takes is no matter of this process's own limits, however little they leave.
        let concerned =
            limits.into_iter().filter(|(.., needed_bytes)| *needed_bytes > 0 || demand.written() == 0);
        let known = concerned.filter_map(|(limit, available, needed_bytes)| {
            Some(MemoryShortage { needed_bytes, available_bytes: available?, limit })
        });
        known.min_by_key(|short| i128::from(short.available_bytes / 2) - i128::from(short.needed_bytes))
    }

    fn without(self, claimed: MemoryDemand) -> AvailableMemory {
        let less = |left: Option<u64>, by| left.map(|left| left.saturating_sub(by));
        AvailableMemory {
            control_group: less(self.control_group, claimed.written()),
            address_space: less(self.address_space, claimed.address_space()),
            data: less(self.data, claimed.private_bytes),
            machine: less(self.machine, claimed.written()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
enum Resource {
    AddressSpace,
    Data,
}

#[cfg(not(target_os = "linux"))]
fn soft_limit(_resource: Resource) -> Option<u64> {
    None
}

/// A kernel that never promises more than it has (`vm.overcommit_memory` 2) refuses memory earlier than it runs out.
fn machine(meminfo: &[u8], overcommit: Option<u64>) -> Option<u64> {
    const NEVER: u64 = 2;
    let bytes = |key| keys::bytes_after(meminfo, key);
    let available = bytes("MemAvailable");
    if overcommit != Some(NEVER) {
        return available;
    }
    let promised =
        bytes("CommitLimit").zip(bytes("Committed_AS")).map(|(most, now)| most.saturating_sub(now));
    available.into_iter().chain(promised).min()
}

/// Memory that some work may take until this is dropped. Claims that are made meanwhile are judged by what is left
/// beside it, since the work may not have touched its memory yet.
#[must_use = "the claim ends when it is dropped"]
pub struct MemoryClaim {
    demand: MemoryDemand,
    process: u32,
    among: &'static Claims,
}

/// The sum of the claims of one process.
struct Claims {
    private: AtomicU64,
    mapped: AtomicU64,
    child: AtomicU64,
    /// A forked process begins without any.
    process: AtomicU32,
}

static CLAIMS: Claims = Claims::new();

impl MemoryClaim {
    /// Claims memory for some work.
    ///
    /// # Errors
    ///
    /// That there is too little.
    ///
    /// ```
    /// use gmr_inspect::process::{MemoryClaim, MemoryDemand};
    ///
    /// let claim = MemoryClaim::of(MemoryDemand::new(1 << 20, 0)).unwrap();
    /// let buffer = vec![1_u8; 1 << 20];
    /// drop((buffer, claim));
    /// ```
    pub fn of(demand: MemoryDemand) -> Result<MemoryClaim, MemoryShortage> {
        CLAIMS.claim(AvailableMemory::now(), demand)
    }
}

impl Claims {
    const fn new() -> Claims {
        Claims {
            private: AtomicU64::new(0),
            mapped: AtomicU64::new(0),
            child: AtomicU64::new(0),
            process: AtomicU32::new(0),
        }
    }

    fn claim(
        &'static self,
        available: AvailableMemory,
        demand: MemoryDemand,
    ) -> Result<MemoryClaim, MemoryShortage> {
        let process = std::process::id();
        if self.process.swap(process, Ordering::AcqRel) != process {
            self.private.store(0, Ordering::Release);
            self.mapped.store(0, Ordering::Release);
            self.child.store(0, Ordering::Release);
        }
        // Entered before it is judged: of two that come at once one may be refused, but never too much is granted.
        let claimed = MemoryDemand {
            private_bytes: self.private.fetch_add(demand.private_bytes, Ordering::AcqRel),
            mapped_bytes: self.mapped.fetch_add(demand.mapped_bytes, Ordering::AcqRel),
            child_bytes: self.child.fetch_add(demand.child_bytes, Ordering::AcqRel),
        };
        let claim = MemoryClaim { demand, process, among: self };
        available.without(claimed).allows(demand).map(|()| claim)
    }
}

impl Drop for MemoryClaim {
    fn drop(&mut self) {
        let Claims { private, mapped, child, process } = self.among;
        if process.load(Ordering::Acquire) == self.process && std::process::id() == self.process {
            private.fetch_sub(self.demand.private_bytes, Ordering::AcqRel);
            mapped.fetch_sub(self.demand.mapped_bytes, Ordering::AcqRel);
            child.fetch_sub(self.demand.child_bytes, Ordering::AcqRel);
        }
    }
}

impl fmt::Debug for MemoryClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.demand.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: AvailableMemory =
        AvailableMemory { control_group: None, address_space: None, data: None, machine: None };

    #[test]
    fn half_of_what_is_left_may_be_taken() {
        let check =
            |available: AvailableMemory, private, mapped, expected: Option<(u64, u64, MemoryLimit)>| {
                let short = available.allows(MemoryDemand::new(private, mapped)).err();
                let short = short.map(|short| (short.needed_bytes, short.available_bytes, short.limit));
                assert_eq!(short, expected);
            };
        let group = AvailableMemory { control_group: Some(100), ..NONE };
        check(group.clone(), 50, 1000, None);
        check(group.clone(), 51, 0, Some((51, 100, MemoryLimit::ControlGroup)));
        let space = AvailableMemory { address_space: Some(100), ..NONE };
        check(space.clone(), 20, 30, None);
        check(space, 20, 31, Some((51, 100, MemoryLimit::AddressSpace)));
        let data = AvailableMemory { data: Some(10), machine: Some(4), ..group };
        check(data.clone(), 2, 0, None);
        check(data.clone(), 3, 0, Some((3, 4, MemoryLimit::Machine)));
        check(AvailableMemory { machine: None, ..data }, 6, 0, Some((6, 10, MemoryLimit::Data)));
        check(NONE, u64::MAX, u64::MAX, None);
    }

    #[test]
    fn a_childs_memory_is_the_machines_and_the_groups_and_not_the_processs() {
        let little = AvailableMemory { address_space: Some(2), data: Some(2), machine: Some(100), ..NONE };
        assert!(little.allows(MemoryDemand::of_child(50)).is_ok());
        assert_eq!(little.allows(MemoryDemand::of_child(51)).unwrap_err().limit, MemoryLimit::Machine);
        let both = MemoryDemand::new(2, 0).with(MemoryDemand::of_child(40));
        assert_eq!(little.allows(both).unwrap_err().limit, MemoryLimit::AddressSpace);
        let group = AvailableMemory { control_group: Some(100), ..NONE };
        assert!(group.without(MemoryDemand::of_child(60)).allows(MemoryDemand::new(21, 0)).is_err());
    }

    #[test]
    fn the_machine_is_asked_for_what_it_would_still_promise() {
        let meminfo = b"MemTotal: 9 kB\nMemAvailable: 8 kB\nCommitLimit: 7 kB\nCommitted_AS: 5 kB\n";
        assert_eq!(machine(meminfo, Some(0)), Some(8 << 10));
        assert_eq!(machine(meminfo, None), Some(8 << 10));
        assert_eq!(machine(meminfo, Some(2)), Some(2 << 10));
        assert_eq!(machine(b"", Some(2)), None);
    }

    #[test]
    fn a_claim_counts_against_the_next_until_it_is_dropped() {
        static CLAIMS: Claims = Claims::new();
        let claim =
            |bytes| CLAIMS.claim(AvailableMemory { machine: Some(100), ..NONE }, MemoryDemand::new(bytes, 0));
        let first = claim(40).unwrap();
        let refused = claim(31).unwrap_err();
        assert_eq!((refused.available_bytes, refused.needed_bytes), (60, 31));
        let second = claim(30).unwrap();
        drop((first, second));
        assert!(claim(50).is_ok());
    }
}
