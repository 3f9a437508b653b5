//! A shortage of memory: why something that takes much of it was left out.

use serde::{Deserialize, Serialize};

use crate::model::unknown::words;

/// Something was left out, since it takes more memory than half of what there is.
///
/// ```
/// use gmr_report::{MemoryLimit, MemoryShortage};
///
/// let shortage = MemoryShortage::new(640 << 20, 70 << 20, MemoryLimit::ControlGroup);
/// assert_eq!(
///     shortage.to_string(),
///     "it takes 640.0 MiB of memory, 70.0 MiB are free in the control group (at most half is taken)"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MemoryShortage {
    /// What it takes, in bytes.
    pub needed_bytes: u64,
    /// What there is, in bytes.
    pub available_bytes: u64,
    /// What sets that limit.
    pub limit: MemoryLimit,
}

impl MemoryShortage {
    /// A shortage: what is needed and what there is, in bytes.
    pub fn new(needed_bytes: u64, available_bytes: u64, limit: MemoryLimit) -> MemoryShortage {
        MemoryShortage { needed_bytes, available_bytes, limit }
    }
}

words! {
    /// What limits how much memory a process may take.
    MemoryLimit {
        /// The limit of its control group, or of one around it.
        ControlGroup = "control_group",
        /// The resource limit of its address space, `RLIMIT_AS`.
        AddressSpace = "address_space",
        /// The resource limit of its data, `RLIMIT_DATA`.
        Data = "data",
        /// The machine's own memory.
        Machine = "machine",
    }
}
