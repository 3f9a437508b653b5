//! The root entry of a unit: which addresses the unit covers, without its abbreviations being parsed.
//!
//! A unit has hundreds of abbreviations, of which its root needs one. Of a program's thousands of units a report reads some
//! dozens, and the others need not be known better than that.

use super::excerpt::Reader;
use gimli::{
    Abbreviations, Attribute, AttributeValue, DebugAbbrev, DebugAddrBase, DebugRngListsBase, Dwarf, Encoding,
    RangeListsOffset, Reader as _, Section as _, UnitHeader,
};
use std::ops::Range;

/// The addresses that the root says its unit covers; `None` if only the unit's lines tell.
pub(super) fn ranges<'s>(
    dwarf: &Dwarf<Reader<'s>>,
    header: &UnitHeader<Reader<'s>>,
) -> Result<Option<Vec<Range<u64>>>, gimli::Error> {
    let abbreviations = abbreviation_of_root(dwarf, header)?;
    let mut entries = header.entries_raw(&abbreviations, None)?;
    let mut attributes = Vec::new();
    if let Some(abbreviation) = entries.read_abbreviation()? {
        entries.read_attributes(abbreviation.attributes(), &mut attributes)?;
    }
    let ranges = Root::of(dwarf, header.encoding(), &attributes)?.ranges()?;
    let has_lines = attributes.iter().any(|attribute| attribute.name() == gimli::DW_AT_stmt_list);
    Ok(Some(ranges).filter(|ranges| !ranges.is_empty() || !has_lines))
}

/// The one abbreviation that describes the root; none if the unit has no such. An abbreviation is (DWARF 5, 7.5.3) its
/// code, a tag, whether there are children, then pairs of name and form up to two zeros; one form has its value behind it.
fn abbreviation_of_root(
    dwarf: &Dwarf<Reader<'_>>,
    header: &UnitHeader<Reader<'_>>,
) -> Result<Abbreviations, gimli::Error> {
    let wanted = header.range_from(header.root_offset()..)?.read_uleb128()?;
    let mut rest = *dwarf.debug_abbrev.reader();
    rest.skip(header.debug_abbrev_offset().0)?;
    let mut found = Vec::new();
    while found.is_empty() {
        let begin = rest;
        let code = rest.read_uleb128()?;
        if code == 0 {
            break;
        }
        let (_tag, _children) = (rest.read_uleb128()?, rest.read_u8()?);
        loop {
            let (name, form) = (rest.read_uleb128()?, rest.read_uleb128()?);
            if form == u64::from(gimli::DW_FORM_implicit_const.0) {
                rest.read_sleb128()?;
            }
            if (name, form) == (0, 0) {
                break;
            }
        }
        if code == wanted {
            found.extend(begin.slice().get(..begin.len() - rest.len()).unwrap_or_default());
        }
    }
    // The end of the list.
    found.push(0);
    DebugAbbrev::new(&found, rest.endian()).abbreviations(gimli::DebugAbbrevOffset(0))
}

/// What a root says of addresses.
struct Root<'d, 's> {
    dwarf: &'d Dwarf<Reader<'s>>,
    encoding: Encoding,
    addresses: DebugAddrBase,
    low: Option<u64>,
    high: Option<AttributeValue<Reader<'s>>>,
    list: Option<RangeListsOffset>,
}

impl<'d, 's> Root<'d, 's> {
    fn of(
        dwarf: &'d Dwarf<Reader<'s>>,
        encoding: Encoding,
        attributes: &[Attribute<Reader<'s>>],
    ) -> Result<Root<'d, 's>, gimli::Error> {
        let value = |name| attributes.iter().find(|of| of.name() == name).map(Attribute::value);
        let addresses = match value(gimli::DW_AT_addr_base) {
            Some(AttributeValue::DebugAddrBase(base)) => base,
            _ => DebugAddrBase(0),
        };
        let lists = match value(gimli::DW_AT_rnglists_base) {
            Some(AttributeValue::DebugRngListsBase(base)) => base,
            _ => DebugRngListsBase::default_for_encoding_and_file(encoding, dwarf.file_type),
        };
        let list = match value(gimli::DW_AT_ranges) {
            Some(AttributeValue::RangeListsRef(offset)) => Some(RangeListsOffset(offset.0)),
            Some(AttributeValue::DebugRngListsIndex(index)) => {
                Some(dwarf.ranges.get_offset(encoding, lists, index)?)
            }
            _ => None,
        };
        let high = value(gimli::DW_AT_high_pc);
        let mut root = Root { dwarf, encoding, addresses, low: None, high, list };
        root.low = value(gimli::DW_AT_low_pc).map(|low| root.address(low)).transpose()?.flatten();
        Ok(root)
    }

    fn address(&self, value: AttributeValue<Reader<'s>>) -> Result<Option<u64>, gimli::Error> {
        Ok(match value {
            AttributeValue::Addr(address) => Some(address),
            AttributeValue::DebugAddrIndex(index) => {
                let size = self.encoding.address_size;
                Some(self.dwarf.debug_addr.get_address(size, self.addresses, index)?)
            }
            _ => None,
        })
    }

    /// All that are not empty.
    fn ranges(&self) -> Result<Vec<Range<u64>>, gimli::Error> {
        let mut ranges = Vec::new();
        let base = self.low.unwrap_or(0);
        if let Some(list) = self.list {
            let (addresses, encoding) = (&self.dwarf.debug_addr, self.encoding);
            let mut list = self.dwarf.ranges.ranges(list, encoding, base, addresses, self.addresses)?;
            while let Some(range) = list.next()? {
                ranges.push(range.begin..range.end);
            }
        } else if let (Some(low), Some(high)) = (self.low, self.high) {
            let high = match high {
                // Its length.
                AttributeValue::Udata(length) => low.checked_add(length),
                value => self.address(value)?,
            };
            ranges.extend(high.map(|high| low..high));
        }
        ranges.retain(|range| range.start < range.end);
        Ok(ranges)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::debug_files::ObjectFile;
    use crate::symbols::dwarf::sections_of;
    use gimli::{EndianSlice, RunTimeEndian};

    #[test]
    fn roots_say_what_whole_units_say() {
        let file = ObjectFile::open(&std::env::current_exe().unwrap()).unwrap();
        // SAFETY: the kernel lets nobody write to an executable that runs.
        let file = unsafe { file.map() }.unwrap();
        let sections = sections_of(&file).ok().unwrap();
        let dwarf = sections.borrow(|bytes| EndianSlice::new(bytes, RunTimeEndian::default()));
        let (mut headers, mut covering) = (dwarf.units(), 0);
        while let Some(header) = headers.next().unwrap() {
            let mut expected = Vec::new();
            let unit = dwarf.unit(header).unwrap();
            let mut whole = dwarf.unit_ranges(&unit).unwrap();
            while let Some(range) = whole.next().unwrap() {
                expected.extend((range.begin < range.end).then_some(range.begin..range.end));
            }
            covering += usize::from(!expected.is_empty());
            let found = ranges(&dwarf, &header).unwrap();
            assert_eq!(found.is_none(), expected.is_empty() && unit.line_program.is_some());
            assert_eq!(found.unwrap_or_default(), expected);
        }
        assert!(covering > 10);
    }
}
