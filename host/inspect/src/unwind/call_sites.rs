//! The table of a function's calls: where it goes on, its landing pad, if one of them unwinds.
//!
//! It is the language-specific data area of the Itanium C++ ABI's exception handling (LSDA), as LLVM and GCC write it for
//! Rust and C++: the base of the landing pads, the table of types, then the table of call sites, whose numbers count
//! from the function's begin. Pointers are encoded as in `.eh_frame` (Linux Standard Base, "DWARF extensions").

use gimli::{Reader as _, constants as pointers};
use std::ops::Range;

use super::tables::Slice;

/// The longest table that is gone through, in bytes: the largest functions have some thousand calls, of six bytes each.
const LONGEST: usize = 256 << 10;

/// What a function does if one of its calls unwinds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CallSites {
    /// Where it goes on after the call that was asked for; `None` if it has nothing to clean up there, or may not be
    /// left in this way.
    pub pad: Option<u64>,
    /// All of its landing pads, ascending.
    pub pads: Vec<u64>,
}

/// Reads the table for the call at an address. `area` begins with it and may go on behind it. `None` if it is damaged
/// or not of a known form.
pub(super) fn read(mut area: Slice<'_>, function: &Range<u64>, address: u64) -> Option<CallSites> {
    // Another base has only a function whose landing pads are a function of their own (GCC's hot and cold parts).
    if pointers::DwEhPe(area.read_u8().ok()?) != pointers::DW_EH_PE_omit {
        return None;
    }
    if pointers::DwEhPe(area.read_u8().ok()?) != pointers::DW_EH_PE_omit {
        area.read_uleb128().ok()?;
    }
    let encoding = pointers::DwEhPe(area.read_u8().ok()?);
    let length = usize::try_from(area.read_uleb128().ok()?).ok().filter(|length| *length <= LONGEST)?;
    let mut table = area.split(length).ok()?;
    let (mut pad, mut pads) = (None, Vec::new());
    while !table.is_empty() {
        let mut number = || offset(&mut table, encoding);
        let (start, length, landing) = (number()?, number()?, number()?);
        // What it catches.
        table.read_uleb128().ok()?;
        let at = |offset: u64| function.start.checked_add(offset);
        let landing = if landing == 0 { None } else { Some(at(landing)?) };
        pads.extend(landing.filter(|pad| function.contains(pad)));
        let start = at(start)?;
        if (start..start.checked_add(length)?).contains(&address) {
            pad = landing;
        }
    }
    pads.sort_unstable();
    pads.dedup();
    Some(CallSites { pad: pad.filter(|pad| function.contains(pad)), pads })
}

fn offset(table: &mut Slice<'_>, encoding: pointers::DwEhPe) -> Option<u64> {
    match encoding {
        pointers::DW_EH_PE_uleb128 => table.read_uleb128().ok(),
        pointers::DW_EH_PE_udata2 => table.read_u16().ok().map(u64::from),
        pointers::DW_EH_PE_udata4 => table.read_u32().ok().map(u64::from),
        pointers::DW_EH_PE_udata8 => table.read_u64().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION: Range<u64> = 0x1000..0x1100;

    #[track_caller]
    fn check(area: &[u8], address: u64, expected: Option<(Option<u64>, &[u64])>) {
        let found = read(Slice::new(area, gimli::NativeEndian), &FUNCTION, address);
        let expected = expected.map(|(pad, pads)| CallSites { pad, pads: pads.to_vec() });
        assert_eq!(found, expected, "{area:x?} at {address:#x}");
    }

    #[test]
    fn the_call_at_an_address_has_its_pad() {
        // Calls at 0x10..0x20 (pad 0x80), 0x20..0x28 (none), 0x30..0x38 (pad 0x40), in LEB128.
        let area = [0xff, 0xff, 1, 13, 0x10, 0x10, 0x80, 1, 0, 0x20, 8, 0, 0, 0x30, 8, 0x40, 0, 99];
        let pads: &[u64] = &[0x1040, 0x1080];
        check(&area, 0x1010, Some((Some(0x1080), pads)));
        check(&area, 0x101f, Some((Some(0x1080), pads)));
        check(&area, 0x1020, Some((None, pads)));
        check(&area, 0x1030, Some((Some(0x1040), pads)));
        // Not in the table: it may not unwind.
        check(&area, 0x1028, Some((None, pads)));
    }

    #[test]
    fn other_encodings_and_a_table_of_types() {
        let area = [0xff, 0x9b, 25, 3, 13, 4, 0, 0, 0, 4, 0, 0, 0, 0x20, 0, 0, 0, 1];
        check(&area, 0x1005, Some((Some(0x1020), &[0x1020])));
        check(&[0xff, 0xff, 2, 7, 4, 0, 4, 0, 0x20, 0, 0], 0x1005, Some((Some(0x1020), &[0x1020])));
        check(&[0xff, 0xff, 1, 0], 0x1005, Some((None, &[])));
    }

    #[test]
    fn what_is_damaged_or_unknown_is_refused() {
        check(&[], 0x1000, None);
        // Landing pads with a base of their own; a signed encoding; a table that is longer than what is there.
        check(&[0x00, 0xff, 1, 0], 0x1000, None);
        check(&[0xff, 0xff, 0x0b, 4, 0, 0, 0, 0], 0x1000, None);
        check(&[0xff, 0xff, 1, 9, 0, 1, 2, 0], 0x1000, None);
        // An entry that is cut off; numbers beyond the end of memory.
        check(&[0xff, 0xff, 1, 2, 0, 1], 0x1000, None);
        let far = [0xff, 0xff, 4, 25, 255, 255, 255, 255, 255, 255, 255, 255];
        check(&[&far[..], &[0; 17]].concat(), 0x1000, None);
        // A pad outside of the function is none.
        check(&[0xff, 0xff, 1, 5, 0, 8, 0x80, 4, 0], 0x1001, Some((None, &[])));
    }
}
