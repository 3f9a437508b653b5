//! What all plugins of one report share: memory while they run, and what their sections may have together. A limit of one
//! plugin says nothing of three hundred.

use gmr_inspect::process::{MemoryClaim, MemoryDemand};

use crate::plugin::interface::output_limits::Share;
use crate::plugin::sandbox::parallel::{Turn, Width};

/// Calls that go on beside the usual ones, while those have overrun their time.
const OVERRUNNING: usize = 4;

/// Memory of a call whose turn comes while others that overran hold all places. Most plugins take a tenth of it.
const SMALL_BYTES: u64 = 16 << 20;

/// How many calls may go on at once, and how much memory each may have beside its own limit.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub width: Width,
    pub memory_bytes: u64,
}

impl Room {
    /// The room for plugins with these limits of memory, by what this process has left. Nothing is set aside: most plugins
    /// take a hundredth of what they may, and others who need memory for the report should not be refused it meanwhile.
    pub fn now(limits: &[u64], at_once: usize) -> Room {
        Room::within(limits, at_once, |bytes| {
            let left = MemoryClaim::of(MemoryDemand::new(bytes, 0));
            left.err().map(|shortage| shortage.available_bytes / 2)
        })
    }

    pub fn memory_of(&self, turn: Turn) -> u64 {
        if turn.is_small { self.memory_bytes.min(SMALL_BYTES) } else { self.memory_bytes }
    }

    /// `left` is what there is for plugins, if it is less than this.
    fn within(limits: &[u64], at_once: usize, left: impl Fn(u64) -> Option<u64>) -> Room {
        let mut largest = limits.to_vec();
        largest.sort_unstable_by(|a, b| b.cmp(a));
        largest.truncate(at_once + OVERRUNNING);
        let sum = |limits: &[u64]| limits.iter().fold(0, |sum: u64, limit| sum.saturating_add(*limit));
        let Some(left) = left(sum(&largest)) else {
            let width = Width { at_once, in_all: at_once + OVERRUNNING };
            return Room { width, memory_bytes: u64::MAX };
        };
        let in_all = (1..=largest.len()).rev().find(|count| sum(&largest[..*count]) <= left).unwrap_or(1);
        Room { width: Width { at_once: at_once.min(in_all), in_all }, memory_bytes: left }
    }
}

/// Remarks of all plugins of a report, which compete with each other for the reader.
const REMARKS: usize = 64;

/// What is left of the output of all plugins. Whoever comes next may have all of it but for an equal part for each that is
/// still to come, so that no order and no number of others takes a plugin's part.
#[derive(Debug)]
pub struct Output {
    left: u64,
    part: u64,
    to_come: u64,
    remarks: usize,
    total: u64,
}

impl Output {
    pub fn new(total: u64, plugins: usize) -> Output {
        let to_come = plugins as u64;
        let remarks = (REMARKS / plugins.max(1)).max(1);
        Output { left: total, part: total / to_come.max(1), to_come, remarks, total }
    }

    /// What the next plugin may have.
    pub fn next(&mut self) -> Share {
        self.to_come = self.to_come.saturating_sub(1);
        let bytes = self.left.saturating_sub(self.part * self.to_come);
        Share { bytes, total: self.total, remarks: self.remarks }
    }

    /// Takes off what it has had.
    pub fn taken(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_part_and_what_others_leave() {
        let mut output = Output::new(100, 4);
        // All, but for three parts.
        assert_eq!(output.next().bytes, 25);
        output.taken(25);
        assert_eq!(output.next().bytes, 25);
        output.taken(5);
        assert_eq!(output.next().bytes, 45);
        output.taken(45);
        assert_eq!(output.next().bytes, 25);
        assert_eq!(Output::new(100, 1).next().bytes, 100);
    }

    #[test]
    fn remarks_are_shared_and_each_has_one() {
        assert_eq!(Output::new(1, 4).next().remarks, 16);
        assert_eq!(Output::new(1, 64).next().remarks, 1);
        assert_eq!(Output::new(1, 1000).next().remarks, 1);
    }

    #[test]
    fn as_many_run_as_memory_is_there_for() {
        let room = |limits: &[u64], left: Option<u64>| {
            let room = Room::within(limits, 2, |_| left);
            (room.width.at_once, room.width.in_all, room.memory_bytes)
        };
        assert_eq!(room(&[100; 10], None), (2, 6, u64::MAX));
        assert_eq!(room(&[100; 10], Some(350)), (2, 3, 350));
        assert_eq!(room(&[100; 10], Some(100)), (1, 1, 100));
        assert_eq!(room(&[100; 10], Some(60)), (1, 1, 60), "and it has what is there");
        assert_eq!(room(&[500, 10, 10], Some(400)), (1, 1, 400));
        assert_eq!(room(&[10, 10], Some(100)), (2, 2, 100));
    }
}
