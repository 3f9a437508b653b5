//! Futures of tokio and futures-util that tell more than their name.
//!
//! Shared references are followed in three places only: from a semaphore's waiter to the semaphore, from a
//! join handle to the task's header, from a socket's future to the socket. Each is borrowed or counted
//! by the future that is read.

use super::plan::{Discriminant, Edge, Plan, PlanId, Step, Text};
use crate::tasks::types::{EntryId, Shape, Type, Types, without_generics};

const SLEEP: &str = "tokio::time::sleep::Sleep";
const JOIN_HANDLE: &str = "tokio::runtime::task::join::JoinHandle<";
const ACQUIRE: &str = "tokio::sync::batch_semaphore::Acquire";
const JOIN_SET: &str = "tokio::task::join_set::JoinSet<";
const UNORDERED: &str = "futures_util::stream::futures_unordered::FuturesUnordered<";
/// How the names of registered futures begin.
pub(crate) const TRACKED: &str = "gmr_inspect::tasks::tracked::Tracked<";

/// Futures that are polled by tokio's own code only: without its debug information nothing else says that
/// they are futures.
const PLAIN: [&str; 6] = [
    "tokio::runtime::io::scheduled_io::Readiness",
    "tokio::sync::notify::Notified",
    "tokio::sync::notify::OwnedNotified",
    "tokio::task::yield_now::yield_now::YieldNow",
    "tokio_util::sync::cancellation_token::WaitForCancellationFuture",
    "tokio_util::sync::cancellation_token::WaitForCancellationFutureOwned",
];

/// Futures of interest whether or not the program's own code polls them.
pub(super) fn is_known(name: &str) -> bool {
    name == SLEEP
        || name == ACQUIRE
        || is_plain(name)
        || [JOIN_HANDLE, JOIN_SET, UNORDERED].iter().any(|prefix| name.starts_with(prefix))
}

/// Futures whose `poll` is so small that it may leave no trace in an optimised build.
const SMALL: [&str; 4] =
    ["core::future::pending::Pending<", POLL_FN[0], POLL_FN[1], "core::future::ready::Ready<"];

/// The standard library's, and the one that tokio had before 1.41.
const POLL_FN: [&str; 2] = ["core::future::poll_fn::PollFn<", "tokio::future::poll_fn::PollFn<"];

/// A future that is nothing but a closure.
pub(super) fn is_poll_fn(name: &str) -> bool {
    POLL_FN.iter().any(|prefix| name.starts_with(prefix))
}

/// A future, whether or not the debug information has its `poll`.
pub(super) fn is_plain(name: &str) -> bool {
    PLAIN.contains(&name) || SMALL.iter().any(|prefix| name.starts_with(prefix))
}

/// How a future of that type is decoded, if it is one of these and looks as expected.
pub(super) fn plan(types: &Types<'_>, of: &Type, mut number: impl FnMut(EntryId) -> PlanId) -> Option<Plan> {
    let label = || Text::from(without_generics(&of.name));
    let inner = |plan| Edge { offset: 0, branch: None, plan };
    if of.name == SLEEP {
        let deadline = types.find(of, "deadline").or_else(|| types.find(of, "initial_deadline"));
        let (offset, instant) = deadline?;
        let seconds = offset + types.find(&instant, "tv_sec")?.0;
        let nanoseconds = offset + types.find(&instant, "tv_nsec")?.0;
        return Some(Plan::Sleep { label: label(), seconds, nanoseconds });
    }
    if of.name == ACQUIRE {
        let (semaphore, pointer) = types.find(of, "semaphore")?;
        let Shape::Pointer(Some(to)) = pointer.shape else { return None };
        let (permits, _) = types.find(&types.get(to), "permits")?;
        return Some(Plan::Acquire { label: label(), semaphore, permits });
    }
    if of.name.starts_with(JOIN_HANDLE) {
        return Some(Plan::Join { label: label(), header: types.find(of, "ptr")?.0 });
    }
    if of.name.starts_with(JOIN_SET) {
        return Some(Plan::JoinSet { label: label(), length: types.find(of, "length")?.0 });
    }
    if of.name.starts_with(UNORDERED) {
        let (head, pointer) = types.find(of, "head_all")?;
        let node = types.get(pointee(types, pointer.id)?);
        let (offset, future) = types.find(&node, "future")?;
        let (next, _) = types.find(&node, "next_all")?;
        let future = Edge { offset, ..inner(number(future.id)) };
        return Some(Plan::Unordered { label: label(), head, node_size: node.size, next, future });
    }
    if of.name.starts_with(TRACKED) {
        let lease = of.member("lease")?;
        let future = of.member("future")?;
        let Shape::Enum { variants, .. } = &types.get(lease.type_id).shape else { return None };
        let slot = variants.iter().find_map(|variant| {
            let (offset, _) = types.find(&types.get(variant.member.type_id), "slot")?;
            Some(lease.offset + variant.member.offset + offset)
        });
        let future = Edge { offset: future.offset, ..inner(number(future.type_id)) };
        return Some(Plan::Tracked { slot: slot?, future });
    }
    None
}

/// What an atomic pointer (`AtomicPtr<T>`, wrapped or not) points to.
fn pointee(types: &Types<'_>, id: EntryId) -> Option<EntryId> {
    let mut id = id;
    // An atomic, its cell, the pointer in it: three steps, and some to spare.
    for _ in 0..8 {
        let of = types.get(id);
        if let Some((_, parameter)) = of.generics.first() {
            let parameter_type = types.get(*parameter);
            return match parameter_type.shape {
                Shape::Pointer(Some(to)) => Some(to),
                _ => Some(*parameter),
            };
        }
        if let Shape::Pointer(to) = of.shape {
            return to;
        }
        id = of.members.first()?.type_id;
    }
    None
}

/// How deep a descriptor is looked for.
const DESCRIPTOR_DEPTH: usize = 6;
/// How many types are looked at for it: a socket is near, and a large future must not cost seconds.
const DESCRIPTOR_TYPES: usize = 200;

/// The way from a future to the descriptor that it waits for.
pub(super) fn descriptor(types: &Types<'_>, of: &Type) -> Option<Vec<Step>> {
    descriptor_below(types, of, 0, 0, &mut { DESCRIPTOR_TYPES })
}

fn descriptor_below(
    types: &Types<'_>,
    of: &Type,
    base: u64,
    depth: usize,
    left: &mut usize,
) -> Option<Vec<Step>> {
    *left = left.checked_sub(1)?;
    if let Some((offset, number)) = types.find(of, "fd")
        && number.size <= 4
    {
        return Some(vec![Step::Number { offset: base + offset }]);
    }
    if depth > DESCRIPTOR_DEPTH {
        return None;
    }
    of.members.iter().find_map(|member| {
        let inner = types.get(member.type_id);
        let offset = base + member.offset;
        match &inner.shape {
            // The future borrows its socket; further shared references lead elsewhere.
            Shape::Pointer(Some(to)) if inner.name.starts_with('&') && depth == 0 => {
                let mut steps = vec![Step::Pointer { offset }];
                steps.extend(descriptor_below(types, &types.get(*to), 0, depth + 1, left)?);
                Some(steps)
            }
            Shape::Struct => descriptor_below(types, &inner, offset, depth + 1, left),
            Shape::Enum { discriminant: Some((told, size)), variants, .. }
                if inner.name.starts_with("core::option::Option<") =>
            {
                let none = variants.iter().find(|variant| variant.member.name.as_ref() == "None")?;
                let some = variants.iter().find(|variant| variant.member.name.as_ref() == "Some")?;
                let discriminant = Discriminant { offset: offset + told, size: *size };
                let value = match (none.value, some.value) {
                    (Some(none), _) => Step::Unless { discriminant, value: u64::try_from(none).ok()? },
                    (None, Some(some)) => Step::If { discriminant, value: u64::try_from(some).ok()? },
                    (None, None) => return None,
                };
                let inside = types.get(some.member.type_id);
                let mut steps = vec![value];
                steps.extend(descriptor_below(types, &inside, offset + some.member.offset, depth + 1, left)?);
                Some(steps)
            }
            _ => None,
        }
    })
}
