//! Pieces of a live stack, copied by the kernel into buffers of a fixed size as unwinding comes to them.

use crate::memory;
use crate::unwind::{Copied, StackMemory};

/// Two of them, so that code which switches stacks does not read each word anew.
const PIECES: usize = 2;
/// A typical stack has 6 KB from its stack pointer on.
const LENGTH: usize = 16 << 10;
/// The smallest page of either architecture.
const PAGE: u64 = 4096;
/// 4 MiB a thread; only a stack that leads in circles has more.
const MOST_READS: u32 = 256;

struct Piece {
    start: u64,
    length: usize,
    bytes: Box<[u8]>,
}

/// The pieces of one stack.
pub(super) struct StackPieces {
    pieces: [Piece; PIECES],
    /// Which piece is replaced next.
    next: usize,
    reads_left: u32,
}

impl StackPieces {
    pub fn new() -> StackPieces {
        // Filled, so that their memory is there when it is needed.
        let piece = || Piece { start: 0, length: 0, bytes: vec![0xff; LENGTH].into_boxed_slice() };
        StackPieces { pieces: std::array::from_fn(|_| piece()), next: 0, reads_left: 0 }
    }

    /// Forgets what was read, for the next stack.
    pub fn clear(&mut self) {
        self.pieces.iter_mut().for_each(|piece| piece.length = 0);
        self.reads_left = MOST_READS;
    }
}

impl StackMemory for StackPieces {
    fn word(&mut self, address: u64) -> Option<u64> {
        // Tables place everything on aligned words.
        if !address.is_multiple_of(8) {
            return None;
        }
        let known = |piece: &Piece| Copied(&[(piece.start, piece.bytes.get(..piece.length)?)]).word(address);
        if let Some(word) = self.pieces.iter().find_map(known) {
            return Some(word);
        }
        self.reads_left = self.reads_left.checked_sub(1)?;
        let piece = self.pieces.get_mut(self.next)?;
        self.next = (self.next + 1) % PIECES;
        // Up to the end of a page: what lies behind it may not be mapped, and costs more to read.
        let wanted = LENGTH - usize::try_from(address % PAGE).unwrap_or(0);
        piece.start = address;
        piece.length = memory::read_some(address, piece.bytes.get_mut(..wanted)?);
        known(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_once_and_a_piece_is_replaced_by_the_next_but_one() {
        let values: Vec<std::sync::atomic::AtomicU64> = (0..16 << 10).map(Into::into).collect();
        let address = |at: usize| values[at].as_ptr() as u64;
        let mut pieces = StackPieces::new();
        pieces.clear();
        let (near, far, farther) = (0, 5 << 10, 10 << 10);
        assert_eq!(pieces.word(address(near)), Some(near as u64));
        values[near].store(7, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(pieces.word(address(far)), Some(far as u64));
        assert_eq!(pieces.word(address(near)), Some(near as u64), "as it was read");
        assert_eq!(pieces.word(address(farther)), Some(farther as u64));
        assert_eq!(pieces.word(address(near)), Some(7), "its piece was replaced");
        assert_eq!(pieces.word(address(near) + 1), None);
        assert_eq!(pieces.word(8), None);
    }

    #[test]
    fn a_stack_that_leads_in_circles_ends() {
        let mut pieces = StackPieces::new();
        pieces.clear();
        let found = (0..2 * u64::from(MOST_READS)).filter(|at| pieces.word(8 * (at + 1)).is_some());
        assert_eq!(found.count(), 0);
        assert_eq!(pieces.reads_left, 0);
    }
}
