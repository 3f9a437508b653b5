//! What follows from a stack's frames alone, found once for all threads that stand in the same ones.

use super::Frame;
use rustc_hash::FxBuildHasher;
use std::collections::HashMap;

/// A function of frames that remembers its values. Of thousands of threads most stand where others do, and a capture's
/// threads that do share their frames: these are told by where they lie in memory.
pub(crate) struct OfFrames<'c, T, F> {
    known: HashMap<(*const Frame, usize), T, FxBuildHasher>,
    find: F,
    /// So long nobody else's frames can lie there.
    _frames: std::marker::PhantomData<&'c [Frame]>,
}

impl<'c, T: Copy, F: FnMut(&'c [Frame]) -> T> OfFrames<'c, T, F> {
    pub(crate) fn new(find: F) -> OfFrames<'c, T, F> {
        OfFrames { known: HashMap::default(), find, _frames: std::marker::PhantomData }
    }

    pub(crate) fn of(&mut self, frames: &'c [Frame]) -> T {
        *self.known.entry((frames.as_ptr(), frames.len())).or_insert_with(|| (self.find)(frames))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::CodeAddress;

    #[test]
    fn it_is_found_once_for_the_same_frames() {
        let frames = [1, 2].map(|address| Frame::new(CodeAddress::Return(address)));
        let mut calls = 0;
        let mut first = OfFrames::new(|frames: &[Frame]| {
            calls += 1;
            frames.first().map(|frame| frame.address.value())
        });
        let found =
            [&frames[..], &frames[1..], &frames[..1], &frames[..], &[]].map(|frames| first.of(frames));
        assert_eq!(found, [Some(1), Some(2), Some(1), Some(1), None]);
        assert_eq!(calls, 4);
    }
}
