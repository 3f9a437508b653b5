//! Reads one unit from end to end for the index.

use gimli::{AttributeValue, Operation};

use super::index::Index;
use super::names::{hash, hash_more};
use super::units::{Parsed, Units};
use super::{EntryId, Reader, units};

/// Deepest nesting that is followed; compilers stay below a hundred.
const MAX_DEPTH: usize = 1000;

/// What the mangled name of a `<T as Future>::poll` contains, in either way of mangling.
const POLL_SYMBOLS: [&str; 2] = ["Future$GT$4poll", "6Future4poll"];

/// An enclosing entry.
struct Scope {
    depth: isize,
    hash: u64,
    /// It is a `poll` whose first parameter has not been met yet.
    poll: bool,
}

impl Index {
    pub(super) fn scan<'s>(
        &mut self,
        units: &Units<'s>,
        parsed: &Parsed<'s>,
        number: usize,
    ) -> gimli::Result<()> {
        let (dwarf, unit) = (parsed.dwarf(units), &parsed.unit);
        let id = |offset: u32| EntryId { unit: u32::try_from(number).unwrap_or(u32::MAX), offset };
        let text = |value| dwarf.attr_string(unit, value).ok().map(units::text);
        // `Pin<&mut T>` by its place in the unit, with the hash of `T`; and what the polls take.
        let mut pins: Vec<(u32, u64)> = Vec::new();
        let mut taken: Vec<u32> = Vec::new();
        let mut scopes: Vec<Scope> = Vec::new();
        let mut attributes: Vec<gimli::Attribute<Reader<'_>>> = Vec::new();

        let mut entries = unit.entries_raw(None)?;
        while !entries.is_empty() {
            let offset = u32::try_from(entries.next_offset().0).unwrap_or(u32::MAX);
            let depth = entries.next_depth();
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            while scopes.last().is_some_and(|scope| scope.depth >= depth) {
                scopes.pop();
            }
            if scopes.len() > MAX_DEPTH {
                return Ok(());
            }
            let enclosing = scopes.last().map_or(0, |scope| scope.hash);
            let nested = |name: &str| {
                if enclosing == 0 { hash(name) } else { hash_more(hash_more(enclosing, "::"), name) }
            };
            match abbreviation.tag() {
                gimli::DW_TAG_namespace
                | gimli::DW_TAG_structure_type
                | gimli::DW_TAG_enumeration_type
                | gimli::DW_TAG_union_type => {
                    entries.read_attributes(abbreviation.attributes(), &mut attributes)?;
                    let (mut name, mut declared) = ("", false);
                    for attribute in &attributes {
                        match attribute.name() {
                            gimli::DW_AT_name => name = text(attribute.value()).unwrap_or(""),
                            gimli::DW_AT_declaration => declared = true,
                            _ => {}
                        }
                    }
                    let own = nested(name);
                    if abbreviation.tag() != gimli::DW_TAG_namespace && !declared {
                        self.types.push((own, id(offset)));
                    }
                    if let Some(inner) =
                        name.strip_prefix("Pin<&mut ").and_then(|name| name.strip_suffix('>'))
                    {
                        pins.push((offset, hash(inner)));
                    }
                    if abbreviation.has_children() {
                        scopes.push(Scope { depth, hash: own, poll: false });
                    }
                }
                gimli::DW_TAG_subprogram => {
                    entries.read_attributes(abbreviation.attributes(), &mut attributes)?;
                    let (mut start, mut name, mut symbol) = (None, "", "");
                    for attribute in &attributes {
                        match attribute.name() {
                            gimli::DW_AT_low_pc => {
                                start = dwarf.attr_address(unit, attribute.value()).ok().flatten();
                            }
                            gimli::DW_AT_name => name = text(attribute.value()).unwrap_or(""),
                            gimli::DW_AT_linkage_name => symbol = text(attribute.value()).unwrap_or(""),
                            _ => {}
                        }
                    }
                    // A function that the linker threw away begins at zero.
                    if let Some(start) = start.filter(|&start| start != 0) {
                        self.functions.push((start, id(offset)));
                    }
                    if enclosing != 0 && !symbol.is_empty() && name.starts_with("{async") {
                        self.resumes.push((nested(name), id(offset)));
                    }
                    let poll = (name == "poll" || name.starts_with("poll<"))
                        && POLL_SYMBOLS.iter().any(|part| symbol.contains(part));
                    if poll && abbreviation.has_children() {
                        scopes.push(Scope { depth, hash: enclosing, poll });
                    }
                }
                gimli::DW_TAG_formal_parameter
                    if scopes.last().is_some_and(|scope| scope.poll && scope.depth + 1 == depth) =>
                {
                    entries.read_attributes(abbreviation.attributes(), &mut attributes)?;
                    for attribute in &attributes {
                        if let (gimli::DW_AT_type, AttributeValue::UnitRef(to)) =
                            (attribute.name(), attribute.value())
                        {
                            taken.push(u32::try_from(to.0).unwrap_or(u32::MAX));
                            if let Some(scope) = scopes.last_mut() {
                                scope.poll = false;
                            }
                        }
                    }
                }
                gimli::DW_TAG_variable if depth == 1 => {
                    entries.read_attributes(abbreviation.attributes(), &mut attributes)?;
                    let (mut is_vtable, mut kind, mut address) = (false, None, None);
                    for attribute in &attributes {
                        match (attribute.name(), attribute.value()) {
                            (gimli::DW_AT_name, value) => {
                                is_vtable = text(value).is_some_and(|name| name.ends_with("{vtable}"));
                            }
                            (gimli::DW_AT_type, AttributeValue::UnitRef(to)) => {
                                kind = u32::try_from(to.0).ok()
                            }
                            (gimli::DW_AT_location, AttributeValue::Exprloc(expression)) => {
                                address = match expression.operations(unit.encoding()).next() {
                                    Ok(Some(Operation::Address { address })) => Some(address),
                                    Ok(Some(Operation::AddressIndex { index })) => {
                                        dwarf.address(unit, index).ok()
                                    }
                                    _ => None,
                                };
                            }
                            _ => {}
                        }
                    }
                    if let (true, Some(kind), Some(address)) = (is_vtable, kind, address) {
                        self.vtables.push((address, id(kind)));
                    }
                }
                _ => entries.skip_attributes(abbreviation.attributes())?,
            }
        }

        // Entries come in the order of their offsets, so `pins` is sorted.
        self.futures.extend(taken.into_iter().filter_map(|offset| {
            pins.binary_search_by_key(&offset, |(place, _)| *place).ok().map(|at| pins[at].1)
        }));
        Ok(())
    }
}
