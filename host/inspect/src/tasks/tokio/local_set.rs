//! tokio's `LocalSet`: the way from it to its list of tasks, how it is met as a future, and how it is found in a stack.
//!
//! A library without debug information that drives a set, as actix-rt does, has no variable that leads to it. A pointer to
//! the set, or to what it counts references to, lies in the thread's stack all the same. Any word may look like one: it is
//! believed if all that it leads to agrees, down to the thread's own number.

use std::rc::Rc;

use super::current_task::CurrentTask;
use super::handle::{ListLayout, Lists};
use super::layout::{member, named, path, some};
use crate::memory::{self, Range, read_word};
use crate::tasks::decode::{Edge, Plan, PlanId, label, word_at};
use crate::tasks::model::LayoutFault;
use crate::tasks::types::{EntryId, Shape, Type, Types};
use crate::threads::Listing;

/// Below this no memory is mapped.
const FIRST_ADDRESS: u64 = 4096;
/// No processor that is supported gives programs addresses beyond this.
const LAST_ADDRESS: u64 = 1 << 56;
/// More references than this are damage: each of a set's tasks has some.
const MAX_REFERENCES: u64 = 1 << 40;
/// The most that is read of one value: those that lead to a set have a dozen words before what is looked at.
const MAX_SPAN: u64 = 1024;

/// Where a set's list of owned tasks has its parts.
#[derive(Clone, Debug)]
pub(super) struct LocalSetLayout {
    /// What all of its tasks have in their header.
    id: u64,
    head: u64,
    tail: u64,
}

impl LocalSetLayout {
    pub(super) fn find(types: &Types<'_>) -> Result<LocalSetLayout, LayoutFault> {
        let shared = named(types, "tokio::task::local::Shared")?;
        let (_, owned) = member(types, &shared, "owned")?;
        let ListLayout::Single { head, tail } = ListLayout::find(types, &owned, 0)? else {
            return Err(LayoutFault::NoTaskList(owned.name.as_str().into()));
        };
        Ok(LocalSetLayout { id: member(types, &owned, "id")?.0, head, tail })
    }

    /// The one list of the set that has its owned tasks at `owned`.
    pub(super) fn lists(&self, owned: u64) -> Option<Lists> {
        let at = |offset: u64| owned.wrapping_add(offset);
        let owner_id = read_word(at(self.id)).filter(|id| *id != 0)?;
        Some(Lists { counted: owned, owner_id, shards: vec![(at(self.head), at(self.tail))], flavor: None })
    }
}

/// How a set that a word of a stack leads to is told from anything else.
#[derive(Clone, Debug)]
pub(super) struct LocalSetSearch {
    /// From the id of the task that a thread polls to the thread's own number, modulo 2^64.
    thread: u64,
    /// In a set: the pointer to its context.
    context: u64,
    /// In the counted context: both counts, and the pointer to what is shared with others.
    counts: [u64; 2],
    shared: u64,
    /// In what is shared: both counts, the number of the thread that owns the set, and the list of tasks.
    shared_counts: [u64; 2],
    owner: u64,
    owned: u64,
    /// In the list: whether the set has been dropped, in a byte.
    closed: u64,
}

impl LocalSetSearch {
    pub(super) fn find(types: &Types<'_>) -> Result<LocalSetSearch, LayoutFault> {
        let variable = named(types, "tokio::runtime::context::Context")?;
        let (thread, number) = path(types, &variable, &["thread_id", "value", "value"])?;
        let (task, id) = path(types, &variable, &["current_task_id", "value", "value"])?;
        let thread = thread + some(types, &number)?;
        let set = named(types, "tokio::task::local::LocalSet")?;
        let (context, counted) = counted(types, &set, &["context", "pointer"])?;
        let counts = [member(types, &counted, "strong")?.0, member(types, &counted, "weak")?.0];
        let (shared, counted) = self::counted(types, &counted, &["value", "shared", "pointer"])?;
        let (owned, list) = path(types, &counted, &["data", "owned"])?;
        let search = LocalSetSearch {
            thread: thread.wrapping_sub(task + some(types, &id)?),
            context,
            counts,
            shared,
            shared_counts: [member(types, &counted, "strong")?.0, member(types, &counted, "weak")?.0],
            owner: path(types, &counted, &["data", "owner"])?.0,
            owned,
            closed: member(types, &list, "closed")?.0,
        };
        if search.spans().into_iter().any(|span| span > MAX_SPAN) {
            return Err(LayoutFault::NoTaskList(list.name.as_str().into()));
        }
        Ok(search)
    }

    /// How much of a set or its context is read, and how much of what is shared.
    fn spans(&self) -> [u64; 2] {
        let last = |places: &[u64]| places.iter().max().map_or(0, |last| last + 8);
        let [strong, weak] = self.counts;
        let [shared_strong, shared_weak] = self.shared_counts;
        [
            last(&[self.context, strong, weak, self.shared]),
            last(&[shared_strong, shared_weak, self.owner, self.owned + self.closed]),
        ]
    }

    /// The number that tokio has given each thread of a list, by the kernel's id. Those that never made a set have none.
    pub(super) fn thread_numbers(&self, current_task: &CurrentTask, listing: &Listing) -> Vec<(u32, u64)> {
        let places = current_task.places(listing);
        let addresses: Vec<u64> = places.iter().map(|(_, place)| place.wrapping_add(self.thread)).collect();
        let numbers = Values::read(&addresses, 8);
        let number = |at| numbers.get(at).map(|value| word_at(value, 0)).filter(|number| *number != 0);
        places.iter().enumerate().filter_map(|(at, (thread, _))| Some((*thread, number(at)?))).collect()
    }

    /// Where the sets that words of a stack lead to have their owned tasks: those of the thread that tokio has given that
    /// number. A word may point to a set or to its context.
    pub(super) fn sets(&self, stack: &[u64], thread: u64) -> Vec<u64> {
        let [span, _] = self.spans();
        let met = plausible(stack.iter().copied());
        let values = Values::read(&met, span);
        let mut further = plausible(values.all().map(|value| word_at(value, self.context)));
        further.retain(|address| met.binary_search(address).is_err());
        let contexts = Values::read(&further, span);
        let contexts = values.all().chain(contexts.all()).filter(|value| is_counted(value, self.counts));
        let shared = plausible(contexts.map(|value| word_at(value, self.shared)));
        let [_, span] = self.spans();
        let values = Values::read(&shared, span);
        let is_of_thread = |value: &[u8]| {
            let is_closed = word_at(value, self.owned + self.closed) & 0xff != 0;
            is_counted(value, self.shared_counts) && word_at(value, self.owner) == thread && !is_closed
        };
        let own = shared.iter().enumerate().filter(|(at, _)| values.get(*at).is_some_and(is_of_thread));
        own.map(|(_, address)| address.wrapping_add(self.owned)).collect()
    }
}

/// `local_set.run_until(future)`, as long as it is awaited.
pub(super) fn run_until(
    types: &Types<'_>,
    of: &Type,
    number: &mut dyn FnMut(EntryId) -> PlanId,
) -> Option<Plan> {
    let set = of.member("local_set")?;
    let Shape::Pointer(Some(to)) = types.get(set.type_id).shape else { return None };
    let mut way = vec![set.offset];
    way.extend(way_to_tasks(types, &types.get(to))?);
    let future = of.member("future")?;
    let future = Edge { offset: future.offset, branch: None, plan: number(future.type_id) };
    Some(Plan::LocalSet { label: label(of), way, future: Some(future) })
}

/// The set itself, awaited until its tasks have ended.
pub(super) fn local_set(types: &Types<'_>, of: &Type, _: &mut dyn FnMut(EntryId) -> PlanId) -> Option<Plan> {
    Some(Plan::LocalSet { label: label(of), way: way_to_tasks(types, of)?, future: None })
}

/// From a set to its list, by offsets that a pointer is read at, all but the last. It counts references to both that it
/// goes through, so that they are there for as long as the set.
fn way_to_tasks(types: &Types<'_>, set: &Type) -> Option<Vec<u64>> {
    let (context, of_context) = counted(types, &types.get(set.id), &["context", "pointer"]).ok()?;
    let (shared, of_shared) = counted(types, &of_context, &["value", "shared", "pointer"]).ok()?;
    let (owned, _) = path(types, &of_shared, &["data", "owned"]).ok()?;
    Some(vec![context, shared, owned])
}

/// A pointer's place, and what it points to.
fn counted(types: &Types<'_>, of: &Rc<Type>, names: &[&str]) -> Result<(u64, Rc<Type>), LayoutFault> {
    let (offset, pointer) = path(types, of, names)?;
    match pointer.shape {
        Shape::Pointer(Some(to)) => Ok((offset, types.get(to))),
        _ => Err(LayoutFault::NotAPointer(pointer.name.as_str().into())),
    }
}

/// Whether both counts are what counts may be.
fn is_counted(value: &[u8], counts: [u64; 2]) -> bool {
    counts.iter().all(|place| (1..MAX_REFERENCES).contains(&word_at(value, *place)))
}

/// What may be the address of something that has words in it, each once and in order.
fn plausible(words: impl Iterator<Item = u64>) -> Vec<u64> {
    let may_be = |word: &u64| word.is_multiple_of(8) && (FIRST_ADDRESS..LAST_ADDRESS).contains(word);
    let mut addresses: Vec<u64> = words.filter(may_be).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// Values of one length that were read together.
struct Values {
    bytes: Vec<u8>,
    readable: Vec<bool>,
    length: usize,
}

impl Values {
    fn read(addresses: &[u64], length: u64) -> Values {
        let length = usize::try_from(length).unwrap_or(0);
        let ranges: Vec<Range> =
            addresses.iter().map(|address| Range { address: *address, length }).collect();
        let mut values = Values { bytes: Vec::new(), readable: Vec::new(), length };
        memory::read_many(&ranges, &mut values.bytes, &mut values.readable);
        values
    }

    /// The value at the address of that number, if all of it could be read.
    fn get(&self, at: usize) -> Option<&[u8]> {
        let is_there = *self.readable.get(at)?;
        self.bytes.get(at * self.length..(at + 1) * self.length).filter(|_| is_there)
    }

    /// Those that could be read.
    fn all(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.readable.len()).filter_map(|at| self.get(at))
    }
}
