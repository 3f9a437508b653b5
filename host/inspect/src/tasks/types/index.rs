//! The index of the DWARF that is kept: hashes and offsets, a few megabytes for a large program.

use super::units::{EntryId, Place, Source, Units};
use crate::tasks::model::Reason;

/// Where in the debug information things are to be found.
#[derive(Default)]
pub(crate) struct Index {
    pub(super) places: Vec<Place>,
    /// Functions by the address of their first instruction, as linked.
    pub(super) functions: Vec<(u64, EntryId)>,
    /// Trait objects' vtables by their address, as linked, with their type.
    pub(super) vtables: Vec<(u64, EntryId)>,
    /// Defined types by the hash of their full name.
    pub(super) types: Vec<(u64, EntryId)>,
    /// Functions that resume a coroutine, by the hash of their full name.
    pub(super) resumes: Vec<(u64, EntryId)>,
    /// Hashes of the full names of all types that have a `<T as Future>::poll`.
    pub(super) futures: Vec<u64>,
    /// Units that could not be read: split off into a file that is not there, or damaged.
    pub(crate) unreadable_units: usize,
}

/// More definitions of one name than this are copies: each unit that uses a generic type may define it.
const COPIES: usize = 4;

impl Index {
    /// Scans all units, unless it is no longer wanted.
    pub(crate) fn build(source: &Source, unwanted: impl Fn() -> bool) -> Result<Index, Reason> {
        let units = Units::open(source)?;
        let mut index = Index { places: units.places(), ..Index::default() };
        for number in 0..index.places.len() {
            if unwanted() {
                return Err(Reason::BrokenOff);
            }
            // What cannot be parsed is absent; the rest of the program still has its types.
            let scanned =
                units.parse(&index.places, number).map(|parsed| index.scan(&units, &parsed, number));
            if !matches!(scanned, Some(Ok(()))) {
                index.unreadable_units += 1;
            }
        }
        index.finish();
        Ok(index)
    }

    fn finish(&mut self) {
        for list in [&mut self.functions, &mut self.vtables, &mut self.types, &mut self.resumes] {
            list.sort_unstable();
            list.dedup();
        }
        let (mut last, mut copies) = (0, 0);
        self.types.retain(|(hash, _)| {
            copies = if *hash == last { copies + 1 } else { 1 };
            last = *hash;
            copies <= COPIES
        });
        self.futures.sort_unstable();
        self.futures.dedup();
        for list in [&mut self.functions, &mut self.vtables, &mut self.types, &mut self.resumes] {
            list.shrink_to_fit();
        }
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

/// All entries of `key` in a sorted list.
pub(super) fn entries(list: &[(u64, EntryId)], key: u64) -> &[(u64, EntryId)] {
    let start = list.partition_point(|(other, _)| *other < key);
    let end = start + list[start..].partition_point(|(other, _)| *other == key);
    &list[start..end]
}
