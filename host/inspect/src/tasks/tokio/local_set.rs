//! tokio's `LocalSet`: the way from it to its list of tasks, and how it is met as a future.

use super::handle::{ListLayout, Lists};
use super::layout::{member, named, path};
use crate::memory::read_word;
use crate::tasks::decode::{Edge, Plan, PlanId, label};
use crate::tasks::model::LayoutFault;
use crate::tasks::types::{EntryId, Shape, Type, Types};

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
    let (context, pointer) = types.path(&types.get(set.id), &["context", "pointer"])?;
    let Shape::Pointer(Some(counted)) = pointer.shape else { return None };
    let (shared, pointer) = path(types, &types.get(counted), &["value", "shared", "pointer"]).ok()?;
    let Shape::Pointer(Some(counted)) = pointer.shape else { return None };
    let (owned, _) = path(types, &types.get(counted), &["data", "owned"]).ok()?;
    Some(vec![context, shared, owned])
}
