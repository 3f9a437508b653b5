//! The index of the DWARF that is kept: hashes and offsets, a few megabytes for a large program and never more than
//! [`MAX_BYTES`].

use super::units::{EntryId, Place, Source, Units};
use crate::process::{AvailableMemory, MemoryDemand};
use crate::tasks::model::{DebugInformationFault, Reason};

/// The most that an index may take: an eighth of 770 MB of `.debug_info`.
const MAX_BYTES: usize = 96 << 20;

/// Where in the debug information things are to be found.
#[derive(Default)]
pub(crate) struct Index {
    pub(super) places: Vec<Place>,
    /// Functions by the address of their first instruction, as linked.
    pub(super) functions: Entries<{ usize::MAX }>,
    /// Trait objects' vtables by their address, as linked, with their type.
    pub(super) vtables: Entries<{ usize::MAX }>,
    /// Defined types by the hash of their full name. More definitions of one name are copies: each unit that uses a
    /// generic type may define it.
    pub(super) types: Entries<4>,
    /// Functions that resume a coroutine, by the hash of their full name.
    pub(super) resumes: Entries<1>,
    /// Hashes of the full names of all types that have a `<T as Future>::poll`.
    pub(super) futures: Vec<u64>,
    /// Something found no room: it is not whole.
    pub(super) is_cut: bool,
    /// How many units have been scanned.
    scanned: usize,
    /// Units that could not be read: split off into a file that is not there, or damaged.
    pub(crate) unreadable_units: usize,
}

/// Entries by a key, of one key at most `COPIES`. Sorted when all are in.
#[derive(Default)]
pub(super) struct Entries<const COPIES: usize>(Vec<(u64, EntryId)>);

/// A list begins with this room, and grows by half. Before it grows, what is there more than once is left out: most types
/// of a program are defined in many of its units.
const FIRST_ENTRIES: usize = 64 << 10;

impl<const COPIES: usize> Entries<COPIES> {
    /// Adds an entry; `false` if there is no room for it.
    #[must_use]
    pub(super) fn push(&mut self, entry: (u64, EntryId)) -> bool {
        let Entries(list) = self;
        if list.len() == list.capacity() {
            compact(list, COPIES);
            // A list that is still nearly full would be sorted again and again.
            let more = if list.len() > list.capacity() / 4 * 3 { list.capacity() / 2 } else { 0 };
            let more = if list.capacity() == 0 { FIRST_ENTRIES } else { more };
            if more > 0 && list.try_reserve_exact(list.capacity() - list.len() + more).is_err() {
                return false;
            }
        }
        list.push(entry);
        true
    }

    fn finish(&mut self) {
        compact(&mut self.0, COPIES);
        self.0.shrink_to_fit();
    }

    fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<(u64, EntryId)>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> &[(u64, EntryId)] {
        &self.0
    }

    /// All entries of `key`.
    pub(super) fn of(&self, key: u64) -> &[(u64, EntryId)] {
        let Entries(list) = self;
        let start = list.partition_point(|(other, _)| *other < key);
        let end = start + list[start..].partition_point(|(other, _)| *other == key);
        &list[start..end]
    }
}

#[cfg(stacks)]
impl<const COPIES: usize> Entries<COPIES> {
    /// All entries of the largest key that is not above this one.
    pub(super) fn up_to(&self, key: u64) -> &[(u64, EntryId)] {
        let Entries(list) = self;
        let end = list.partition_point(|(other, _)| *other <= key);
        list[..end].last().map_or(&[], |(last, _)| self.of(*last))
    }
}

/// Sorts the entries, and leaves of each key as many as are wanted.
fn compact(list: &mut Vec<(u64, EntryId)>, most_copies: usize) {
    list.sort_unstable();
    list.dedup();
    let (mut last, mut copies) = (None, 0);
    list.retain(|(key, _)| {
        copies = if last == Some(*key) { copies + 1 } else { 1 };
        last = Some(*key);
        copies <= most_copies
    });
}

/// What to do after a unit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Scan the next one.
    Unit,
    /// Leave the rest to somebody else.
    HandOver,
    /// Give it up.
    BreakOff,
}

impl Index {
    /// Scans all units, unless it is no longer wanted.
    pub(crate) fn build(source: &Source, unwanted: impl Fn() -> bool) -> Result<Index, Reason> {
        Index::default().go_on(source, || if unwanted() { Next::BreakOff } else { Next::Unit })
    }

    /// Scans the units that are left, and asks before each whether to. What is handed over is not whole yet.
    pub(crate) fn go_on(mut self, source: &Source, next: impl Fn() -> Next) -> Result<Index, Reason> {
        let units = Units::open(source)?;
        self.places = units.places();
        while self.scanned < self.places.len() {
            match next() {
                Next::Unit => {}
                Next::HandOver => return Ok(self),
                Next::BreakOff => return Err(Reason::BrokenOff),
            }
            let number = self.scanned;
            self.scanned += 1;
            // What cannot be parsed is absent; the rest of the program still has its types.
            let scanned = units.parse(&self.places, number).map(|parsed| self.scan(&units, &parsed, number));
            if !matches!(scanned, Some(Ok(()))) {
                self.unreadable_units += 1;
            }
            self.check_size()?;
        }
        self.finish();
        Ok(self)
    }

    /// Whether it may go on growing.
    fn check_size(&self) -> Result<(), Reason> {
        if self.bytes() > MAX_BYTES {
            let limit_bytes = MAX_BYTES as u64;
            return Err(Reason::DebugInformation(DebugInformationFault::IndexTooLarge { limit_bytes }));
        }
        if self.is_cut {
            let refused = AvailableMemory::now().refused(MemoryDemand::new(self.bytes() as u64 / 2, 0));
            return Err(Reason::NoMemory(refused));
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        let lists = [self.functions.bytes(), self.vtables.bytes(), self.types.bytes(), self.resumes.bytes()];
        let places = self.places.capacity() * size_of::<Place>();
        lists.iter().sum::<usize>() + places + self.futures.capacity() * size_of::<u64>()
    }

    fn finish(&mut self) {
        self.functions.finish();
        self.vtables.finish();
        self.types.finish();
        self.resumes.finish();
        self.futures.sort_unstable();
        self.futures.dedup();
        self.futures.shrink_to_fit();
    }

    /// Whether it found any type at all; line tables alone have none.
    pub(crate) fn has_types(&self) -> bool {
        !self.types.is_empty()
    }

    /// How many types of future it knows.
    pub(crate) fn futures(&self) -> usize {
        self.futures.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn an_index_that_is_handed_over_becomes_the_same() {
        use std::cell::Cell;
        let source = Source::new("/proc/self/exe");
        let whole = Index::build(&source, || false).unwrap();
        let (left, mut index) = (Cell::new(0), Index::default());
        let mut turns = 0;
        while turns == 0 || index.scanned < index.places.len() {
            left.set(whole.places.len() / 3 + 1);
            index = index
                .go_on(&Source::new("/proc/self/exe"), || match left.replace(left.get().saturating_sub(1)) {
                    0 => Next::HandOver,
                    _ => Next::Unit,
                })
                .unwrap();
            turns += 1;
        }
        assert!(turns > 1 && whole.has_types());
        assert_eq!(index.types.all(), whole.types.all());
        assert_eq!(index.functions.all(), whole.functions.all());
        assert_eq!(index.futures, whole.futures);
        assert!(index.go_on(&source, || Next::BreakOff).is_ok(), "nothing is left to ask for");
    }

    #[test]
    fn of_one_key_so_many_entries_are_kept() {
        let mut entries = Entries::<2>::default();
        let id = |offset| EntryId { unit: 0, offset };
        let many = 3 * FIRST_ENTRIES as u32;
        for offset in 0..many {
            // Each key four times, and each entry of one of them twice.
            assert!(entries.push((u64::from(offset / 4), id(offset))));
            if offset < 4 {
                assert!(entries.push((0, id(offset))));
            }
        }
        let room = entries.0.capacity();
        entries.finish();
        assert_eq!(entries.of(0), [(0, id(0)), (0, id(1))]);
        let last = u64::from(many / 4 - 1);
        assert_eq!(entries.of(last), [(last, id(many - 4)), (last, id(many - 3))]);
        assert_eq!(entries.of(last + 1), []);
        assert_eq!(entries.0.len(), many as usize / 2);
        // What was left out took no room for good.
        assert!(room < many as usize, "{room}");
    }
}
