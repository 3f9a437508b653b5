//! Types by entry and by name, functions by address: loaded once, kept for the length of one look.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use gimli::AttributeValue;

use super::index::{Index, entries};
use super::names::{function_path, hash, is_async_fn, resume_function};
use super::units::{Parsed, Source, Units, text};
use super::{EntryId, Reader, display};

/// A type as far as memory is read by it.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) id: EntryId,
    /// With its path, and its generics as the compiler prints them.
    pub(crate) name: String,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) align: u64,
    pub(crate) shape: Shape,
    pub(crate) members: Vec<Member>,
    pub(crate) generics: Vec<(Box<str>, EntryId)>,
    /// For a vtable's type: whose vtable it is.
    pub(super) containing: Option<EntryId>,
}

#[derive(Debug)]
pub(crate) enum Shape {
    /// A struct, a tuple or a union.
    Struct,
    Enum {
        /// Where it is and how many bytes it has; none if there is but one variant.
        discriminant: Option<(u64, u64)>,
        /// It is the state of an async function, block or closure.
        coroutine: bool,
        variants: Vec<Variant>,
    },
    Pointer(Option<EntryId>),
    Array {
        element: EntryId,
        count: u64,
    },
    /// Defined elsewhere, by the same name.
    Declaration,
    Other,
}

#[derive(Debug)]
pub(crate) struct Variant {
    /// `None` for the one that any other value means.
    pub(crate) value: Option<u128>,
    pub(crate) member: Member,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: Box<str>,
    /// In bytes, from the start of the type.
    pub(crate) offset: u64,
    pub(crate) type_id: EntryId,
    /// Index of the file in the unit's table.
    pub(crate) file: u64,
    pub(crate) line: u32,
}

impl Type {
    pub(super) fn empty(id: EntryId) -> Self {
        Type {
            id,
            name: String::new(),
            size: 0,
            align: 0,
            shape: Shape::Other,
            members: Vec::new(),
            generics: Vec::new(),
            containing: None,
        }
    }

    pub(crate) fn is_coroutine(&self) -> bool {
        matches!(self.shape, Shape::Enum { coroutine: true, .. })
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| &*member.name == name)
    }
}

/// The name of an enclosing namespace or type.
struct Scope<'s> {
    offset: u32,
    parent: Option<u32>,
    name: &'s str,
}

/// What has been loaded of one unit.
struct Loaded<'s> {
    parsed: Parsed<'s>,
    scopes: OnceCell<Vec<Scope<'s>>>,
}

/// The types of the executable.
pub(crate) struct Types<'s> {
    pub(crate) index: &'s Index,
    /// What is added to a linked address to have it in memory.
    bias: u64,
    units: OnceCell<Option<Units<'s>>>,
    source: &'s Source,
    loaded: Vec<OnceCell<Option<Box<Loaded<'s>>>>>,
    types: RefCell<HashMap<EntryId, Rc<Type>>>,
}

/// How deep a member is looked for below a type: through the wrappers that it may have got since.
const MEMBER_DEPTH: usize = 6;
/// How many types are looked at for one member.
const MEMBER_TYPES: usize = 2_000;
/// How deep namespaces are nested.
const SCOPE_DEPTH: usize = 1_000;

impl<'s> Types<'s> {
    pub(crate) fn new(source: &'s Source, index: &'s Index, bias: u64) -> Self {
        Types {
            index,
            bias,
            units: OnceCell::new(),
            source,
            loaded: index.places.iter().map(|_| OnceCell::new()).collect(),
            types: RefCell::default(),
        }
    }

    /// The type at that entry; if that is a declaration only, the type of that name.
    pub(crate) fn get(&self, id: EntryId) -> Rc<Type> {
        let own = self.exactly(id);
        if !matches!(own.shape, Shape::Declaration) {
            return own;
        }
        let Some(defined) = self.by_name(&own.name) else { return own };
        self.types.borrow_mut().insert(id, Rc::clone(&defined));
        defined
    }

    fn exactly(&self, id: EntryId) -> Rc<Type> {
        if let Some(known) = self.types.borrow().get(&id) {
            return Rc::clone(known);
        }
        // Before it is read: damaged information may have a type contain itself.
        self.types.borrow_mut().insert(id, Rc::new(Type::empty(id)));
        let read = Rc::new(self.read_type(id).unwrap_or_else(|| Type::empty(id)));
        self.types.borrow_mut().insert(id, Rc::clone(&read));
        read
    }

    /// A type by its full name.
    pub(crate) fn by_name(&self, name: &str) -> Option<Rc<Type>> {
        entries(&self.index.types, hash(name)).iter().find_map(|(_, id)| {
            let found = self.exactly(*id);
            let defined = match found.shape {
                Shape::Declaration | Shape::Other => false,
                Shape::Struct => found.size == 0 || !found.members.is_empty(),
                _ => true,
            };
            (defined && found.name == name).then_some(found)
        })
    }

    /// Whether the program polls values of the type of that name.
    pub(crate) fn is_future(&self, name: &str) -> bool {
        self.index.futures.binary_search(&hash(name)).is_ok()
    }

    /// A member by its name, the nearest first, through the structs in between but no pointer: its offset
    /// and type.
    pub(crate) fn find(&self, within: &Type, name: &str) -> Option<(u64, Rc<Type>)> {
        if let Some(member) = within.member(name) {
            return Some((member.offset, self.get(member.type_id)));
        }
        let inner = |of: &Type, base: u64, depth: usize| -> Vec<(u64, Rc<Type>, usize)> {
            of.members.iter().map(|at| (base.wrapping_add(at.offset), self.get(at.type_id), depth)).collect()
        };
        let mut queue: VecDeque<_> = inner(within, 0, 1).into();
        for _ in 0..MEMBER_TYPES {
            let (base, next, depth) = queue.pop_front()?;
            if let Some(member) = next.member(name) {
                return Some((base.wrapping_add(member.offset), self.get(member.type_id)));
            }
            if depth < MEMBER_DEPTH {
                queue.extend(inner(&next, base, depth + 1));
            }
        }
        None
    }

    /// As [`Types::find`], name after name.
    pub(crate) fn path(&self, within: &Rc<Type>, names: &[&str]) -> Option<(u64, Rc<Type>)> {
        names.iter().try_fold((0, Rc::clone(within)), |(offset, within), name| {
            let (more, found) = self.find(&within, name)?;
            Some((offset + more, found))
        })
    }

    /// Functions that begin at that address in memory. The linker folds equal ones into one.
    pub(crate) fn functions_at(&self, address: u64) -> impl Iterator<Item = EntryId> + '_ {
        entries(&self.index.functions, address.wrapping_sub(self.bias)).iter().map(|(_, id)| *id)
    }

    /// Whose vtable lies at that address in memory; several if the linker folded them.
    pub(crate) fn behind_vtable(&self, address: u64) -> Vec<Rc<Type>> {
        let mut found: Vec<Rc<Type>> = Vec::new();
        for (_, id) in entries(&self.index.vtables, address.wrapping_sub(self.bias)) {
            let Some(of) = self.exactly(*id).containing else { continue };
            let of = self.get(of);
            if !found.iter().any(|other| other.name == of.name) {
                found.push(of);
            }
        }
        found
    }

    /// A coroutine as the function or block that a reader knows: `<a::S as a::T>::f` rather than
    /// `a::{impl#0}::f`.
    pub(crate) fn function_name(&self, coroutine: &Type) -> String {
        let plain = display(&coroutine.name);
        if !coroutine.name.contains("{impl#") {
            return plain;
        }
        let symbol = resume_function(&coroutine.name).and_then(|name| {
            let (_, id) = *entries(&self.index.resumes, hash(&name)).first()?;
            Some(self.signature(id).symbol)
        });
        let Some(symbol) = symbol.filter(|symbol| !symbol.is_empty()) else { return plain };
        let path = format!("{:#}", rustc_demangle::demangle(&symbol));
        let path = function_path(&path.replace("::{{closure}}", "").replace("::{closure#0}", ""));
        match plain.rsplit("::").next() {
            Some(block) if block.starts_with('{') && !is_async_fn(block) => format!("{path}::{block}"),
            _ => path,
        }
    }

    /// The path of a source file, as it was given to the compiler.
    pub(crate) fn file(&self, unit: u32, index: u64) -> Option<String> {
        let (parsed, units) = self.unit(unit)?;
        let split = (&parsed.unit, parsed.dwarf(units));
        let own = parsed.skeleton.as_ref().map(|skeleton| (skeleton, &units.main));
        let with_lines = |(unit, _): &(&gimli::Unit<Reader<'s>>, _)| unit.line_program.is_some();
        let (unit, dwarf) = Some(split).filter(with_lines).or(own.filter(with_lines))?;
        let header = unit.line_program.as_ref()?.header();
        let file = header.file(index)?;
        let name = text(dwarf.attr_string(unit, file.path_name()).ok()?);
        // Directory 0 is where the compiler ran: names are given from there.
        if name.starts_with('/') || file.directory_index() == 0 {
            return Some(name.to_owned());
        }
        let directory = file.directory(header).and_then(|directory| dwarf.attr_string(unit, directory).ok());
        let directory = directory.map_or("", text);
        Some(if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") })
    }

    pub(super) fn unit(&self, number: u32) -> Option<(&Parsed<'s>, &Units<'s>)> {
        self.loaded(number).map(|(loaded, units)| (&loaded.parsed, units))
    }

    fn loaded(&self, number: u32) -> Option<(&Loaded<'s>, &Units<'s>)> {
        let units = self.units.get_or_init(|| Units::open(self.source).ok()).as_ref()?;
        let cell = self.loaded.get(number as usize)?;
        let loaded = cell.get_or_init(|| {
            let parsed = units.parse(&self.index.places, number as usize)?;
            Some(Box::new(Loaded { parsed, scopes: OnceCell::new() }))
        });
        Some((loaded.as_deref()?, units))
    }

    pub(super) fn reference(&self, unit: u32, value: AttributeValue<Reader<'s>>) -> Option<EntryId> {
        match value {
            AttributeValue::UnitRef(to) => Some(EntryId { unit, offset: u32::try_from(to.0).ok()? }),
            AttributeValue::DebugInfoRef(to) => {
                let places = &self.index.places;
                let number = places.partition_point(|place| place.start <= to.0).checked_sub(1)?;
                let place = &places[number];
                // What was split off counts from another start.
                let inside = to.0 < place.end && self.unit(unit)?.0.skeleton.is_none();
                let offset = u32::try_from(to.0 - place.start).ok()?;
                inside.then_some(EntryId { unit: u32::try_from(number).ok()?, offset })
            }
            _ => None,
        }
    }

    /// The name of a type with its path; `None` for what has no path (pointers, numbers).
    pub(super) fn full_name(&self, id: EntryId) -> Option<String> {
        let (loaded, units) = self.loaded(id.unit)?;
        let scopes = loaded
            .scopes
            .get_or_init(|| read_scopes(loaded.parsed.dwarf(units), &loaded.parsed.unit).unwrap_or_default());
        let mut at = scopes.binary_search_by_key(&id.offset, |scope| scope.offset).ok()?;
        let mut parts = Vec::new();
        for _ in 0..SCOPE_DEPTH {
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

fn read_scopes<'s>(
    dwarf: &gimli::Dwarf<Reader<'s>>,
    unit: &gimli::Unit<Reader<'s>>,
) -> gimli::Result<Vec<Scope<'s>>> {
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
