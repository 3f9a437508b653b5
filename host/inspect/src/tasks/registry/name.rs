//! The name of a registered future, in atomic words that can be read while they are written.
//!
//! The name is copied, so that a reader never follows a pointer to memory that its owner frees. Of a longer one the
//! first [`CAPACITY`] bytes are kept.

use super::atomics::AtomicU64;
use super::atomics::Ordering::Relaxed;

/// With the length these fill what is left of a slot's second cache line, and its third.
/// `connection [2001:db8:85a3::8a2e:370:7334]:54321` has 48 bytes.
const WORDS: usize = 9;

/// How many bytes of a name are kept.
pub(crate) const CAPACITY: usize = WORDS * 8;

pub(super) struct NameCell {
    length: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl NameCell {
    pub(super) fn new() -> Self {
        NameCell { length: AtomicU64::new(0), words: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    pub(super) fn store(&self, name: &str) {
        let kept = &name[..name.floor_char_boundary(CAPACITY)];
        self.length.store(kept.len() as u64, Relaxed);
        for (word, bytes) in self.words.iter().zip(kept.as_bytes().chunks(8)) {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_le_bytes(padded), Relaxed);
        }
    }

    /// The name; `None` for an empty one. What is read while it changes is some text or other, which the
    /// slot's sequence number makes the reader throw away.
    pub(super) fn load(&self) -> Option<String> {
        let length = usize::try_from(self.length.load(Relaxed)).unwrap_or(0).min(CAPACITY);
        let mut bytes = [0; CAPACITY];
        for (word, bytes) in self.words.iter().zip(bytes.chunks_mut(8)) {
            bytes.copy_from_slice(&word.load(Relaxed).to_le_bytes());
        }
        (length != 0).then(|| String::from_utf8_lossy(&bytes[..length]).into_owned())
    }
}
