//! Where tokio keeps what the walk needs, by the names of its members.
//!
//! Names are looked up breadth first below the type that has them, so that a wrapper more or less, or the
//! unsharded list of older versions, needs no case of its own. A name that is not there is a reason to refuse.

use std::rc::Rc;

use crate::memory::read_word;
use crate::tasks::types::{Shape, Type, Types};

/// More shards than this are damage; tokio makes four for each worker.
const MAX_SHARDS: u64 = 1 << 16;

/// Offsets in a task's header, its vtable and its trailer.
#[derive(Clone, Debug)]
pub(crate) struct TaskLayout {
    pub(crate) header_size: u64,
    pub(crate) state: u64,
    pub(crate) vtable: u64,
    pub(crate) owner_id: u64,
    /// In the vtable.
    pub(crate) poll: u64,
    pub(crate) trailer_offset: u64,
    pub(crate) id_offset: u64,
    /// In the trailer.
    pub(crate) next: u64,
    pub(crate) previous: u64,
}

impl TaskLayout {
    pub(crate) fn find(types: &Types<'_>) -> Result<TaskLayout, String> {
        let header = named(types, "tokio::runtime::task::core::Header")?;
        let vtable = named(types, "tokio::runtime::task::raw::Vtable")?;
        let trailer = named(types, "tokio::runtime::task::core::Trailer")?;
        let (pointers, links) = member(types, &trailer, "owned")?;
        Ok(TaskLayout {
            header_size: header.size,
            state: member(types, &header, "state")?.0,
            vtable: member(types, &header, "vtable")?.0,
            owner_id: member(types, &header, "owner_id")?.0,
            poll: member(types, &vtable, "poll")?.0,
            trailer_offset: member(types, &vtable, "trailer_offset")?.0,
            id_offset: member(types, &vtable, "id_offset")?.0,
            next: pointers + member(types, &links, "next")?.0,
            previous: pointers + member(types, &links, "prev")?.0,
        })
    }
}

/// How a `Handle` leads to the lists of tasks.
#[derive(Clone, Debug)]
pub(crate) struct HandleLayout {
    discriminant: Option<(u64, u64)>,
    schedulers: Vec<(Option<u64>, Result<Scheduler, String>)>,
}

/// How a scheduler's shared part does.
#[derive(Clone, Debug)]
struct Scheduler {
    /// In the handle: the pointer to the counted part.
    pointer: u64,
    /// In the counted part.
    id: u64,
    lists: ListLayout,
}

#[derive(Clone, Debug)]
enum ListLayout {
    Sharded { data: u64, length: u64, element_size: u64, head: u64, tail: u64 },
    Single { head: u64, tail: u64 },
}

/// The lists of one runtime, as they are in memory.
#[derive(Clone, Debug)]
pub(crate) struct Lists {
    /// Where the counted part of the runtime's handle is.
    pub(crate) counted: u64,
    /// What all of its tasks have in their header.
    pub(crate) owner_id: u64,
    /// Addresses of head and tail, by shard.
    pub(crate) shards: Vec<(u64, u64)>,
}

impl HandleLayout {
    pub(crate) fn find(types: &Types<'_>) -> Result<HandleLayout, String> {
        let (base, inner) = match types.by_name("tokio::runtime::handle::Handle") {
            Some(handle) => member(types, &handle, "inner")?,
            // It has one member; the type inside is described more often.
            None => (0, named(types, "tokio::runtime::scheduler::Handle")?),
        };
        let Shape::Enum { discriminant, variants, .. } = &inner.shape else {
            return Err(format!("{} is no enum", inner.name));
        };
        let schedulers = variants.iter().map(|variant| {
            let value = variant.value.and_then(|value| u64::try_from(value).ok());
            let of = types.get(variant.member.type_id);
            (value, Scheduler::find(types, base + variant.member.offset, &of))
        });
        Ok(HandleLayout {
            discriminant: discriminant.map(|(offset, size)| (base + offset, size)),
            schedulers: schedulers.collect(),
        })
    }

    /// Whether at least one kind of scheduler is described.
    pub(crate) fn complete(&self) -> Result<(), String> {
        let mut reasons = Vec::new();
        for (_, scheduler) in &self.schedulers {
            match scheduler {
                Ok(_) => return Ok(()),
                Err(reason) => reasons.push(reason.as_str()),
            }
        }
        Err(reasons.join("; "))
    }

    /// The lists of the runtime whose handle is at `handle`.
    pub(crate) fn lists(&self, handle: u64) -> Result<Lists, String> {
        let value = match self.discriminant {
            None => None,
            Some((offset, size)) => {
                let mask = if size >= 8 { u64::MAX } else { (1 << (size * 8)) - 1 };
                Some(word(handle + offset)? & mask)
            }
        };
        let chosen = self.schedulers.iter().find(|(wanted, _)| *wanted == value);
        let chosen = chosen.or_else(|| self.schedulers.iter().find(|(wanted, _)| wanted.is_none()));
        let (_, scheduler) = chosen.ok_or("the handle is of an unknown kind")?;
        scheduler.as_ref().map_err(Clone::clone)?.lists(handle)
    }
}

impl Scheduler {
    fn find(types: &Types<'_>, base: u64, of: &Rc<Type>) -> Result<Scheduler, String> {
        let (pointer, counted) = path(types, of, &["__0", "pointer"])?;
        let Shape::Pointer(Some(counted)) = counted.shape else {
            return Err(format!("{} is no pointer", counted.name));
        };
        let counted = types.get(counted);
        let (owned_offset, owned) = path(types, &counted, &["data", "shared", "owned"])?;
        let id = owned_offset + member(types, &owned, "id")?.0;
        let lists = match types.path(&owned, &["list", "lists"]) {
            Some((offset, lists)) => {
                let (data, pointer) = member(types, &lists, "data_ptr")?;
                let (length, _) = member(types, &lists, "length")?;
                let Shape::Pointer(Some(element)) = pointer.shape else {
                    return Err(format!("{} is no pointer", pointer.name));
                };
                let element = types.get(element);
                ListLayout::Sharded {
                    data: owned_offset + offset + data,
                    length: owned_offset + offset + length,
                    element_size: element.size,
                    head: member(types, &element, "head")?.0,
                    tail: member(types, &element, "tail")?.0,
                }
            }
            None => {
                let list = types.path(&owned, &["list"]).or_else(|| types.path(&owned, &["inner"]));
                let (offset, list) = list.ok_or_else(|| format!("{} has no list", owned.name))?;
                ListLayout::Single {
                    head: owned_offset + offset + member(types, &list, "head")?.0,
                    tail: owned_offset + offset + member(types, &list, "tail")?.0,
                }
            }
        };
        Ok(Scheduler { pointer: base + pointer, id, lists })
    }

    fn lists(&self, handle: u64) -> Result<Lists, String> {
        let counted = word(handle + self.pointer)?;
        let at = |offset: u64| counted.wrapping_add(offset);
        let shards = match self.lists {
            ListLayout::Single { head, tail } => vec![(at(head), at(tail))],
            ListLayout::Sharded { data, length, element_size, head, tail } => {
                let (data, length) = (word(at(data))?, word(at(length))?);
                // The shard of a task is told by the lowest bits of its id.
                if length > MAX_SHARDS || !length.is_power_of_two() {
                    return Err(format!("{length} shards of tasks"));
                }
                let list = |index: u64| data.wrapping_add(index.wrapping_mul(element_size));
                (0..length)
                    .map(|index| (list(index).wrapping_add(head), list(index).wrapping_add(tail)))
                    .collect()
            }
        };
        Ok(Lists { counted, owner_id: word(at(self.id))?, shards })
    }
}

fn word(address: u64) -> Result<u64, String> {
    read_word(address).ok_or_else(|| format!("the runtime's memory at {address:#x} cannot be read"))
}

fn named(types: &Types<'_>, name: &str) -> Result<Rc<Type>, String> {
    types.by_name(name).ok_or_else(|| format!("the debug information has no type {name}"))
}

fn member(types: &Types<'_>, of: &Type, name: &str) -> Result<(u64, Rc<Type>), String> {
    types.find(of, name).ok_or_else(|| format!("{} has no member {name}", of.name))
}

fn path(types: &Types<'_>, of: &Rc<Type>, names: &[&str]) -> Result<(u64, Rc<Type>), String> {
    types.path(of, names).ok_or_else(|| format!("{} has no member {}", of.name, names.join(".")))
}
