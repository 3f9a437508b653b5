//! Memory that a program has allocated and that the system holds for it: what a measurement compares.
//!
//! A program that measures has `#[global_allocator] static ALLOCATOR: Counting = COUNTING;`.

use std::alloc::System;

/// The system's allocator, counting.
pub type Counting = &'static stats_alloc::StatsAlloc<System>;

/// The one counting allocator of a process.
pub const COUNTING: Counting = &stats_alloc::INSTRUMENTED_SYSTEM;

/// What is in use, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Allocated and not released: the program's own.
    pub live: i64,
    /// Resident, and this process's alone; the allocator may keep some of it for later use.
    pub resident: i64,
}

impl Memory {
    /// What is in use now.
    pub fn now() -> Memory {
        let status = std::fs::read_to_string("/proc/self/status").expect("/proc is mounted");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux 4.5 or later");
        let resident: i64 = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
        Memory { live: live(), resident: resident << 10 }
    }

    /// How much more is in use than there was.
    pub fn since(self, before: Memory) -> Memory {
        Memory { live: self.live - before.live, resident: self.resident - before.resident }
    }
}

/// Bytes that are allocated and not released; growth in place is in both counts of the allocator's already.
pub fn live() -> i64 {
    let stats = stats_alloc::INSTRUMENTED_SYSTEM.stats();
    stats.bytes_allocated.cast_signed() as i64 - stats.bytes_deallocated.cast_signed() as i64
}

/// Bytes that have been allocated since the process began, released or not.
pub fn allocated() -> u64 {
    stats_alloc::INSTRUMENTED_SYSTEM.stats().bytes_allocated as u64
}
