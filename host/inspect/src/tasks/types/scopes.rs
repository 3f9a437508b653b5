//! Enclosing namespaces and types: the path of a type by its place in a unit.

use gimli::{Dwarf, Unit};

use super::units::{Reader, text};

/// How deep namespaces are nested.
const MAX_DEPTH: usize = 1_000;

/// The names of one unit's namespaces and types.
pub(super) struct Scopes<'s>(Vec<Scope<'s>>);

/// The name of an enclosing namespace or type.
struct Scope<'s> {
    offset: u32,
    parent: Option<u32>,
    name: &'s str,
}

impl<'s> Scopes<'s> {
    /// Reads the unit from end to end; what is damaged ends it.
    pub(super) fn read(dwarf: &Dwarf<Reader<'s>>, unit: &Unit<Reader<'s>>) -> Self {
        Scopes(read(dwarf, unit).unwrap_or_default())
    }

    /// The name of the type at that offset with its path; `None` for what has no path (pointers, numbers).
    pub(super) fn full_name(&self, offset: u32) -> Option<String> {
        let Scopes(scopes) = self;
        let mut at = scopes.binary_search_by_key(&offset, |scope| scope.offset).ok()?;
        let mut parts = Vec::new();
        for _ in 0..MAX_DEPTH {
            let scope = scopes.get(at)?;
            parts.push(scope.name);
            match scope.parent {
                Some(parent) => at = parent as usize,
                None => break,
            }
        }
        parts.reverse();
        Some(parts.join("::"))
    }
}

fn read<'s>(dwarf: &Dwarf<Reader<'s>>, unit: &Unit<Reader<'s>>) -> gimli::Result<Vec<Scope<'s>>> {
    let mut scopes = Vec::new();
    let mut open: Vec<(isize, u32)> = Vec::new();
    let mut entries = unit.entries_raw(None)?;
    while !entries.is_empty() {
        let offset = u32::try_from(entries.next_offset().0).unwrap_or(u32::MAX);
        let depth = entries.next_depth();
        let Some(abbreviation) = entries.read_abbreviation()? else { continue };
        let named = matches!(
            abbreviation.tag(),
            gimli::DW_TAG_namespace
                | gimli::DW_TAG_structure_type
                | gimli::DW_TAG_enumeration_type
                | gimli::DW_TAG_union_type
        );
        if !named {
            entries.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        while open.last().is_some_and(|(enclosing, _)| *enclosing >= depth) {
            open.pop();
        }
        let mut name = "";
        for specification in abbreviation.attributes() {
            let attribute = entries.read_attribute(*specification)?;
            if attribute.name() == gimli::DW_AT_name {
                name = dwarf.attr_string(unit, attribute.value()).map_or("", text);
            }
        }
        let number = u32::try_from(scopes.len()).unwrap_or(u32::MAX);
        scopes.push(Scope { offset, parent: open.last().map(|(_, number)| *number), name });
        if abbreviation.has_children() {
            open.push((depth, number));
        }
    }
    scopes.shrink_to_fit();
    Ok(scopes)
}
