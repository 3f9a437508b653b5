//! The scan of one unit for the index, from end to end.

use gimli::{AttributeValue, Dwarf, Operation, Unit};

use super::index::Index;
use super::names::{hash, hash_more};
use super::units::{self, EntryId, Parsed, Reader, Units};

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

/// An entry: where it is, and what is read of it.
struct Entry<'a, 's> {
    tag: gimli::DwTag,
    id: EntryId,
    depth: isize,
    has_children: bool,
    attributes: &'a [gimli::Attribute<Reader<'s>>],
}

/// One unit, as far as it has been read.
struct Scan<'a, 's> {
    index: &'a mut Index,
    dwarf: &'a Dwarf<Reader<'s>>,
    unit: &'a Unit<Reader<'s>>,
    scopes: Vec<Scope>,
    /// `Pin<&mut T>` by its place in the unit, with the hash of `T`.
    pins: Vec<(u32, u64)>,
    /// The types of what the polls take, by their place in the unit.
    taken: Vec<u32>,
}

impl Index {
    pub(super) fn scan<'s>(
        &mut self,
        units: &Units<'s>,
        parsed: &Parsed<'s>,
        number: usize,
    ) -> gimli::Result<()> {
        let mut scan = Scan {
            index: self,
            dwarf: parsed.dwarf(units),
            unit: &parsed.unit,
            scopes: Vec::new(),
            pins: Vec::new(),
            taken: Vec::new(),
        };
        scan.run(u32::try_from(number).unwrap_or(u32::MAX))
    }
}

impl<'s> Scan<'_, 's> {
    fn run(&mut self, unit: u32) -> gimli::Result<()> {
        let mut attributes: Vec<gimli::Attribute<Reader<'s>>> = Vec::new();
        let mut entries = self.unit.entries_raw(None)?;
        while !entries.is_empty() {
            let offset = u32::try_from(entries.next_offset().0).unwrap_or(u32::MAX);
            let depth = entries.next_depth();
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            while self.scopes.last().is_some_and(|scope| scope.depth >= depth) {
                self.scopes.pop();
            }
            if self.scopes.len() > MAX_DEPTH {
                return Ok(());
            }
            let tag = abbreviation.tag();
            let Some(read) = self.reader(tag, depth) else {
                entries.skip_attributes(abbreviation.attributes())?;
                continue;
            };
            entries.read_attributes(abbreviation.attributes(), &mut attributes)?;
            let id = EntryId { unit, offset };
            let has_children = abbreviation.has_children();
            read(self, &Entry { tag, id, depth, has_children, attributes: &attributes });
        }
        self.add_futures();
        Ok(())
    }

    /// What reads entries with that tag, at that depth, if they are of interest.
    fn reader(&self, tag: gimli::DwTag, depth: isize) -> Option<fn(&mut Self, &Entry<'_, 's>)> {
        match tag {
            gimli::DW_TAG_namespace
            | gimli::DW_TAG_structure_type
            | gimli::DW_TAG_enumeration_type
            | gimli::DW_TAG_union_type => Some(Self::named),
            gimli::DW_TAG_subprogram => Some(Self::function),
            gimli::DW_TAG_formal_parameter => {
                let of_poll = |scope: &Scope| scope.poll && scope.depth + 1 == depth;
                self.scopes.last().is_some_and(of_poll).then_some(Self::parameter)
            }
            gimli::DW_TAG_variable if depth == 1 => Some(Self::variable),
            _ => None,
        }
    }

    fn text(&self, value: AttributeValue<Reader<'s>>) -> &'s str {
        self.dwarf.attr_string(self.unit, value).map_or("", units::text)
    }

    /// The hash of the enclosing path; 0 outside of any.
    fn enclosing(&self) -> u64 {
        self.scopes.last().map_or(0, |scope| scope.hash)
    }

    /// The hash of a name in the enclosing path.
    fn nested(&self, name: &str) -> u64 {
        match self.enclosing() {
            0 => hash(name),
            enclosing => hash_more(hash_more(enclosing, "::"), name),
        }
    }

    /// A namespace or a type.
    fn named(&mut self, entry: &Entry<'_, 's>) {
        let (mut name, mut declared) = ("", false);
        for attribute in entry.attributes {
            match attribute.name() {
                gimli::DW_AT_name => name = self.text(attribute.value()),
                gimli::DW_AT_declaration => declared = true,
                _ => {}
            }
        }
        let own = self.nested(name);
        if entry.tag != gimli::DW_TAG_namespace && !declared {
            self.index.is_cut |= !self.index.types.push((own, entry.id));
        }
        if let Some(inner) = name.strip_prefix("Pin<&mut ").and_then(|name| name.strip_suffix('>')) {
            self.pins.push((entry.id.offset, hash(inner)));
        }
        if entry.has_children {
            self.scopes.push(Scope { depth: entry.depth, hash: own, poll: false });
        }
    }

    fn function(&mut self, entry: &Entry<'_, 's>) {
        let (mut start, mut name, mut symbol) = (None, "", "");
        for attribute in entry.attributes {
            match attribute.name() {
                gimli::DW_AT_low_pc => {
                    start = self.dwarf.attr_address(self.unit, attribute.value()).ok().flatten();
                }
                gimli::DW_AT_name => name = self.text(attribute.value()),
                gimli::DW_AT_linkage_name => symbol = self.text(attribute.value()),
                _ => {}
            }
        }
        // A function that the linker threw away begins at zero.
        if let Some(start) = start.filter(|&start| start != 0) {
            self.index.is_cut |= !self.index.functions.push((start, entry.id));
        }
        let enclosing = self.enclosing();
        if enclosing != 0 && !symbol.is_empty() && name.starts_with("{async") {
            let resume = (self.nested(name), entry.id);
            self.index.is_cut |= !self.index.resumes.push(resume);
        }
        let poll = (name == "poll" || name.starts_with("poll<"))
            && POLL_SYMBOLS.iter().any(|part| symbol.contains(part));
        if poll && entry.has_children {
            self.scopes.push(Scope { depth: entry.depth, hash: enclosing, poll });
        }
    }

    /// The first parameter of a `poll`.
    fn parameter(&mut self, entry: &Entry<'_, 's>) {
        for attribute in entry.attributes {
            if let (gimli::DW_AT_type, AttributeValue::UnitRef(to)) = (attribute.name(), attribute.value()) {
                self.taken.push(u32::try_from(to.0).unwrap_or(u32::MAX));
                if let Some(scope) = self.scopes.last_mut() {
                    scope.poll = false;
                }
            }
        }
    }

    /// A variable outside of any function, which may be a vtable.
    fn variable(&mut self, entry: &Entry<'_, 's>) {
        let (mut is_vtable, mut kind, mut address) = (false, None, None);
        for attribute in entry.attributes {
            match (attribute.name(), attribute.value()) {
                (gimli::DW_AT_name, value) => is_vtable = self.text(value).ends_with("{vtable}"),
                (gimli::DW_AT_type, AttributeValue::UnitRef(to)) => kind = u32::try_from(to.0).ok(),
                (gimli::DW_AT_location, AttributeValue::Exprloc(expression)) => {
                    address = match expression.operations(self.unit.encoding()).next() {
                        Ok(Some(Operation::Address { address })) => Some(address),
                        Ok(Some(Operation::AddressIndex { index })) => {
                            self.dwarf.address(self.unit, index).ok()
                        }
                        _ => None,
                    };
                }
                _ => {}
            }
        }
        if let (true, Some(offset), Some(address)) = (is_vtable, kind, address) {
            self.index.is_cut |= !self.index.vtables.push((address, EntryId { offset, ..entry.id }));
        }
    }

    /// Adds the types that the polls take.
    fn add_futures(&mut self) {
        // Entries come in the order of their offsets, so `pins` is sorted.
        let pins = &self.pins;
        self.index.futures.extend(self.taken.iter().filter_map(|offset| {
            pins.binary_search_by_key(offset, |(place, _)| *place).ok().map(|at| pins[at].1)
        }));
    }
}
