//! Second look: what was seen counts only if it still is so.
//!
//! Waits are read one after the other, so that each was true, and yet never all of them at once. What is the same
//! at the end as when it was seen was so in all the time between; so all that is left was true at one moment.

use super::{Party, Sightings, Word};
use crate::memory::{self, Range};

impl Sightings {
    /// Drops what has changed since it was seen: where one of its words has another value or cannot be read any
    /// more, or where its thread has gone on, as `unmoved` tells of a kernel thread id. A running thread is in no
    /// wait, but may hold something: it is asked of for waits alone where `None` says that it ran when it was
    /// looked at.
    ///
    /// Returns how many waits and holds were dropped.
    pub fn confirm(&mut self, unmoved: impl Fn(u32) -> Option<bool>) -> usize {
        let before = self.waits.len() + self.holds.len();
        let thread = |party| match party {
            Party::Thread(id) | Party::BlockOn(id) => unmoved(id),
            Party::Task(_) => Some(true),
        };
        let (waits, holds) =
            (self.waits.iter().map(|wait| &wait.words), self.holds.iter().map(|hold| &hold.words));
        let mut same = unchanged(waits.chain(holds).map(|words| &words[..])).into_iter();
        self.waits.retain(|wait| same.next() == Some(true) && thread(wait.by) == Some(true));
        self.holds.retain(|hold| same.next() == Some(true) && thread(hold.by) != Some(false));
        before - self.waits.len() - self.holds.len()
    }
}

/// Of each group whether all of its words are as they were.
fn unchanged<'w>(groups: impl Iterator<Item = &'w [Word]> + Clone) -> Vec<bool> {
    let now = Now::read(groups.clone().flatten().map(|word| word.address).collect());
    let is_same =
        |word: &Word| now.word(word.address).is_some_and(|value| value & word.mask == word.value & word.mask);
    groups.map(|words| words.iter().all(is_same)).collect()
}

/// Words as they are now.
struct Now {
    /// Pieces of memory, in ascending order, and where in `bytes` each of them begins.
    ranges: Vec<(Range, usize)>,
    bytes: Vec<u8>,
    readable: Vec<bool>,
}

/// Words that are no farther apart are read in one piece: most are those of one task or one lock, and the kernel takes
/// longer for a piece than for so many bytes.
const GAP: u64 = 128;

/// Pages can be read or not as a whole; those of all systems are as large or larger.
const PAGE: u64 = 4096;

impl Now {
    /// Reads the words at these addresses, each once.
    fn read(mut addresses: Vec<u64>) -> Now {
        const WORD: u64 = size_of::<u64>() as u64;
        addresses.sort_unstable();
        let mut ranges: Vec<Range> = Vec::new();
        for address in addresses {
            let end = address.saturating_add(WORD);
            match ranges.last_mut().map(|last| (last.address.saturating_add(last.length as u64), last)) {
                // What can be read of a piece can be read of each word in it, and the other way round.
                Some((until, last))
                    if address <= until.saturating_add(GAP)
                        && last.address / PAGE == (until.max(end) - 1) / PAGE =>
                {
                    last.length = (until.max(end) - last.address) as usize;
                }
                _ => ranges.push(Range { address, length: size_of::<u64>() }),
            }
        }
        let (mut bytes, mut readable) = (Vec::new(), Vec::new());
        memory::read_many(&ranges, &mut bytes, &mut readable);
        let mut from = 0;
        let ranges = ranges.into_iter().map(|range| {
            let begin = from;
            from += range.length;
            (range, begin)
        });
        Now { ranges: ranges.collect(), bytes, readable }
    }

    fn word(&self, address: u64) -> Option<u64> {
        let number = self.ranges.partition_point(|(range, _)| range.address <= address).checked_sub(1)?;
        let (range, from) = &self.ranges[number];
        let at = from + usize::try_from(address - range.address).ok()?;
        let bytes = self.bytes.get(at..at + size_of::<u64>()).filter(|_| self.readable[number])?;
        bytes.try_into().ok().map(u64::from_ne_bytes)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::holds::{Hold, Kind, Library, Object, Role, Wait, Want};

    fn word(of: &AtomicU64, mask: u64) -> Word {
        Word { address: of.as_ptr() as u64, mask, value: of.load(Ordering::Relaxed) }
    }

    #[test]
    fn what_has_changed_is_dropped_and_nothing_else() {
        let words: [AtomicU64; 3] = std::array::from_fn(|at| AtomicU64::new(at as u64));
        let lock = Object::new(Library::Tokio, Kind::Mutex, 0x10, 8);
        let wait = |task, words: Vec<Word>| {
            let mut wait = Wait::new(Party::Task(task), lock, Want::Exclusive);
            wait.words = words.into();
            wait
        };
        let mut hold = Hold::new(Party::Task(9), lock, Role::Exclusive);
        hold.words = vec![word(&words[2], 1)].into();
        let unreadable = Word { address: 8, mask: 0, value: 0 };
        let waits = vec![
            wait(1, vec![word(&words[0], u64::MAX), word(&words[1], u64::MAX)]),
            wait(2, vec![word(&words[0], u64::MAX)]),
            wait(3, vec![unreadable]),
            wait(4, vec![]),
        ];
        let mut seen = Sightings { waits, holds: vec![hold], ..Sightings::default() };
        words[1].store(7, Ordering::Relaxed);
        // Only its lowest bit counts.
        words[2].store(4, Ordering::Relaxed);
        assert_eq!(seen.confirm(|_| None), 2);
        let left: Vec<Party> = seen.waits.iter().map(|wait| wait.by).collect();
        assert_eq!(left, [Party::Task(2), Party::Task(4)]);
        assert_eq!(seen.holds.len(), 1);
        words[2].store(5, Ordering::Relaxed);
        assert_eq!(seen.confirm(|_| None), 1);
    }

    #[test]
    fn words_near_and_far_are_read_as_they_are() {
        // Of three pages, in which words of any distance lie, also across the border of two pages.
        let memory: Vec<u8> = (0..3 * PAGE).map(|at| (at % 251) as u8).collect();
        let start = memory.as_ptr() as u64;
        let places = [0, 8, 8, 16, 23, 160, 168, 700, PAGE - 4, PAGE - 3, PAGE, PAGE + 8, 2 * PAGE + 1];
        let unreadable = 8;
        let now = Now::read(places.iter().map(|at| start + at).chain([unreadable, u64::MAX]).collect());
        assert!(now.ranges.len() < places.len());
        for at in places {
            let bytes = &memory[at as usize..][..size_of::<u64>()];
            assert_eq!(now.word(start + at), Some(u64::from_ne_bytes(bytes.try_into().unwrap())), "{at}");
        }
        assert_eq!([unreadable, u64::MAX, 0].map(|address| now.word(address)), [None; 3]);
    }

    #[test]
    fn a_thread_that_has_gone_on_waits_and_holds_no_more() {
        let lock = Object::new(Library::Std, Kind::Mutex, 0x10, 4);
        let (stands, moved, ran) = (Party::Thread(1), Party::Thread(2), Party::Thread(3));
        let all = [stands, moved, ran];
        let waits = all.map(|by| Wait::new(by, lock, Want::Exclusive)).into();
        let holds = all.map(|by| Hold::new(by, lock, Role::Exclusive)).into();
        let mut seen = Sightings { waits, holds, ..Sightings::default() };
        seen.confirm(|id| [None, Some(true), Some(false), None][id as usize]);
        assert_eq!(seen.waits.iter().map(|wait| wait.by).collect::<Vec<_>>(), [stands]);
        assert_eq!(seen.holds.iter().map(|hold| hold.by).collect::<Vec<_>>(), [stands, ran]);
    }
}
