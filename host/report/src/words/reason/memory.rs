//! Shortages of memory, in words.

use std::fmt;

use crate::model::{MemoryLimit, MemoryShortage};
use crate::words::bytes;

impl fmt::Display for MemoryShortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (needed, available) = (bytes(self.needed_bytes), bytes(self.available_bytes));
        let place = match &self.limit {
            MemoryLimit::ControlGroup => "in the control group",
            MemoryLimit::AddressSpace => "below RLIMIT_AS",
            MemoryLimit::Data => "below RLIMIT_DATA",
            MemoryLimit::Machine => "on the machine",
            MemoryLimit::Unknown(word) => word,
        };
        write!(f, "it takes {needed} of memory, {available} are free {place} (at most half is taken)")
    }
}
