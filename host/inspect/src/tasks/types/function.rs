//! The function at an address: its variables there, and those of what was inlined into it, with where they are.
//!
//! The debug information says for each variable by an expression where it is (DWARF 5, 2.6), for different addresses
//! perhaps by different ones (location lists). It is picked here and evaluated in [`variables`](crate::variables).

use gimli::{AttributeValue, EntriesTreeNode, UnitOffset};

use super::lookup::Types;
use super::units::{EntryId, Parsed, Reader, Units, text};

/// How deep blocks and inlined functions are nested.
const MAX_DEPTH: usize = 64;
/// Entries of one function that are looked at. The largest functions have some thousands.
const MAX_ENTRIES: usize = 50_000;
/// An instance leads to its origin and that to its declaration: two steps, and some to spare.
const MAX_ORIGINS: usize = 4;

/// How to compute where something is, as DWARF writes it.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pub(crate) bytes: Box<[u8]>,
    pub(crate) encoding: gimli::Encoding,
}

/// A parameter or local variable.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) name: Box<str>,
    pub(crate) type_id: EntryId,
    /// Index into [`Scope::functions`]: the function that declares it.
    pub(crate) function: usize,
    /// `None` where it has no place at this address: optimised out.
    pub(crate) location: Option<Expression>,
}

/// What is in scope at an address.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// The function that the address lies in, and those that were inlined there, each after the one around it.
    pub(crate) functions: Vec<EntryId>,
    pub(crate) frame_base: Option<Expression>,
    /// Outermost first.
    pub(crate) variables: Vec<Variable>,
}

/// A function's entries, as they are gone through.
struct Visit<'a, 't, 's> {
    types: &'t Types<'s>,
    parsed: &'t Parsed<'s>,
    units: &'t Units<'s>,
    /// As linked.
    address: u64,
    unit: u32,
    left: usize,
    scope: &'a mut Scope,
}

impl<'s> Types<'s> {
    /// What is in scope at that address in memory; `None` also if the linker folded several functions into one, since
    /// it is not known then which of them it is.
    pub(crate) fn scope_at(&self, address: u64) -> Option<Scope> {
        let linked = self.linked(address);
        let mut found = self.functions_around(linked).filter_map(|id| self.scope_of(id, linked));
        found.next().filter(|_| found.next().is_none())
    }

    fn scope_of(&self, id: EntryId, linked: u64) -> Option<Scope> {
        let (parsed, units) = self.unit(id.unit)?;
        let unit = &parsed.unit;
        let mut tree = unit.entries_tree(Some(UnitOffset(id.offset as usize))).ok()?;
        let root = tree.root().ok()?;
        let base = root.entry().attr_value(gimli::DW_AT_frame_base);
        let frame_base = match base {
            Some(AttributeValue::Exprloc(base)) => Some(expression(base, unit.encoding())),
            _ => None,
        };
        let mut scope = Scope { functions: vec![id], frame_base, variables: Vec::new() };
        let mut visit = Visit {
            types: self,
            parsed,
            units,
            address: linked,
            unit: id.unit,
            left: MAX_ENTRIES,
            scope: &mut scope,
        };
        if !visit.covers(root.entry()) {
            return None;
        }
        visit.children(root, 0, 0);
        Some(scope)
    }

    /// The mangled name of a function, or its plain one where it has no other.
    pub(crate) fn function_symbol(&self, id: EntryId) -> String {
        let mut plain = String::new();
        let mut next = Some(id);
        for _ in 0..MAX_ORIGINS {
            let Some(id) = next.take() else { break };
            let Some((parsed, units)) = self.unit(id.unit) else { break };
            let Ok(entry) = parsed.unit.entry(UnitOffset(id.offset as usize)) else { break };
            for attribute in entry.attrs() {
                let name = |value| parsed.dwarf(units).attr_string(&parsed.unit, value).map_or("", text);
                match attribute.name() {
                    gimli::DW_AT_linkage_name => return name(attribute.value()).to_owned(),
                    gimli::DW_AT_name if plain.is_empty() => name(attribute.value()).clone_into(&mut plain),
                    gimli::DW_AT_abstract_origin | gimli::DW_AT_specification => {
                        next = self.reference(id.unit, attribute.value());
                    }
                    _ => {}
                }
            }
        }
        plain
    }

    /// Name and type of a variable, with what its abstract origin adds.
    fn name_and_type(&self, id: EntryId) -> Option<(Box<str>, EntryId)> {
        let (mut name, mut type_id) = ("", None);
        let mut next = Some(id);
        for _ in 0..MAX_ORIGINS {
            let Some(id) = next.take() else { break };
            let (parsed, units) = self.unit(id.unit)?;
            let entry = parsed.unit.entry(UnitOffset(id.offset as usize)).ok()?;
            for attribute in entry.attrs() {
                match attribute.name() {
                    gimli::DW_AT_name if name.is_empty() => {
                        name =
                            parsed.dwarf(units).attr_string(&parsed.unit, attribute.value()).map_or("", text);
                    }
                    gimli::DW_AT_type if type_id.is_none() => {
                        type_id = self.reference(id.unit, attribute.value());
                    }
                    gimli::DW_AT_abstract_origin => next = self.reference(id.unit, attribute.value()),
                    _ => {}
                }
            }
        }
        Some((name.into(), type_id?))
    }
}

impl<'s> Visit<'_, '_, 's> {
    fn children(&mut self, node: EntriesTreeNode<'_, '_, Reader<'s>>, function: usize, depth: usize) {
        let mut children = node.children();
        while let Ok(Some(child)) = children.next() {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let entry = child.entry();
            match entry.tag() {
                gimli::DW_TAG_lexical_block if depth < MAX_DEPTH && self.covers(entry) => {
                    self.children(child, function, depth + 1);
                }
                gimli::DW_TAG_inlined_subroutine if depth < MAX_DEPTH && self.covers(entry) => {
                    let origin = entry.attr_value(gimli::DW_AT_abstract_origin);
                    let Some(origin) = origin.and_then(|value| self.types.reference(self.unit, value)) else {
                        continue;
                    };
                    self.scope.functions.push(origin);
                    self.children(child, self.scope.functions.len() - 1, depth + 1);
                }
                gimli::DW_TAG_formal_parameter | gimli::DW_TAG_variable => {
                    let offset = u32::try_from(entry.offset().0).unwrap_or(u32::MAX);
                    let own = self.types.name_and_type(EntryId { unit: self.unit, offset });
                    let Some((name, type_id)) = own else { continue };
                    let location = entry.attr_value(gimli::DW_AT_location);
                    let location = location.and_then(|value| self.location(value));
                    self.scope.variables.push(Variable { name, type_id, function, location });
                }
                _ => {}
            }
        }
    }

    /// Whether the address lies in the ranges of that entry.
    fn covers(&self, entry: &gimli::DebuggingInformationEntry<Reader<'s>>) -> bool {
        let dwarf = self.parsed.dwarf(self.units);
        let Ok(mut ranges) = dwarf.die_ranges(&self.parsed.unit, entry) else { return false };
        while let Ok(Some(range)) = ranges.next() {
            if (range.begin..range.end).contains(&self.address) {
                return true;
            }
        }
        false
    }

    /// The expression that counts at the address.
    fn location(&self, value: AttributeValue<Reader<'s>>) -> Option<Expression> {
        let unit = &self.parsed.unit;
        if let AttributeValue::Exprloc(always) = value {
            return Some(expression(always, unit.encoding()));
        }
        let mut list = self.parsed.dwarf(self.units).attr_locations(unit, value).ok()??;
        while let Ok(Some(entry)) = list.next() {
            if (entry.range.begin..entry.range.end).contains(&self.address) {
                return Some(expression(entry.data, unit.encoding()));
            }
        }
        None
    }
}

fn expression(bytes: gimli::Expression<Reader<'_>>, encoding: gimli::Encoding) -> Expression {
    Expression { bytes: bytes.0.slice().into(), encoding }
}
