//! Memory of the process, from `/proc/self/status` and, in a small process, `smaps_rollup`.

use super::file;
use crate::proc::keys;

/// Memory of the process, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// In physical memory (`VmRSS`).
    pub resident: Option<u64>,
    /// The most that ever was (`VmHWM`).
    pub peak_resident: Option<u64>,
    /// Of the resident, not from any file (`RssAnon`).
    pub anonymous: Option<u64>,
    /// Of the resident, pages of files (`RssFile`).
    pub file_backed: Option<u64>,
    /// Of the resident, shared memory (`RssShmem`).
    pub shared: Option<u64>,
    /// Moved out to swap (`VmSwap`).
    pub swapped: Option<u64>,
    /// Address space (`VmSize`).
    pub virtual_size: Option<u64>,
    /// The most that ever was (`VmPeak`).
    pub peak_virtual_size: Option<u64>,
    /// Locked into physical memory (`VmLck`).
    pub locked: Option<u64>,
    /// Page tables (`VmPTE`).
    pub page_tables: Option<u64>,
    /// The part of the resident that is this process's fair share (PSS); `None` beyond [`Memory::COUNTABLE`].
    pub proportional: Option<u64>,
}

impl Memory {
    /// Up to this many resident bytes the fair share is counted. The kernel looks at each page for it and
    /// holds the address space against changes meanwhile: some 10 ms a GiB.
    pub const COUNTABLE: u64 = 1 << 30;
}

/// Gives freed memory back to the system, after work that needed much more than the process does otherwise.
/// Does nothing where the C library is not glibc.
///
/// Other threads that allocate meanwhile may wait for it, up to a few milliseconds each time.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call has no preconditions; it takes the allocator's own locks.
    let _ = unsafe { libc::malloc_trim(0) };
}

pub(super) fn take() -> Memory {
    let mut memory = file::read("/proc/self/status").map(|status| from(&status)).unwrap_or_default();
    if memory.resident.is_some_and(|resident| resident <= Memory::COUNTABLE) {
        memory.proportional =
            file::read("/proc/self/smaps_rollup").and_then(|text| keys::bytes_after(&text, "Pss"));
    }
    memory
}

fn from(status: &[u8]) -> Memory {
    let bytes = |key| keys::bytes_after(status, key);
    Memory {
        resident: bytes("VmRSS"),
        peak_resident: bytes("VmHWM"),
        anonymous: bytes("RssAnon"),
        file_backed: bytes("RssFile"),
        shared: bytes("RssShmem"),
        swapped: bytes("VmSwap"),
        virtual_size: bytes("VmSize"),
        peak_virtual_size: bytes("VmPeak"),
        locked: bytes("VmLck"),
        page_tables: bytes("VmPTE"),
        proportional: None,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_touched_is_counted() {
        let before = take();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = take();
        // Other tests of this process give memory back meanwhile: an index of the debug information is some megabytes.
        assert!(after.anonymous.unwrap() >= before.anonymous.unwrap() + (48 << 20), "{before:?} {after:?}");
        assert!(after.peak_resident >= after.resident && after.virtual_size >= after.resident);
        assert!(after.proportional.unwrap() <= after.resident.unwrap() + (1 << 20));
        drop(block);
    }

    #[test]
    fn a_kernel_that_tells_nothing_leaves_nothing() {
        assert_eq!(from(b""), Memory::default());
    }
}
