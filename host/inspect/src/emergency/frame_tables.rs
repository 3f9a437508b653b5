//! Unwind tables read from memory: the entry for an address, found by the index and copied into a buffer; and the rows that
//! are remembered of them.

use super::modules::LoadedModules;
use crate::memory;
use crate::unwind::{Cfa, Context, Row, Rule, Slice, row_of};
use gimli::{BaseAddresses, EhFrame, EhFrameOffset, NativeEndian, UnwindSection as _};

/// How many rows are remembered: threads of one kind go through the same some dozen.
const ROWS: usize = 256;
/// Room for an entry of `.eh_frame` and what it has in common with others. Those of the largest functions have some
/// kilobytes.
const ENTRY: usize = 16 << 10;
/// The common part alone: a few dozen bytes.
const COMMON: usize = 512;
/// How many pairs of the index are read at a time: half a kilobyte.
const STRIDE: usize = 64;

/// The tables of all modules, as far as they were wanted.
pub(super) struct FrameTables {
    context: Context,
    /// By a hash of the address: the address, and its row if it has one.
    rows: Box<[(u64, Option<Row<'static>>)]>,
    entry: Box<[u8]>,
}

impl FrameTables {
    pub fn new() -> FrameTables {
        FrameTables {
            context: Context::new(),
            // Filled, so that their memory is there when it is needed.
            rows: vec![(u64::MAX, None); ROWS].into_boxed_slice(),
            entry: vec![0xff; ENTRY].into_boxed_slice(),
        }
    }

    /// Forgets the rows: another library may lie at their addresses by now.
    pub fn clear(&mut self) {
        self.rows.fill((u64::MAX, None));
    }

    /// The row for an address in memory: remembered, or read.
    pub fn row(&mut self, modules: &LoadedModules, lookup: u64) -> Option<Row<'_>> {
        // Neighbouring addresses are of one function: the upper half of the product spreads them.
        let hash = usize::try_from(lookup.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).ok()?;
        let place = self.rows.get_mut(hash % ROWS)?;
        if place.0 == lookup {
            return place.1;
        }
        let row = read_row(&mut self.context, &mut self.entry, modules.unwind_header(lookup)?, lookup);
        match row.map(without_borrow) {
            // Its expressions lie in the buffer, which the next entry overwrites.
            Some(None) => {}
            Some(Some(row)) => *place = (lookup, Some(row)),
            None => *place = (lookup, None),
        }
        row
    }
}

/// Code or data as it stands in memory.
pub(super) fn bytes_at<const N: usize>(address: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    memory::read(address, &mut bytes).ok().map(|()| bytes)
}

/// The same row, if it borrows nothing.
fn without_borrow(row: Row<'_>) -> Option<Row<'static>> {
    let Row { cfa: Cfa::Register(number, offset), signal_frame, frame_pointer_since, .. } = row else {
        return None;
    };
    let mut rules = [None; crate::arch::registers::COUNT];
    for (place, rule) in rules.iter_mut().zip(row.rules) {
        *place = match rule {
            None => None,
            Some(Rule::Undefined) => Some(Rule::Undefined),
            Some(Rule::Same) => Some(Rule::Same),
            Some(Rule::Stored(offset)) => Some(Rule::Stored(offset)),
            Some(Rule::Is(offset)) => Some(Rule::Is(offset)),
            Some(Rule::Register(other)) => Some(Rule::Register(other)),
            Some(Rule::StoredAt(_) | Rule::IsValueOf(_)) => return None,
        };
    }
    Some(Row { cfa: Cfa::Register(number, offset), rules, signal_frame, frame_pointer_since })
}

/// Reads the entry for an address into the buffer, the part that it has in common with others before it, so that
/// both look to gimli like a section of their own; then its row.
fn read_row<'e>(context: &mut Context, buffer: &'e mut [u8], header: u64, lookup: u64) -> Option<Row<'e>> {
    let entry = find_entry(header, lookup)?;
    let length = record_length(entry, ENTRY - COMMON)?;
    // Its second word tells how far back from there the common part lies.
    let back = u32::from_ne_bytes(bytes_at(entry.checked_add(4)?)?);
    let common = entry.checked_add(4)?.checked_sub(u64::from(back))?;
    let common_length = record_length(common, COMMON)?;
    let section = buffer.get_mut(..common_length + length)?;
    let (first, second) = section.split_at_mut(common_length);
    memory::read(common, first).ok()?;
    memory::read(entry, second).ok()?;
    let distance = u32::try_from(common_length + 4).ok()?;
    second.get_mut(4..8)?.copy_from_slice(&distance.to_ne_bytes());
    // Addresses that are relative to their own place in the entry are right by this base.
    let bases = BaseAddresses::default().set_eh_frame(entry.checked_sub(common_length as u64)?);
    let mut eh_frame = EhFrame::new(&*section, NativeEndian);
    eh_frame.set_address_size(8);
    let common_at = |frame: &EhFrame<Slice<'e>>, bases: &BaseAddresses, offset: EhFrameOffset| {
        frame.cie_from_offset(bases, offset)
    };
    let entry = eh_frame.fde_from_offset(&bases, EhFrameOffset(common_length), common_at).ok()?;
    entry.contains(lookup).then(|| row_of(&entry, &eh_frame, &bases, context, lookup)).flatten()
}

/// The length of a record of `.eh_frame` with its length field, if it is at most so long.
fn record_length(address: u64, most: usize) -> Option<usize> {
    let length = usize::try_from(u32::from_ne_bytes(bytes_at(address)?)).ok()?;
    // Zero ends the section, and the largest number announces a 64-bit length, which no linker writes.
    (8..=most - 4).contains(&length).then_some(length + 4)
}

/// The entry for an address, by the index of the tables: pairs of a function's address and its entry's, sorted, each
/// as the distance from the index. That is how all linkers write it; any other is taken for none.
fn find_entry(header: u64, lookup: u64) -> Option<u64> {
    let [version, pointer, count, table] = bytes_at(header)?;
    let known = [version, pointer, count, table]
        == [
            1,
            (gimli::DW_EH_PE_pcrel | gimli::DW_EH_PE_sdata4).0,
            gimli::DW_EH_PE_udata4.0,
            (gimli::DW_EH_PE_datarel | gimli::DW_EH_PE_sdata4).0,
        ];
    if !known {
        return None;
    }
    let count = u64::from(u32::from_ne_bytes(bytes_at(header.checked_add(8)?)?));
    let pair_at = |index: u64| header.checked_add(12)?.checked_add(index.checked_mul(8)?);
    let at = |distance: [u8; 4]| header.wrapping_add_signed(i64::from(i32::from_ne_bytes(distance)));
    // The first function beyond the address lies in this range.
    let (mut low, mut high) = (0, count);
    while high - low > STRIDE as u64 {
        let middle = low + (high - low) / 2;
        if at(bytes_at(pair_at(middle)?)?) <= lookup { low = middle } else { high = middle }
    }
    let mut pairs = [0; STRIDE * 8];
    let pairs = pairs.get_mut(..usize::try_from(high - low).ok()? * 8)?;
    memory::read(pair_at(low)?, pairs).ok()?;
    let (pairs, _) = pairs.as_chunks::<8>();
    let of_pair = |[a, b, c, d, e, f, g, h]: [u8; 8]| (at([a, b, c, d]), at([e, f, g, h]));
    pairs
        .iter()
        .map(|pair| of_pair(*pair))
        .take_while(|(function, _)| *function <= lookup)
        .last()
        .map(|(_, entry)| entry)
}
