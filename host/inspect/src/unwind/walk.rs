//! The outcome of unwinding one stack: all frames of a shallow one, both ends of a deep one.

use super::Registers;
use crate::modules::CodeAddress;
use std::time::{Duration, Instant};

/// The innermost frames that are kept of a deep stack: where the thread stands, and several turns of a recursion.
const INNERMOST: usize = 768;
/// The outermost ones: who began it.
const OUTERMOST: usize = 256;
/// More frames than a person reads are counted and left out.
pub(super) const KEPT: usize = INNERMOST + OUTERMOST;
/// For so long a stack is followed beyond the frames that are kept. A step takes less than a microsecond of an optimised
/// build's time, and the largest stack that the main thread has by default, 8 MiB, half a million steps at the most.
const PATIENCE: Duration = Duration::from_millis(200);
/// The clock is looked at once in so many frames.
const BETWEEN_LOOKS: usize = 256;

/// Frames whose registers are kept, of a walk that keeps some, and one more, whose stack pointer is where the last of
/// these ends.
const TRAIL: usize = 64 + 1;

/// A frame's address, and what was known of the registers in it.
pub(crate) type Trailed = (CodeAddress, Registers);

/// One frame, before names are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RawFrame {
    pub address: CodeAddress,
    /// False where it rests on a frame pointer instead of unwind tables.
    pub verified: bool,
    /// How many frames between this one and the next are not kept.
    pub omitted: u32,
}

/// Why unwinding went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The tables say that this frame has no caller.
    Root,
    /// The return address was zero: how code without tables marks its first frame.
    ZeroReturn,
    /// The code belongs to nothing that is known.
    UnknownCode,
    /// No unwind tables, and no frame pointer that holds.
    NoTables,
    /// Code without tables seems to have been called by the thread's start itself: its frame pointer is perhaps not its
    /// own, and the frames between are not known.
    StartFromUnknownCode,
    /// A register is wanted that only a signal can tell.
    UnknownRegister(u16),
    /// The stack at this address was not copied or is not readable.
    Unreadable(u64),
    /// The tables contradict the stack.
    Inconsistent,
    /// So many were followed, for as long as one stack may take, and there are more.
    TooDeep(usize),
}

/// The outcome of unwinding one stack.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    pub frames: Vec<RawFrame>,
    pub end: End,
    /// A frame pointer was recovered from a function's prologue, and this many frames do not depend on it.
    /// The others are to be trusted only if the root was reached.
    pub certain: Option<usize>,
    /// The innermost frames with their registers, if the unwinder keeps these.
    pub trail: Vec<Trailed>,
    /// How many frames were found.
    count: usize,
    /// A frame that is not kept was not verified.
    doubt: bool,
    /// Until when a deep stack is followed.
    until: Option<Instant>,
}

impl Walk {
    /// Nothing yet, in the memory of a former one's frames and registers.
    pub(super) fn new(mut frames: Vec<RawFrame>, mut trail: Vec<Trailed>) -> Walk {
        frames.clear();
        trail.clear();
        Walk { frames, end: End::TooDeep(0), certain: None, trail, count: 0, doubt: false, until: None }
    }

    pub(super) fn keep(&mut self, address: CodeAddress, registers: &Registers) {
        if self.trail.len() < TRAIL {
            self.trail.push((address, *registers));
        }
    }

    /// How many frames were found, kept or not.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether the stack is deep and was followed for long enough.
    pub(super) fn is_over(&mut self) -> bool {
        if self.count < KEPT || !self.count.is_multiple_of(BETWEEN_LOOKS) {
            return false;
        }
        let now = Instant::now();
        now >= *self.until.get_or_insert(now + PATIENCE)
    }

    pub(super) fn push(&mut self, address: CodeAddress, verified: bool) {
        let frame = RawFrame { address, verified, omitted: 0 };
        let oldest = self.oldest();
        if self.count < KEPT {
            self.frames.push(frame);
        } else if let Some(oldest) = self.frames.get_mut(oldest) {
            self.doubt |= !oldest.verified;
            *oldest = frame;
        }
        self.count += 1;
    }

    /// Where the next frame goes once all places are taken: the outermost frames stand in a ring.
    fn oldest(&self) -> usize {
        INNERMOST + self.count.saturating_sub(INNERMOST) % OUTERMOST
    }

    pub(super) fn finish(&mut self, end: End) {
        self.end =
            if end == End::Root && self.starts_from_unknown_code() { End::StartFromUnknownCode } else { end };
        let Some(omitted) = self.count.checked_sub(KEPT).filter(|omitted| *omitted > 0) else { return };
        let oldest = self.oldest();
        if let Some(outermost) = self.frames.get_mut(INNERMOST..) {
            outermost.rotate_left(oldest - INNERMOST);
            if let Some(first) = outermost.first_mut() {
                first.verified &= !self.doubt;
            }
        }
        if let Some(last) = self.frames.get_mut(INNERMOST - 1) {
            last.omitted = u32::try_from(omitted).unwrap_or(u32::MAX);
        }
    }

    /// Whether a frame pointer alone led from code without tables to a thread's first function, which the root calls, or
    /// to the root itself. Code that keeps no frame pointer has its caller's, or that one's caller's, so that all between
    /// would have been skipped.
    fn starts_from_unknown_code(&self) -> bool {
        self.count <= KEPT && self.frames.iter().rev().take(2).any(|frame| !frame.verified)
    }

    /// Leaves out what rests on a frame pointer that was recovered.
    pub fn keep_certain(&mut self) {
        let Some(certain) = self.certain_and_kept() else { return };
        self.frames.truncate(certain);
        self.trail.truncate(certain);
        if let Some(last) = self.frames.last_mut() {
            last.omitted = 0;
        }
    }

    /// Marks what rests on a frame pointer that was recovered.
    pub fn doubt_uncertain(&mut self) {
        let Some(certain) = self.certain_and_kept() else { return };
        self.frames.iter_mut().skip(certain).for_each(|frame| frame.verified = false);
    }

    fn certain_and_kept(&self) -> Option<usize> {
        let certain = self.certain?;
        Some(if self.count > KEPT { certain.min(INNERMOST) } else { certain })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stack of so many frames, whose addresses count from 1, and which are verified.
    fn walked(count: usize, is_verified: impl Fn(u64) -> bool) -> Walk {
        let mut walk = Walk::new(Vec::new(), Vec::new());
        for address in 1..=count as u64 {
            walk.push(CodeAddress::Return(address), is_verified(address));
        }
        walk.finish(End::Root);
        walk
    }

    #[track_caller]
    fn check(walk: &Walk, addresses: impl Iterator<Item = u64>, omitted: u32) {
        let found: Vec<u64> = walk.frames.iter().map(|frame| frame.address.value()).collect();
        assert_eq!(found, addresses.collect::<Vec<_>>());
        assert_eq!(walk.frames.iter().map(|frame| frame.omitted).sum::<u32>(), omitted);
    }

    #[test]
    fn a_stack_is_kept_whole_up_to_the_limit_and_by_both_ends_beyond() {
        let all = |_| true;
        check(&walked(1, all), 1..=1, 0);
        check(&walked(KEPT, all), 1..=1024, 0);
        check(&walked(KEPT + 1, all), (1..=768).chain(770..=1025), 1);
        let deep = walked(5000, all);
        check(&deep, (1..=768).chain(4745..=5000), 3976);
        assert_eq!(deep.frames[INNERMOST - 1].omitted, 3976);
        assert_eq!(deep.count(), 5000);
    }

    #[test]
    fn a_doubt_about_what_is_not_kept_stands_behind_the_gap() {
        let walk = walked(5000, |address| address != 2000);
        assert!(walk.frames[..INNERMOST].iter().all(|frame| frame.verified));
        assert!(!walk.frames[INNERMOST].verified);
        assert!(walked(5000, |_| true).frames.iter().all(|frame| frame.verified));
    }

    #[test]
    fn what_rests_on_a_recovered_frame_pointer_is_left_out_or_marked() {
        for (count, certain, kept) in [(10, 4, 4), (5000, 4, 4), (5000, 900, 768), (1000, 900, 900)] {
            let mut walk = walked(count, |_| true);
            walk.certain = Some(certain);
            let mut marked = walk.clone();
            marked.doubt_uncertain();
            assert_eq!(marked.frames.iter().take_while(|frame| frame.verified).count(), kept);
            walk.keep_certain();
            check(&walk, 1..=kept as u64, 0);
        }
    }

    #[test]
    fn a_jump_from_unknown_code_to_the_threads_start_is_no_proof() {
        for (unverified, end) in
            [(3, End::Root), (4, End::StartFromUnknownCode), (5, End::StartFromUnknownCode)]
        {
            assert_eq!(walked(5, |address| address != unverified).end, end, "{unverified}");
        }
    }
}
