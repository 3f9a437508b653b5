//! Excerpts of a file's `.debug_info`: the units that given addresses lie in, and those that they refer to.
//!
//! `addr2line` parses every unit of what it is given, and what it keeps of them takes as much memory as they take in the
//! file: a gigabyte for a large program, of which a report needs some dozens of units.
//!
//! What costs is to parse abbreviations, since each unit has its own. So it is done once for those units that are read, and
//! not at all for those that are only asked where they lie ([`unit_root`](super::unit_root)).

use super::search::is_over;
use super::unit_root;
use gimli::{
    Abbreviations, AttributeValue, DebugInfoOffset, Dwarf, EndianSlice, Endianity as _, Format, Reader as _,
    RunTimeEndian, Section as _, UnitHeader, UnitOffset,
};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Instant;

pub(super) type Reader<'s> = EndianSlice<'s, RunTimeEndian>;

/// Units are taken together up to this size, so that no more memory is needed for a thousand of them than for ten.
const MOST_BYTES: usize = 2 << 20;

/// Units that are referred to are taken in up to this size; what is referred to beyond it has no name. Only programs that
/// were optimised as a whole have such references.
const MOST_REFERRED_BYTES: usize = 32 << 20;

/// References are followed so far: from an instance to its origin and its declaration are two.
const MOST_STEPS: usize = 16;

/// The units of a file that addresses lie in.
pub(super) struct Units {
    /// Where each unit of the file begins and ends.
    places: Vec<(usize, usize)>,
    /// Units with the indices of the addresses in them.
    covering: Vec<(usize, Vec<usize>)>,
}

/// Some of these units.
pub(super) struct Part<'u>(&'u [(usize, Vec<usize>)]);

impl Units {
    /// The units in which `offsets` lie, which are sorted; `None` if there is no time to look at all of them.
    pub(super) fn covering(
        dwarf: &Dwarf<Reader<'_>>,
        offsets: &[u64],
        until: Option<Instant>,
    ) -> Result<Option<Units>, gimli::Error> {
        let mut units = Units { places: Vec::new(), covering: Vec::new() };
        let mut headers = dwarf.units();
        while let Some(header) = headers.next()? {
            if is_over(until) {
                return Ok(None);
            }
            let start = header.offset().0;
            units.places.push((start, start.saturating_add(header.length_including_self())));
            // What cannot be parsed is absent; the rest of the program still has its names.
            let indices = indices_in(dwarf, header, offsets).unwrap_or_default();
            if !indices.is_empty() {
                units.covering.push((units.places.len() - 1, indices));
            }
        }
        units.covering.sort_by_key(|(_, indices)| indices.first().copied());
        Ok(Some(units))
    }

    /// These units in parts of limited size, the one with the first addresses first.
    pub(super) fn parts(&self) -> Vec<Part<'_>> {
        let (mut parts, mut rest, mut bytes) = (Vec::new(), &self.covering[..], 0);
        let mut length = 0;
        while length < rest.len() {
            let size = self.size(rest[length].0);
            if length > 0 && bytes + size > MOST_BYTES {
                let (part, after) = rest.split_at(length);
                parts.push(Part(part));
                (rest, bytes, length) = (after, 0, 0);
            }
            (bytes, length) = (bytes + size, length + 1);
        }
        parts.extend((!rest.is_empty()).then_some(Part(rest)));
        parts
    }

    fn size(&self, unit: usize) -> usize {
        self.places.get(unit).map_or(0, |(start, end)| end - start)
    }

    /// The unit that has the byte at that place of `.debug_info`.
    fn at(&self, place: usize) -> Option<usize> {
        let unit = self.places.partition_point(|(start, _)| *start <= place).checked_sub(1)?;
        (place < self.places[unit].1).then_some(unit)
    }

    /// How many bytes the units of a part have.
    pub(super) fn bytes(&self, part: &Part<'_>) -> usize {
        part.0.iter().map(|(unit, _)| self.size(*unit)).sum()
    }

    /// A `.debug_info` of these units alone, with those that they refer to for names; `None` if there is no memory for it.
    pub(super) fn excerpt(
        &self,
        dwarf: &Dwarf<Reader<'_>>,
        part: &Part<'_>,
    ) -> Result<Option<Vec<u8>>, gimli::Error> {
        let (taken, patches, followed, parsed) = Default::default();
        let mut references = References { units: self, dwarf, taken, bytes: 0, patches, followed, parsed };
        for (unit, _) in part.0 {
            references.take(*unit);
        }
        for (unit, _) in part.0 {
            references.scan(*unit)?;
        }
        Ok(references.into_bytes())
    }
}

impl Part<'_> {
    /// The addresses that lie in its units, ascending.
    pub(super) fn indices(&self) -> Vec<usize> {
        let mut indices: Vec<usize> = self.0.iter().flat_map(|(_, indices)| indices).copied().collect();
        indices.sort_unstable();
        indices.dedup();
        indices
    }
}

/// The indices of the addresses that the unit covers: by its ranges, or by its lines if it has none.
fn indices_in(
    dwarf: &Dwarf<Reader<'_>>,
    header: UnitHeader<Reader<'_>>,
    offsets: &[u64],
) -> Result<Vec<usize>, gimli::Error> {
    let mut indices = Vec::new();
    let mut enter = |begin: u64, end: u64| {
        let first = offsets.partition_point(|offset| *offset < begin);
        let behind = offsets.partition_point(|offset| *offset < end);
        indices.extend(first..behind);
    };
    if let Some(ranges) = unit_root::ranges(dwarf, &header)? {
        ranges.iter().for_each(|range| enter(range.start, range.end));
    } else if let Some(lines) = dwarf.unit(header)?.line_program {
        let (mut rows, mut begin) = (lines.rows(), None);
        while let Some((_, row)) = rows.next_row()? {
            let start = *begin.get_or_insert(row.address());
            if row.end_sequence() {
                enter(start, row.address());
                begin = None;
            }
        }
    }
    indices.sort_unstable();
    indices.dedup();
    Ok(indices)
}

/// The units of an excerpt, and the references between them, which count from the begin of the section.
struct References<'u, 'd, 's> {
    units: &'u Units,
    dwarf: &'d Dwarf<Reader<'s>>,
    /// Where each unit will be, by where it is.
    taken: BTreeMap<usize, usize>,
    bytes: usize,
    patches: Vec<Patch>,
    /// What has been followed already.
    followed: BTreeSet<usize>,
    parsed: HashMap<usize, Rc<Parsed<'s>>>,
}

/// A unit that can be read entry by entry.
struct Parsed<'s> {
    header: UnitHeader<Reader<'s>>,
    abbreviations: Abbreviations,
}

impl<'s> References<'_, '_, 's> {
    fn take(&mut self, unit: usize) {
        let at = self.bytes;
        if let Entry::Vacant(place) = self.taken.entry(unit) {
            place.insert(at);
            self.bytes += self.units.size(unit);
        }
    }

    fn parse(&mut self, unit: usize) -> Result<Rc<Parsed<'s>>, gimli::Error> {
        if let Some(parsed) = self.parsed.get(&unit) {
            return Ok(Rc::clone(parsed));
        }
        let start = self.units.places.get(unit).map_or(0, |(start, _)| *start);
        let header = self.dwarf.unit_header(DebugInfoOffset(start))?;
        let abbreviations = header.abbreviations(&self.dwarf.debug_abbrev)?;
        let parsed = Rc::new(Parsed { header, abbreviations });
        self.parsed.insert(unit, Rc::clone(&parsed));
        Ok(parsed)
    }

    /// Follows all references of a unit.
    fn scan(&mut self, number: usize) -> Result<(), gimli::Error> {
        let unit = self.parse(number)?;
        let mut entries = unit.header.entries_raw(&unit.abbreviations, None)?;
        let mut targets = Vec::new();
        while !entries.is_empty() {
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            for specification in abbreviation.attributes() {
                let attribute = entries.read_attribute(*specification)?;
                if let Some(target) = reference(&attribute) {
                    self.patches.push(patch(number, &unit.header, entries.next_offset(), target));
                    targets.push(target);
                }
            }
        }
        targets.sort_unstable();
        targets.dedup();
        targets.into_iter().for_each(|target| self.follow(target));
        Ok(())
    }

    /// Takes in the unit of what is referred to, and what that entry refers to itself.
    fn follow(&mut self, target: usize) {
        let mut next = Some(target);
        for _ in 0..MOST_STEPS {
            let Some(target) = next.filter(|target| self.followed.insert(*target)) else { return };
            let Some(number) = self.units.at(target) else { return };
            let room = MOST_REFERRED_BYTES.saturating_sub(self.bytes);
            if !self.taken.contains_key(&number) && self.units.size(number) > room {
                return;
            }
            self.take(number);
            next = self.references_of(number, target).ok().flatten();
        }
    }

    /// What a single entry refers to.
    fn references_of(&mut self, number: usize, place: usize) -> Result<Option<usize>, gimli::Error> {
        let unit = self.parse(number)?;
        let within = place - self.units.places[number].0;
        let mut entries = unit.header.entries_raw(&unit.abbreviations, Some(UnitOffset(within)))?;
        let Some(abbreviation) = entries.read_abbreviation()? else { return Ok(None) };
        let mut found = None;
        for specification in abbreviation.attributes() {
            let attribute = entries.read_attribute(*specification)?;
            if let Some(target) = reference(&attribute) {
                self.patches.push(patch(number, &unit.header, entries.next_offset(), target));
                found = Some(target);
            }
        }
        Ok(found)
    }

    /// The units one after the other, with the references as they have to be there.
    fn into_bytes(self) -> Option<Vec<u8>> {
        let section = self.dwarf.debug_info.reader();
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(self.bytes).ok()?;
        bytes.resize(self.bytes, 0);
        for (unit, at) in &self.taken {
            let (start, end) = self.units.places[*unit];
            bytes.get_mut(*at..at + (end - start))?.copy_from_slice(section.slice().get(start..end)?);
        }
        for patch in &self.patches {
            let Some(at) = self.taken.get(&patch.unit) else { continue };
            // What was not taken in is nowhere: there is no entry at the begin of a section.
            let target = self
                .units
                .at(patch.target)
                .and_then(|unit| Some(self.taken.get(&unit)? + (patch.target - self.units.places[unit].0)));
            let target = target.unwrap_or(0);
            let place = bytes.get_mut(at + patch.place..at + patch.place + patch.length)?;
            match (patch.length, u32::try_from(target)) {
                (4, Ok(target)) => section.endian().write_u32(place, target),
                (8, _) => section.endian().write_u64(place, target as u64),
                _ => {}
            }
        }
        Some(bytes)
    }
}

/// A reference to be changed.
struct Patch {
    unit: usize,
    /// Where it is in its unit.
    place: usize,
    length: usize,
    /// What it refers to, from the begin of the section.
    target: usize,
}

/// A reference that ends at that place of a unit.
fn patch(number: usize, unit: &UnitHeader<Reader<'_>>, end: UnitOffset, target: usize) -> Patch {
    let encoding = unit.encoding();
    let length = match encoding.format {
        // The second version of DWARF has addresses for it.
        _ if encoding.version <= 2 => usize::from(encoding.address_size),
        Format::Dwarf32 => 4,
        Format::Dwarf64 => 8,
    };
    Patch { unit: number, place: end.0.saturating_sub(length), length, target }
}

/// What an attribute refers to that leads to a function's name in another unit.
fn reference(attribute: &gimli::Attribute<Reader<'_>>) -> Option<usize> {
    match (attribute.name(), attribute.value()) {
        (gimli::DW_AT_abstract_origin | gimli::DW_AT_specification, AttributeValue::DebugInfoRef(target)) => {
            Some(target.0)
        }
        _ => None,
    }
}
