//! Lookups in the DWARF: types by entry and by name, functions by address, source files by index.
//!
//! What was loaded is kept for the length of one look.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use gimli::AttributeValue;

use super::index::Index;
use super::names::{display, function_path, hash, is_async_fn, resume_function};
use super::scopes::Scopes;
use super::shape::{Shape, Type};
use super::units::{EntryId, Parsed, Reader, Source, Units, text};
use crate::tasks::model::Reason;

/// What has been loaded of one unit.
struct Loaded<'s> {
    parsed: Parsed<'s>,
    scopes: OnceCell<Scopes<'s>>,
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

    /// Why nothing can be looked up at the moment; `None` if it can. Then the files are open.
    pub(crate) fn unusable(&self) -> Option<&Reason> {
        self.source.files().err().and(self.source.fault())
    }

    /// As [`Types::unusable`], if something has been looked up already: it opens nothing.
    pub(crate) fn fault(&self) -> Option<&Reason> {
        self.source.fault()
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
        self.index.types.of(hash(name)).iter().find_map(|(_, id)| {
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
            // What would not be reached any more is not read: a damaged type may hold itself thousands of times.
            if depth < MEMBER_DEPTH && queue.len() < MEMBER_TYPES {
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
        self.index.functions.of(address.wrapping_sub(self.bias)).iter().map(|(_, id)| *id)
    }

    /// An address in memory, as linked.
    #[cfg(stacks)]
    pub(super) fn linked(&self, address: u64) -> u64 {
        address.wrapping_sub(self.bias)
    }

    /// The functions that an address, as linked, may lie in: all that begin where the last one before it does.
    #[cfg(stacks)]
    pub(super) fn functions_around(&self, linked: u64) -> impl Iterator<Item = EntryId> + '_ {
        self.index.functions.up_to(linked).iter().map(|(_, id)| *id)
    }

    /// The types that have their vtable at that address in memory; several if the linker folded them.
    pub(crate) fn behind_vtable(&self, address: u64) -> Vec<Rc<Type>> {
        let mut found: Vec<Rc<Type>> = Vec::new();
        for (_, id) in self.index.vtables.of(address.wrapping_sub(self.bias)) {
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
            let (_, id) = *self.index.resumes.of(hash(&name)).first()?;
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
        let read = || Scopes::read(loaded.parsed.dwarf(units), &loaded.parsed.unit);
        loaded.scopes.get_or_init(read).full_name(id.offset)
    }
}
