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
    let ranges: Vec<Range> = groups
        .clone()
        .flatten()
        .map(|word| Range { address: word.address, length: size_of::<u64>() })
        .collect();
    let (mut bytes, mut readable) = (Vec::new(), Vec::new());
    memory::read_many(&ranges, &mut bytes, &mut readable);
    let words = bytes.chunks_exact(size_of::<u64>()).zip(readable);
    let mut now = words.map(|(bytes, readable)| {
        let bytes = readable.then(|| bytes.try_into().ok()).flatten();
        bytes.map(u64::from_ne_bytes)
    });
    let mut is_same =
        |word: &Word| now.next().flatten().is_some_and(|value| value & word.mask == word.value & word.mask);
    // Each word is taken, whatever became of those before it.
    groups.map(|words| words.iter().map(&mut is_same).fold(true, |all, same| all & same)).collect()
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
