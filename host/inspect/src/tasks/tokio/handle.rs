//! The way from tokio's `Handle` to its runtime's lists of tasks.
//!
//! A name that is not there is a reason to refuse the kind of scheduler that needs it.

use std::rc::Rc;

use super::layout::{mask, member, named, path};
use crate::memory::{read_word, read_words};
use crate::tasks::model::LayoutFault;
use crate::tasks::types::{Shape, Type, Types};

/// More shards than this are damage; tokio makes four for each worker.
const MAX_SHARDS: u64 = 1 << 16;

/// The kind of a runtime, as reports call it.
type Flavor = &'static str;

/// How a `Handle` leads to the lists of tasks.
#[derive(Clone, Debug)]
pub(super) struct HandleLayout {
    discriminant: Option<(u64, u64)>,
    schedulers: Vec<(Option<u64>, Flavor, Result<Scheduler, LayoutFault>)>,
}

/// How a handle's variant for one kind of scheduler leads there.
#[derive(Clone, Debug)]
struct Scheduler {
    /// In the handle: the pointer to the counted part.
    pointer: u64,
    /// In the counted part.
    id: u64,
    lists: ListLayout,
}

#[derive(Clone, Debug)]
pub(super) enum ListLayout {
    Sharded { data: u64, length: u64, element_size: u64, head: u64, tail: u64 },
    Single { head: u64, tail: u64 },
}

/// The lists of one runtime, as they are in memory.
#[derive(Clone, Debug)]
pub(crate) struct Lists {
    /// Where the counted part of the runtime's handle is.
    pub(super) counted: u64,
    /// What all of its tasks have in their header.
    pub(crate) owner_id: u64,
    /// Addresses of head and tail, by shard.
    pub(super) shards: Vec<(u64, u64)>,
    /// Of which kind the runtime is; `None` for a `LocalSet`.
    pub(super) flavor: Option<Flavor>,
}

impl Lists {
    /// Where the counted part of the runtime's handle is: no two runtimes have it at one place.
    pub(crate) fn counted(&self) -> u64 {
        self.counted
    }

    /// Whether no task is in any of them.
    #[cfg(stacks)]
    pub(crate) fn is_empty(&self) -> bool {
        self.shards.iter().all(|(head, tail)| read_word(*head) == Some(0) && read_word(*tail) == Some(0))
    }
}

impl HandleLayout {
    pub(super) fn find(types: &Types<'_>) -> Result<HandleLayout, LayoutFault> {
        let (base, inner) = match types.by_name("tokio::runtime::handle::Handle") {
            Some(handle) => member(types, &handle, "inner")?,
            // It has one member; the type inside is described more often.
            None => (0, named(types, "tokio::runtime::scheduler::Handle")?),
        };
        let Shape::Enum { discriminant, variants, .. } = &inner.shape else {
            return Err(LayoutFault::NotAnEnum(inner.name.as_str().into()));
        };
        let schedulers = variants.iter().map(|variant| {
            let value = variant.value.and_then(|value| u64::try_from(value).ok());
            let of = types.get(variant.member.type_id);
            let flavor = flavor(&variant.member.name);
            (value, flavor, Scheduler::find(types, base + variant.member.offset, &of))
        });
        Ok(HandleLayout {
            discriminant: discriminant.map(|(offset, size)| (base + offset, size)),
            schedulers: schedulers.collect(),
        })
    }

    /// Whether at least one kind of scheduler is described.
    pub(super) fn complete(&self) -> Result<(), LayoutFault> {
        let mut faults = Vec::new();
        for (_, _, scheduler) in &self.schedulers {
            match scheduler {
                Ok(_) => return Ok(()),
                Err(fault) => faults.push(fault.clone()),
            }
        }
        Err(LayoutFault::NoScheduler(faults.into()))
    }

    /// Those of some threads' places that have a handle, by what says of which kind it is.
    pub(super) fn at(&self, places: Vec<(u32, u64)>) -> Vec<(u32, u64)> {
        let Some((offset, size)) = self.discriminant else { return places };
        let values = read_words(places.iter().map(|(_, place)| place + offset));
        let is_kind = |value: &Option<u64>| {
            let value = value.map(|value| value & mask(size));
            value.is_some() && self.schedulers.iter().any(|(wanted, ..)| wanted.is_none() || *wanted == value)
        };
        let kinds = places.into_iter().zip(values).filter(|(_, value)| is_kind(value));
        kinds.map(|(place, _)| place).collect()
    }

    /// The lists of the runtime that has its handle at `handle`.
    pub(super) fn lists(&self, handle: u64) -> Result<Lists, LayoutFault> {
        let value = match self.discriminant {
            None => None,
            Some((offset, size)) => Some(word(handle + offset)? & mask(size)),
        };
        let chosen = self.schedulers.iter().find(|(wanted, ..)| *wanted == value);
        let chosen = chosen.or_else(|| self.schedulers.iter().find(|(wanted, ..)| wanted.is_none()));
        let (_, flavor, scheduler) = chosen.ok_or(LayoutFault::UnknownScheduler)?;
        scheduler.as_ref().map_err(Clone::clone)?.lists(handle, flavor)
    }
}

impl Scheduler {
    fn find(types: &Types<'_>, base: u64, of: &Rc<Type>) -> Result<Scheduler, LayoutFault> {
        let (pointer, counted) = path(types, of, &["__0", "pointer"])?;
        let Shape::Pointer(Some(counted)) = counted.shape else {
            return Err(LayoutFault::NotAPointer(counted.name.as_str().into()));
        };
        let counted = types.get(counted);
        let (owned_offset, owned) = path(types, &counted, &["data", "shared", "owned"])?;
        let id = owned_offset + member(types, &owned, "id")?.0;
        Ok(Scheduler { pointer: base + pointer, id, lists: ListLayout::find(types, &owned, owned_offset)? })
    }

    fn lists(&self, handle: u64, flavor: Flavor) -> Result<Lists, LayoutFault> {
        let counted = word(handle + self.pointer)?;
        let at = |offset: u64| counted.wrapping_add(offset);
        let shards = match self.lists {
            ListLayout::Single { head, tail } => vec![(at(head), at(tail))],
            ListLayout::Sharded { data, length, element_size, head, tail } => {
                let (data, length) = (word(at(data))?, word(at(length))?);
                // The lowest bits of a task's id are the number of its shard.
                if length > MAX_SHARDS || !length.is_power_of_two() {
                    return Err(LayoutFault::ShardCount(length));
                }
                let list = |index: u64| data.wrapping_add(index.wrapping_mul(element_size));
                (0..length)
                    .map(|index| (list(index).wrapping_add(head), list(index).wrapping_add(tail)))
                    .collect()
            }
        };
        Ok(Lists { counted, owner_id: word(at(self.id))?, shards, flavor: Some(flavor) })
    }
}

impl ListLayout {
    /// That of the list of owned tasks of this type, which lies at `base`.
    pub(super) fn find(types: &Types<'_>, owned: &Rc<Type>, base: u64) -> Result<ListLayout, LayoutFault> {
        Ok(match types.path(owned, &["list", "lists"]) {
            Some((offset, lists)) => {
                let (data, pointer) = member(types, &lists, "data_ptr")?;
                let (length, _) = member(types, &lists, "length")?;
                let Shape::Pointer(Some(element)) = pointer.shape else {
                    return Err(LayoutFault::NotAPointer(pointer.name.as_str().into()));
                };
                let element = types.get(element);
                ListLayout::Sharded {
                    data: base + offset + data,
                    length: base + offset + length,
                    element_size: element.size,
                    head: member(types, &element, "head")?.0,
                    tail: member(types, &element, "tail")?.0,
                }
            }
            None => {
                let list = types.path(owned, &["list"]).or_else(|| types.path(owned, &["inner"]));
                let (offset, list) =
                    list.ok_or_else(|| LayoutFault::NoTaskList(owned.name.as_str().into()))?;
                ListLayout::Single {
                    head: base + offset + member(types, &list, "head")?.0,
                    tail: base + offset + member(types, &list, "tail")?.0,
                }
            }
        })
    }
}

/// What reports call the kind of runtime that a variant of the handle is for.
fn flavor(variant: &str) -> Flavor {
    match variant {
        "CurrentThread" => "current_thread",
        "MultiThread" => "multi_thread",
        _ => "multi_thread_alt",
    }
}

fn word(address: u64) -> Result<u64, LayoutFault> {
    read_word(address).ok_or(LayoutFault::Unreadable(address))
}
