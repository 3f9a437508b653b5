//! The read set of one decoding: the memory that it has read, and the values in it that mattered.

use std::ops::Range;

use crate::memory;
use crate::tasks::model::Fact;

/// The largest future that is read. Larger ones exist, by mistake mostly.
const MAX_BYTES: usize = 1 << 20;
/// Pieces of memory that one chain consists of: boxes, slices, nodes.
const MAX_CHUNKS: usize = 512;

/// Bytes of other places than the task's own, read on the way, and what was looked at.
#[derive(Default)]
pub(crate) struct ReadSet {
    bytes: Vec<u8>,
    chunks: Vec<Chunk>,
    looked: Vec<Looked>,
    /// What was read from here on does not count for the whole.
    aside: Option<Mark>,
    /// A bound was met: something is missing.
    pub(crate) truncated: bool,
    /// The time was over: something is missing.
    pub(crate) late: bool,
    /// Memory that should have been there was not.
    pub(crate) unreadable: bool,
}

#[derive(Clone, Copy)]
struct Chunk {
    address: u64,
    start: usize,
    length: usize,
}

#[derive(Clone, Copy)]
struct Looked {
    chunk: usize,
    offset: usize,
    length: usize,
    value: u64,
}

/// A moment in the life of a read set.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    bytes: usize,
    chunks: usize,
    looked: usize,
}

impl ReadSet {
    /// Forgets everything, keeps the memory for the next task.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.chunks.clear();
        self.looked.clear();
        self.aside = None;
        self.truncated = false;
        self.late = false;
        self.unreadable = false;
    }

    /// What is read from now on may be memory that nobody owns any more: that it cannot be read, or has changed, says
    /// nothing of what was read before.
    pub(crate) fn aside(&mut self) {
        self.aside = Some(self.mark());
    }

    /// How many integers have been looked at, for [`ReadSet::unchanged_in`].
    pub(crate) fn looked(&self) -> usize {
        self.looked.len()
    }

    /// How many of [`ReadSet::ranges`], from the first on, count for the whole.
    pub(crate) fn counting(&self) -> usize {
        self.aside.map_or(self.chunks.len(), |aside| aside.chunks)
    }

    /// What is to be said of a chain that is not complete.
    pub(crate) fn cut(&self) -> Option<Fact> {
        match (self.late, self.truncated) {
            (true, _) => Some(Fact::OutOfTime),
            (false, true) => Some(Fact::TooLarge),
            (false, false) => None,
        }
    }

    /// How much is here, for [`ReadSet::back_to`].
    pub(crate) fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), chunks: self.chunks.len(), looked: self.looked.len() }
    }

    /// Forgets what came after the mark.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.forget(mark);
        if self.aside.is_none() {
            self.truncated = false;
            self.late = false;
            self.unreadable = false;
        }
    }

    /// Forgets what was read after the mark, which then need not stay the same, but not what was missing.
    pub(crate) fn forget(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.chunks.truncate(mark.chunks);
        self.looked.truncate(mark.looked);
    }

    /// Adds bytes that were read already.
    pub(crate) fn add(&mut self, address: u64, bytes: &[u8]) {
        self.chunks.push(Chunk { address, start: self.bytes.len(), length: bytes.len() });
        self.bytes.extend_from_slice(bytes);
    }

    /// Makes sure that this memory is here, reading it at once.
    pub(crate) fn fetch(&mut self, address: u64, length: u64) -> bool {
        self.place(address, length).is_some()
    }

    /// An integer that steers the decoding: it must still be the same afterwards.
    pub(crate) fn integer(&mut self, address: u64, length: u64) -> Option<u64> {
        let (chunk, offset) = self.place(address, length.min(8))?;
        let length = usize::try_from(length.min(8)).ok()?;
        let start = self.chunks[chunk].start + offset;
        let value = number(self.bytes.get(start..start + length)?);
        self.looked.push(Looked { chunk, offset, length, value });
        Some(value)
    }

    /// Memory that says what something is called, and steers nothing.
    pub(crate) fn bytes(&mut self, address: u64, length: u64) -> Option<&[u8]> {
        let (chunk, offset) = self.place(address, length)?;
        let start = self.chunks[chunk].start + offset;
        self.bytes.get(start..start + usize::try_from(length).ok()?)
    }

    pub(crate) fn pointer(&mut self, address: u64) -> Option<u64> {
        self.integer(address, 8)
    }

    fn place(&mut self, address: u64, length: u64) -> Option<(usize, usize)> {
        let length = usize::try_from(length).ok()?;
        let inside = |chunk: &Chunk| {
            let offset = usize::try_from(address.checked_sub(chunk.address)?).ok()?;
            (offset.checked_add(length)? <= chunk.length).then_some(offset)
        };
        // The newest are the likeliest.
        for (index, chunk) in self.chunks.iter().enumerate().rev() {
            if let Some(offset) = inside(chunk) {
                return Some((index, offset));
            }
        }
        if self.chunks.len() >= MAX_CHUNKS || length > MAX_BYTES.saturating_sub(self.bytes.len()) {
            self.truncated |= self.aside.is_none();
            return None;
        }
        let start = self.bytes.len();
        self.bytes.resize(start + length, 0);
        if memory::read(address, &mut self.bytes[start..]).is_err() {
            self.bytes.truncate(start);
            self.unreadable |= self.aside.is_none();
            return None;
        }
        self.chunks.push(Chunk { address, start, length });
        Some((self.chunks.len() - 1, 0))
    }

    /// What has to be read again for [`ReadSet::unchanged`], in this order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = memory::Range> + '_ {
        self.chunks.iter().map(|chunk| memory::Range { address: chunk.address, length: chunk.length })
    }

    /// Whether everything that was looked at and counts for the whole is the same in `again`, which holds the bytes of
    /// [`ReadSet::ranges`] one after the other.
    pub(crate) fn unchanged(&self, again: &[u8]) -> bool {
        self.unchanged_in(0..self.aside.map_or(self.looked.len(), |aside| aside.looked), again)
    }

    /// As [`ReadSet::unchanged`], of these integers, by their numbers.
    pub(crate) fn unchanged_in(&self, looked: Range<usize>, again: &[u8]) -> bool {
        let Some(looked) = self.looked.get(looked) else { return false };
        // Chunks lie in `bytes` in the order in which they were read, so both have the same offsets.
        looked.iter().all(|looked| {
            let start = self.chunks[looked.chunk].start + looked.offset;
            again.get(start..start + looked.length).is_some_and(|bytes| number(bytes) == looked.value)
        })
    }

    /// How many bytes [`ReadSet::ranges`] has in all.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len()
    }
}

/// An integer of up to eight bytes, in this machine's order.
pub(crate) fn number(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    if cfg!(target_endian = "big") {
        word[8 - bytes.len()..].copy_from_slice(bytes);
        // Where words begin with their highest byte, a short one fills the end.
        return u64::from_be_bytes(word);
    }
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

/// The word at `offset`; 0 beyond the end.
pub(crate) fn word_at(bytes: &[u8], offset: u64) -> u64 {
    let word = usize::try_from(offset).ok().and_then(|start| bytes.get(start..start.checked_add(8)?));
    word.map_or(0, number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_again(set: &ReadSet) -> Vec<u8> {
        let (mut bytes, mut readable) = (Vec::new(), Vec::new());
        memory::read_many(&set.ranges().collect::<Vec<_>>(), &mut bytes, &mut readable);
        bytes
    }

    #[test]
    fn only_what_was_looked_at_must_stay() {
        let mut values = [1_u64, 2, 3];
        let address = values.as_ptr() as u64;
        let mut set = ReadSet::default();
        assert!(set.fetch(address, 24));
        assert_eq!(set.integer(address + 8, 8), Some(2));
        std::hint::black_box(&mut values)[2] = 4;
        assert!(set.unchanged(&read_again(&set)));
        std::hint::black_box(&mut values)[1] = 5;
        assert!(!set.unchanged(&read_again(&set)));
    }

    #[test]
    fn bounds_and_bad_addresses_are_told_apart() {
        let mut set = ReadSet::default();
        assert_eq!(set.integer(8, 8), None);
        assert!(set.unreadable && !set.truncated);
        set.clear();
        assert!(!set.fetch(8, MAX_BYTES as u64 + 1));
        assert!(set.truncated && !set.unreadable);
        assert!(!set.fetch(u64::MAX, 8));
    }
}
