//! Where unwinding reads the stack: a copy that was made before, or live memory read in pieces.

use crate::memory;

/// The stack as unwinding sees it.
pub(crate) trait StackMemory {
    /// The word at an address, or `None` if that is not to be had.
    fn word(&mut self, address: u64) -> Option<u64>;
}

/// Live memory, read as unwinding comes to it and kept until [`Live::clear`], of a deep stack its latest part. Each
/// address there is read once, so that a changing stack at least does not contradict itself.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pieces: Vec<(u64, Vec<u8>)>,
    /// Emptied pieces, to be filled again.
    spare: Vec<Vec<u8>>,
    /// What [`Live::copy`] made last.
    copy: Vec<u8>,
}

/// A typical stack has 6 KB from its stack pointer on.
const PIECE: usize = 8 << 10;
/// The smallest page of either architecture.
const PAGE: u64 = 4096;
/// Half a megabyte of a deep stack. Unwinding goes up, and looks back by a frame or two alone.
const KEPT_PIECES: usize = 64;

impl Live {
    /// Forgets what was read.
    pub fn clear(&mut self) {
        self.spare.extend(self.pieces.drain(..).map(|(_, bytes)| bytes));
        // One piece serves most threads.
        self.spare.truncate(4);
    }

    /// Puts together what lies from `start` on, of what was read already where that is known. Where memory ends, the
    /// copy does.
    pub fn copy(&mut self, start: u64, length: usize) -> &[u8] {
        self.copy.clear();
        while self.copy.len() < length {
            let at = start.wrapping_add(self.copy.len() as u64);
            let left = length - self.copy.len();
            let known = self.pieces.iter().find_map(|(start, bytes)| {
                let bytes = bytes.get(usize::try_from(at.checked_sub(*start)?).ok()?..)?;
                (!bytes.is_empty()).then_some(bytes)
            });
            if let Some(bytes) = known {
                self.copy.extend_from_slice(&bytes[..bytes.len().min(left)]);
                continue;
            }
            let next = self.pieces.iter().filter_map(|(start, _)| start.checked_sub(at)).min();
            let gap = next.and_then(|gap| usize::try_from(gap).ok()).map_or(left, |gap| gap.min(left));
            let before = self.copy.len();
            self.copy.resize(before + gap, 0);
            let read = memory::read_some(at, &mut self.copy[before..]);
            self.copy.truncate(before + read);
            if read < gap {
                break;
            }
        }
        &self.copy
    }

    /// What [`Live::copy`] made last.
    pub fn copied(&self) -> &[u8] {
        &self.copy
    }
}

impl StackMemory for Live {
    fn word(&mut self, address: u64) -> Option<u64> {
        // Tables place everything on aligned words.
        if !address.is_multiple_of(8) {
            return None;
        }
        // The newest piece is nearly always the right one.
        if let Some(word) =
            self.pieces.iter().rev().find_map(|(start, bytes)| word_in(*start, bytes, address))
        {
            return Some(word);
        }
        if self.pieces.len() >= KEPT_PIECES {
            self.spare.push(self.pieces.remove(0).1);
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        // Up to the end of a page: a page more is a quarter of the cost of reading.
        let length = PIECE - usize::try_from(address % PAGE).unwrap_or(0);
        bytes.resize(length, 0);
        let read = memory::read_some(address, &mut bytes);
        bytes.truncate(read);
        let word = word_in(address, &bytes, address);
        self.pieces.push((address, bytes));
        word
    }
}

/// Ranges copied at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copied<'c>(pub &'c [(u64, &'c [u8])]);

impl StackMemory for Copied<'_> {
    fn word(&mut self, address: u64) -> Option<u64> {
        self.0.iter().find_map(|(start, bytes)| word_in(*start, bytes, address))
    }
}

/// Ranges copied at one moment, and what lies above them as it is now.
#[derive(Debug)]
pub(crate) struct CopiedThenLive<'c> {
    pub copied: Copied<'c>,
    /// Where the first range ends.
    pub above: u64,
    pub live: &'c mut Live,
}

impl StackMemory for CopiedThenLive<'_> {
    fn word(&mut self, address: u64) -> Option<u64> {
        let copied = self.copied.word(address);
        copied.or_else(|| if address >= self.above { self.live.word(address) } else { None })
    }
}

fn word_in(start: u64, bytes: &[u8], address: u64) -> Option<u64> {
    let at = usize::try_from(address.checked_sub(start)?).ok()?;
    Some(u64::from_ne_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_gives_whole_words_of_its_ranges_only() {
        let bytes = [1_u64.to_ne_bytes(), 2_u64.to_ne_bytes()].concat();
        let ranges = [(0x1000, &bytes[..]), (0x8000, &bytes[..8])];
        let mut copied = Copied(&ranges);
        assert_eq!(copied.word(0x1000), Some(1));
        assert_eq!(copied.word(0x1008), Some(2));
        assert_eq!(copied.word(0x8000), Some(1));
        for outside in [0x1009, 0x1010, 0xfff, 0x8008, 0, u64::MAX] {
            assert_eq!(copied.word(outside), None, "{outside:#x}");
        }
    }

    #[test]
    fn above_a_copy_memory_is_read_as_it_is() {
        let words = [1_u64, 2, 3];
        let start = words.as_ptr() as u64;
        let bytes = 7_u64.to_ne_bytes();
        let mut live = Live::default();
        let mut memory =
            CopiedThenLive { copied: Copied(&[(start, &bytes)]), above: start + 16, live: &mut live };
        assert_eq!([0, 8, 16].map(|at| memory.word(start + at)), [Some(7), None, Some(3)]);
    }

    #[test]
    fn a_deep_stack_is_read_to_its_end_in_bounded_memory() {
        let words: Vec<u64> = (0..(KEPT_PIECES * PIECE / 4) as u64).collect();
        let mut live = Live::default();
        for (at, word) in words.iter().enumerate() {
            assert_eq!(live.word(words.as_ptr() as u64 + 8 * at as u64), Some(*word));
        }
        assert!(live.pieces.len() <= KEPT_PIECES);
    }

    #[test]
    fn a_copy_is_put_together_of_what_was_read_and_what_was_not() {
        let words: Vec<u64> = (0..PIECE as u64).collect();
        let start = words.as_ptr() as u64;
        let expected: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut live = Live::default();
        for at in [3, PIECE / 2, PIECE / 4] {
            live.word(start + 8 * at as u64);
        }
        assert!(live.copy(start, 8 * PIECE) == expected);
        assert!(live.copy(start + 24, 80) == &expected[24..104]);
        assert_eq!(live.copied().len(), 80);
        assert!(live.copy(8, 80).is_empty());
    }

    #[test]
    fn live_memory_is_read_once_until_cleared() {
        let value = std::sync::atomic::AtomicU64::new(1);
        let address = value.as_ptr() as u64;
        let mut live = Live::default();
        assert_eq!(live.word(address), Some(1));
        value.store(2, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(live.word(address), Some(1));
        live.clear();
        assert_eq!(live.word(address), Some(2));
        assert_eq!(live.word(8), None);
        assert_eq!(live.word(address + 1), None);
    }
}
