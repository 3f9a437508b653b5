//! From a shortage of memory to the report's value.

use gmr_inspect::process as seen;
use gmr_report::{MemoryLimit, MemoryShortage};

/// Why something that takes much memory was left out.
pub(crate) fn memory_shortage(shortage: &seen::MemoryShortage) -> MemoryShortage {
    let limit = match shortage.limit {
        seen::MemoryLimit::ControlGroup => MemoryLimit::ControlGroup,
        seen::MemoryLimit::AddressSpace => MemoryLimit::AddressSpace,
        seen::MemoryLimit::Data => MemoryLimit::Data,
        seen::MemoryLimit::Machine => MemoryLimit::Machine,
        other => MemoryLimit::Unknown(format!("{other:?}")),
    };
    MemoryShortage::new(shortage.needed_bytes, shortage.available_bytes, limit)
}
