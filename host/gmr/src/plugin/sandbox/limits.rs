//! The limits of a call but for time: counts what it uses up, and says which limit stopped it. The time limit is
//! [`deadline`](super::deadline)'s.

use gmr_report::words::bytes;
use wasmtime::ResourceLimiter;

use crate::plugin::Limits;
use crate::plugin::interface::bindings::wit::document::{Block, Member};

/// The limiter of one store: totals over everything that the store holds, not per memory or table.
#[derive(Debug)]
pub struct Limiter {
    limits: Limits,
    /// What the process has for it, if that is less than its own limit.
    left_bytes: u64,
    memory_bytes: u64,
    table_elements: u64,
    host_calls: u64,
    /// The limit that was refused last, in words.
    refused: Option<String>,
}

impl Limiter {
    pub fn new(limits: Limits) -> Limiter {
        Limiter {
            limits,
            left_bytes: u64::MAX,
            memory_bytes: 0,
            table_elements: 0,
            host_calls: 0,
            refused: None,
        }
    }

    /// Holds it to so much memory, which is what the process has left for it.
    pub fn leave_to_the_process(&mut self, left_bytes: u64) {
        self.left_bytes = left_bytes;
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The linear memory in use. Nothing shrinks, so at the end it is the peak.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// Table elements in use, at the end their peak as well.
    pub fn table_elements(&self) -> u64 {
        self.table_elements
    }

    /// The calls to the host so far.
    pub fn host_calls(&self) -> u64 {
        self.host_calls
    }

    /// Why a growth was refused, if one was: the reason behind a trap that follows.
    pub fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Counts a call to the host.
    ///
    /// # Errors
    ///
    /// A trap once the plugin has made more calls than it may.
    pub fn count_host_call(&mut self) -> wasmtime::Result<()> {
        self.host_calls += 1;
        if self.host_calls <= self.limits.host_calls {
            return Ok(());
        }
        self.refused = Some(format!("it called the host more than {} times", self.limits.host_calls));
        Err(wasmtime::Error::msg("too many calls to the host"))
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory_bytes + (desired.saturating_sub(current)) as u64;
        if total > self.limits.memory_bytes {
            self.refused =
                Some(format!("it wanted more than its {} of memory", bytes(self.limits.memory_bytes)));
            return Ok(false);
        }
        if total > self.left_bytes {
            let left = bytes(self.left_bytes);
            self.refused =
                Some(format!("it wanted {} of memory, and the process has {left} left for it", bytes(total)));
            return Ok(false);
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.table_elements + (desired.saturating_sub(current)) as u64;
        if total > self.limits.table_elements {
            self.refused =
                Some(format!("it wanted more than its {} table elements", self.limits.table_elements));
            return Ok(false);
        }
        self.table_elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.limits.instances as usize
    }

    fn tables(&self) -> usize {
        self.limits.tables as usize
    }

    fn memories(&self) -> usize {
        self.limits.memories as usize
    }
}

/// How many bytes one call to the host may carry: the text twice, as limits are told apart better afterwards, and
/// the room that blocks and items take before they are looked at.
pub fn transfer_bytes(limits: &Limits) -> usize {
    let blocks = size_of::<Block>() as u64 * u64::from(limits.blocks);
    let items = size_of::<Member>() as u64 * u64::from(limits.items);
    usize::try_from(limits.output_bytes.saturating_mul(2) + 2 * (blocks + items)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> Limiter {
        Limiter::new(Limits { memory_bytes: 100, table_elements: 10, host_calls: 2, ..Limits::default() })
    }

    #[test]
    fn memories_are_counted_together() {
        let mut limiter = limiter();
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap(), "100 of 100 is allowed");
        assert!(!limiter.memory_growing(60, 61, None).unwrap(), "101 of 100 is not");
        assert_eq!(limiter.memory_bytes(), 100);
        assert_eq!(limiter.refused(), Some("it wanted more than its 100 B of memory"));
    }

    #[test]
    fn less_memory_is_there_where_the_process_has_less() {
        let mut limiter = limiter();
        limiter.leave_to_the_process(60);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(60, 61, None).unwrap());
        assert_eq!(limiter.refused(), Some("it wanted 61 B of memory, and the process has 60 B left for it"));
    }

    #[test]
    fn tables_are_counted_together() {
        let mut limiter = limiter();
        assert!(limiter.table_growing(0, 6, None).unwrap());
        assert!(limiter.table_growing(0, 4, None).unwrap());
        assert!(!limiter.table_growing(6, 7, None).unwrap());
        assert_eq!(limiter.refused(), Some("it wanted more than its 10 table elements"));
    }

    #[test]
    fn the_last_allowed_call_passes_and_the_next_traps() {
        let mut limiter = limiter();
        assert!(limiter.count_host_call().is_ok());
        assert!(limiter.count_host_call().is_ok());
        assert!(limiter.refused().is_none());
        assert!(limiter.count_host_call().is_err());
        assert_eq!(limiter.refused(), Some("it called the host more than 2 times"));
    }
}
