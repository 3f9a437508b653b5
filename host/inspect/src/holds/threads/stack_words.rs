//! The search of live stacks for addresses: of what is waited for, and of other stacks.
//!
//! A guard has its lock's address, and so has the frame that it is in, in a variable or in a register that deeper frames
//! have saved. So have references and remains of what was there before: what is found here is in question, and no more.

use rustc_hash::FxBuildHasher;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// The part of a thread's stack that is in use, as it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct LiveStack<'e> {
    pub thread: u32,
    pub start: u64,
    pub words: &'e [u64],
}

impl LiveStack<'_> {
    fn addresses(&self) -> impl Iterator<Item = (u64, u64)> {
        self.words.iter().enumerate().map(|(index, word)| (self.start + 8 * index as u64, *word))
    }

    pub fn range(&self) -> Range<u64> {
        self.start..self.start.saturating_add(8 * self.words.len() as u64)
    }
}

/// Addresses that are searched for, each with a number of its own.
#[derive(Default)]
pub(super) struct Wanted {
    numbers: HashMap<u64, usize, FxBuildHasher>,
    /// From the lowest to the highest: most words are none of them.
    span: Option<(u64, u64)>,
}

impl Wanted {
    pub fn insert(&mut self, address: u64, number: usize) {
        self.numbers.insert(address, number);
        let (low, high) = self.span.unwrap_or((address, address));
        self.span = Some((low.min(address), high.max(address)));
    }

    fn number(&self, word: u64) -> Option<usize> {
        let (low, high) = self.span?;
        if word < low || word > high {
            return None;
        }
        self.numbers.get(&word).copied()
    }
}

/// A word of a stack that is one of those that were searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// The address's number.
    pub number: usize,
    pub thread: u32,
    /// Where the innermost one lies.
    pub at: u64,
}

/// Which stacks have which of the addresses, and where the innermost frame has it.
pub(super) fn hits<'e>(stacks: impl Iterator<Item = LiveStack<'e>>, wanted: &Wanted) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    if wanted.span.is_none() {
        return hits;
    }
    for stack in stacks {
        let before = hits.len();
        for (at, word) in stack.addresses() {
            let Some(number) = wanted.number(word) else { continue };
            // Of one stack few are found, and they come in the order of frames.
            if !hits.iter().skip(before).any(|hit| hit.number == number) {
                hits.push(Hit { number, thread: stack.thread, at });
            }
        }
    }
    hits
}

/// The threads whose stacks have pointers into the stack of one that waits for others: what these work at lies there.
pub(super) fn pointing_into<'e>(
    stacks: impl Iterator<Item = LiveStack<'e>>,
    waiting: &LiveStack<'_>,
) -> Vec<u32> {
    let range = waiting.range();
    let others = stacks.filter(|stack| stack.thread != waiting.thread);
    others
        .filter(|stack| stack.words.iter().any(|word| range.contains(word)))
        .map(|stack| stack.thread)
        .collect()
}

/// The one thread that shares words with the one that waits which no other stack has; `None` if there are several.
/// `is_candidate` says whether a word may be an address of something that both work at.
pub(super) fn sharing_with<'e>(
    stacks: impl Iterator<Item = LiveStack<'e>>,
    waiting: &LiveStack<'_>,
    is_candidate: impl Fn(u64) -> bool,
) -> Option<u32> {
    let words: HashSet<u64, FxBuildHasher> =
        waiting.words.iter().copied().filter(|word| is_candidate(*word)).collect();
    // Who else has each: `None` for several.
    let mut others: HashMap<u64, Option<u32>, FxBuildHasher> = HashMap::default();
    for stack in stacks.filter(|stack| stack.thread != waiting.thread) {
        for word in stack.words.iter().filter(|word| words.contains(word)) {
            let other = others.entry(*word).or_insert(Some(stack.thread));
            *other = other.filter(|thread| *thread == stack.thread);
        }
    }
    let mut threads = others.into_values().flatten();
    let thread = threads.next()?;
    threads.all(|other| other == thread).then_some(thread)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Stack<'w> = (u32, u64, &'w [u64]);

    fn stacks<'w>(all: &[Stack<'w>]) -> impl Iterator<Item = LiveStack<'w>> {
        all.iter().map(|(thread, start, words)| LiveStack { thread: *thread, start: *start, words })
    }

    #[test]
    fn the_innermost_place_of_each_address() {
        let all: [Stack<'_>; 2] = [(1, 0x100, &[7, 90, 7, 91]), (2, 0x200, &[1, 92])];
        let mut wanted = Wanted::default();
        assert!(hits(stacks(&all), &wanted).is_empty());
        for (number, address) in [7, 92, 91].into_iter().enumerate() {
            wanted.insert(address, number);
        }
        let hit = |number, thread, at| Hit { number, thread, at };
        let expected = [hit(0, 1, 0x100), hit(2, 1, 0x118), hit(1, 2, 0x208)];
        assert_eq!(hits(stacks(&all), &wanted), expected);
    }

    #[test]
    fn who_points_into_a_stack_works_for_it() {
        let all: [Stack<'_>; 3] =
            [(1, 0x1000, &[0x1008, 0, 0]), (2, 0x2000, &[0x1017]), (3, 0x3000, &[0x1018, 0xfff])];
        let waiting = stacks(&all).next().unwrap();
        assert_eq!(pointing_into(stacks(&all), &waiting), [2]);
    }

    #[test]
    fn what_one_other_has_alone_is_shared_with_it() {
        let heap = |word| word >= 0x100;
        let all: [Stack<'_>; 3] =
            [(1, 0, &[1, 0x101, 0x102, 0x103]), (2, 0, &[1, 0x102, 0x101]), (3, 0, &[0x101])];
        let waiting = stacks(&all).next().unwrap();
        assert_eq!(sharing_with(stacks(&all), &waiting, heap), Some(2));
        let more = [&all[..], &[(4, 0, &[0x103])]].concat();
        assert_eq!(sharing_with(stacks(&more), &waiting, heap), None);
        assert_eq!(sharing_with(stacks(&all), &waiting, |_| false), None);
    }
}
