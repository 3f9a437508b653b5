//! The evidence of a capture: what the stacks were unwound from, kept so that values in frames can be looked for.
//!
//! Of each thread the live part of its stack, and for each frame what was known of the registers in it, so that debug
//! information can say where a variable was. All of it is a copy of one moment; for a thread that slept it is tied to
//! the time on its CPU clock, by which a later look can tell that nothing has changed. The calling thread has none.
//!
//! It is kept in one piece of memory for all threads. Pieces that the capture's second thread took would stay in its
//! allocator's hands, more of them from capture to capture.

use super::linux::cpu_clock;
use crate::modules::CodeAddress;
use crate::process::{MemoryClaim, MemoryDemand, MemoryShortage};
use crate::unwind::{Registers, Trailed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// As much as a thread copies in a signal handler. A typical stack has 6 KB.
pub(crate) const MAX_STACK_BYTES: usize = 64 << 10;

/// A thread that waits in a dozen frames takes this much: 1,000 of them were seen to take 1.2 MB.
const TYPICAL_BYTES: usize = 2 << 10;
/// As much as there may be for each thread, on average.
const BYTES_PER_THREAD: usize = 8 << 10;
/// What a few deep stacks take beyond that.
const BASE_BYTES: usize = 1 << 20;
/// A clock that is not known.
const NO_CLOCK: u64 = u64::MAX;
/// Beside the registers that are known of a frame: its address is one that a call returns to.
const RETURN: u64 = 1 << 63;

/// What one thread's stack was unwound from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence<'e> {
    /// Where the live part of the stack begins: the stack pointer, rounded down to a word.
    start: u64,
    stack: &'e [u64],
    /// The thread's CPU time at that moment in nanoseconds, where it slept and the clock can be read.
    clock: u64,
    /// For each frame its address, which registers are known, and what they hold, in the order of their numbers.
    frames: &'e [u64],
}

/// What is known of one frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameEvidence {
    /// As in [`Frame::address`](super::Frame::address).
    pub(crate) address: CodeAddress,
    /// The registers at that address, as far as they are known: in all but interrupted frames those that the called
    /// function has to keep.
    pub(crate) registers: Registers,
    /// The canonical frame address: the stack pointer in the caller at the call.
    pub(crate) cfa: Option<u64>,
}

impl<'e> Evidence<'e> {
    /// The innermost frames, at the most 64, as they stand in the thread's stack.
    pub(crate) fn frames(&self) -> Vec<FrameEvidence> {
        let mut frames: Vec<FrameEvidence> = Vec::new();
        let mut left = self.frames;
        while let Some(([address, known], rest)) = left.split_first_chunk() {
            let numbers = (0..63).filter(|number| known >> number & 1 == 1);
            let registers = Registers::of_known(numbers.zip(rest.iter().copied()));
            left = rest.get((known & !RETURN).count_ones() as usize..).unwrap_or_default();
            if let Some(called) = frames.last_mut() {
                called.cfa = registers.stack_pointer();
            }
            let is_return = known & RETURN != 0;
            let address =
                if is_return { CodeAddress::Return(*address) } else { CodeAddress::Instruction(*address) };
            frames.push(FrameEvidence { address, registers, cfa: None });
        }
        frames
    }

    /// Where the copied part of the stack begins, and its words.
    pub(crate) fn stack(&self) -> (u64, &'e [u64]) {
        (self.start, self.stack)
    }

    /// Reads bytes of the stack as they were. False if not all of them lie in the copied part.
    pub(crate) fn read(&self, address: u64, into: &mut [u8]) -> bool {
        let Some(at) = address.checked_sub(self.start).and_then(|at| usize::try_from(at).ok()) else {
            return false;
        };
        let inside = at.checked_add(into.len()).is_some_and(|end| end <= self.stack.len() * 8);
        if inside {
            for (number, byte) in into.iter_mut().enumerate() {
                let at = at + number;
                *byte = self.stack[at / 8].to_ne_bytes()[at % 8];
            }
        }
        inside
    }

    /// Whether the thread with this kernel id, of which this is, has not had a processor since. It is not known of
    /// threads that ran.
    pub(crate) fn is_still(&self, thread: u32) -> bool {
        self.clock != NO_CLOCK && cpu_clock::read(thread).map(nanoseconds) == Some(self.clock)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(NO_CLOCK)
}

/// The live part of a stack by the registers that a walk went through: from the innermost stack pointer to the
/// outermost one that lies on the same stack, at the most [`MAX_STACK_BYTES`].
pub(super) fn live_range(trail: &[Trailed]) -> Option<(u64, usize)> {
    let mut pointers = trail.iter().map_while(|(_, registers)| registers.stack_pointer());
    let start = pointers.next()? & !7;
    let (mut end, mut goes_on) = (start, false);
    for pointer in pointers {
        match pointer.checked_sub(start) {
            Some(distance) if distance <= MAX_STACK_BYTES as u64 => end = end.max(pointer),
            // Deeper than is kept, or another stack: of the former the rest of what is kept counts.
            beyond => {
                goes_on = beyond.is_some_and(|distance| distance <= 2 * MAX_STACK_BYTES as u64);
                break;
            }
        }
    }
    let length = if goes_on { MAX_STACK_BYTES } else { usize::try_from(end - start).ok()? };
    Some((start, length))
}

/// Where the evidence of one capture is put together, by all threads that make it.
#[derive(Debug)]
pub(super) struct Collection {
    words: Mutex<Vec<u64>>,
    most_words: usize,
    _claim: MemoryClaim,
}

/// Where in a collection the evidence of one thread begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize);

impl Collection {
    /// Room for the evidence of so many threads.
    pub(super) fn claim(threads: usize) -> Result<Arc<Collection>, MemoryShortage> {
        let bytes = threads.saturating_mul(BYTES_PER_THREAD).saturating_add(BASE_BYTES);
        let claim = MemoryClaim::of(MemoryDemand::new(bytes as u64, 0))?;
        let words = Mutex::new(Vec::with_capacity(threads.saturating_mul(TYPICAL_BYTES) / 8));
        Ok(Arc::new(Collection { words, most_words: bytes / 8, _claim: claim }))
    }

    fn words(&self) -> MutexGuard<'_, Vec<u64>> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the registers that a walk went through, and the stack from `start` on; `None` if there is no more room.
    pub(super) fn keep(
        &self,
        trail: &[Trailed],
        start: u64,
        stack: &[u8],
        clock: Option<Duration>,
    ) -> Option<Place> {
        let registers: usize = trail.iter().map(|(_, registers)| registers.known().count()).sum();
        let (frames, stack) = (2 * trail.len() + registers, stack.chunks_exact(8));
        let mut words = self.words();
        let place = words.len();
        if place + 4 + stack.len() + frames > self.most_words {
            return None;
        }
        words.extend([start, stack.len() as u64, clock.map_or(NO_CLOCK, nanoseconds), frames as u64]);
        words.extend(stack.map(|word| word.try_into().map_or(0, u64::from_ne_bytes)));
        for (address, registers) in trail {
            let known = registers.known().fold(0, |known, (number, _)| known | 1 << number);
            let kind = if matches!(address, CodeAddress::Return(_)) { RETURN } else { 0 };
            words.extend([address.value(), known | kind]);
            words.extend(registers.known().map(|(_, value)| value));
        }
        Some(Place(place))
    }

    /// What was kept of these threads.
    pub(super) fn finish(&self, threads: impl Iterator<Item = (u32, Place)>) -> AllEvidence {
        let mut places: Vec<(u32, usize)> = threads.map(|(thread, Place(at))| (thread, at)).collect();
        places.sort_unstable();
        AllEvidence(Arc::new(Kept { words: std::mem::take(&mut *self.words()), places }))
    }
}

/// The evidence of all threads that have some, by kernel id.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllEvidence(Arc<Kept>);

#[derive(Debug, Default)]
struct Kept {
    words: Vec<u64>,
    /// By kernel id: where its words begin.
    places: Vec<(u32, usize)>,
}

impl AllEvidence {
    /// That of the thread with this kernel id.
    pub(crate) fn of(&self, thread: u32) -> Option<Evidence<'_>> {
        let Kept { words, places } = &*self.0;
        let at = places.binary_search_by_key(&thread, |(thread, _)| *thread).ok()?;
        let ([start, stack, clock, frames], rest) = words.get(places.get(at)?.1..)?.split_first_chunk()?;
        let (stack, rest) = rest.split_at_checked(usize::try_from(*stack).ok()?)?;
        let frames = rest.get(..usize::try_from(*frames).ok()?)?;
        Some(Evidence { start: *start, stack, clock: *clock, frames })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(stack_pointers: &[u64]) -> Vec<Trailed> {
        let frame = |(number, pointer): (usize, &u64)| {
            let address = 0x1000 + number as u64;
            let kind = if number == 0 { CodeAddress::Instruction } else { CodeAddress::Return };
            (kind(address), Registers::of_code_and_stack(address, *pointer))
        };
        stack_pointers.iter().enumerate().map(frame).collect()
    }

    #[test]
    fn the_live_part_of_a_stack_ends_with_it_or_at_the_limit() {
        let check = |pointers: &[u64], expected| assert_eq!(live_range(&trail(pointers)), expected);
        check(&[], None);
        check(&[0x7003], Some((0x7000, 0)));
        check(&[0x7000, 0x7040, 0x8000], Some((0x7000, 0x1000)));
        check(&[0x7000, 0x17000], Some((0x7000, 0x10000)));
        check(&[0x7000, 0x7040, 0x17008], Some((0x7000, 0x10000)));
        // The stack goes on elsewhere.
        check(&[0x7000, 0x7040, 0x9_0000], Some((0x7000, 0x40)));
        check(&[0x7000, 0x7040, 0x100], Some((0x7000, 0x40)));
    }

    #[test]
    fn a_thread_has_its_frames_with_their_registers_and_its_stack() {
        let collection = Collection::claim(2).unwrap();
        let first = collection.keep(&trail(&[0x8000]), 0x8000, &[], None).unwrap();
        let stack = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        let second = collection.keep(&trail(&[0x7000, 0x7040]), 0x7000, &stack, None).unwrap();
        let all = collection.finish([(7, second), (5, first)].into_iter());
        assert!(all.of(6).is_none());
        assert_eq!(all.of(5).unwrap().frames().len(), 1);

        let evidence = all.of(7).unwrap();
        let frames = evidence.frames();
        assert_eq!(frames[0].registers, Registers::of_code_and_stack(0x1000, 0x7000));
        assert_eq!((frames[0].address, frames[0].cfa), (CodeAddress::Instruction(0x1000), Some(0x7040)));
        assert_eq!((frames[1].address, frames[1].cfa), (CodeAddress::Return(0x1001), None));
        let mut bytes = [0; 3];
        assert!(evidence.read(0x7002, &mut bytes) && bytes == [3, 4, 5]);
        for outside in [0x7006, 0x6fff, 0, u64::MAX] {
            assert!(!evidence.read(outside, &mut bytes), "{outside:#x}");
        }
        assert!(!evidence.is_still(7), "it ran");
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let collection = Collection::claim(1).unwrap();
        let keep = || collection.keep(&trail(&[0x8000]), 0x8000, &[0; MAX_STACK_BYTES], None);
        let kept = (0..100).take_while(|_| keep().is_some()).count();
        assert_eq!(kept, (BASE_BYTES + BYTES_PER_THREAD) / MAX_STACK_BYTES);
    }
}
