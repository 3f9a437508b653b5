//! tokio's futures that tell more than their name, and those that only tokio itself polls.
//!
//! Shared references are followed in three places: from a semaphore's waiter to the semaphore, from a join handle to the
//! task's header, and from what a `LocalSet` runs to that. All are counted or borrowed by the future that is read, so they are there as long as it is.

use std::rc::Rc;

use super::known_locks::LOCKS;
use super::layout::{member, named};
use super::local_set::{local_set, run_until};
use crate::tasks::decode::{Figure, Library, Plan, PlanId, label};
use crate::tasks::types::{EntryId, Shape, Type, Types};

/// What is known of tokio's and tokio-util's futures.
pub(crate) const FUTURES: Library = Library {
    // Without tokio's debug information nothing else says that these are futures.
    futures: &[
        "tokio::runtime::io::scheduled_io::Readiness",
        "tokio::sync::notify::Notified",
        "tokio::sync::notify::OwnedNotified",
        "tokio::task::yield_now::yield_now::YieldNow",
        "tokio_util::sync::cancellation_token::WaitForCancellationFuture",
        "tokio_util::sync::cancellation_token::WaitForCancellationFutureOwned",
    ],
    // It had one of its own before 1.41.
    closures: &["tokio::future::poll_fn::PollFn<"],
    decoded: &[
        ("tokio::time::sleep::Sleep", sleep),
        ("tokio::sync::batch_semaphore::Acquire", acquire),
        ("tokio::runtime::task::join::JoinHandle<", join_handle),
        ("tokio::task::join_set::JoinSet<", join_set),
        ("tokio::task::local::RunUntil<", run_until),
        ("tokio::task::local::LocalSet", local_set),
    ],
    wrappers: &["tokio::future::maybe_done::MaybeDone<"],
    locks: LOCKS,
};

fn sleep(types: &Types<'_>, of: &Type, _: &mut dyn FnMut(EntryId) -> PlanId) -> Option<Plan> {
    let deadline = types.find(of, "deadline").or_else(|| types.find(of, "initial_deadline"));
    let (offset, instant) = deadline.or_else(|| timer_deadline(types, of))?;
    let seconds = offset + types.find(&instant, "tv_sec")?.0;
    let nanoseconds = offset + types.find(&instant, "tv_nsec")?.0;
    Some(Plan::Known { label: label(of), figure: Figure::Deadline { seconds, nanoseconds } })
}

/// tokio 1.52 keeps the deadline in a timer, which is of one kind; with `tokio_unstable` there is another one, and which of
/// them it is, is not read.
fn timer_deadline(types: &Types<'_>, of: &Type) -> Option<(u64, Rc<Type>)> {
    let (entry, timer) = types.find(of, "entry")?;
    let Shape::Enum { variants, .. } = &timer.shape else { return None };
    let [only] = &variants[..] else { return None };
    let (offset, instant) = types.find(&types.get(only.member.type_id), "deadline")?;
    Some((entry + only.member.offset + offset, instant))
}

fn acquire(types: &Types<'_>, of: &Type, _: &mut dyn FnMut(EntryId) -> PlanId) -> Option<Plan> {
    let (semaphore, pointer) = types.find(of, "semaphore")?;
    let Shape::Pointer(Some(to)) = pointer.shape else { return None };
    let (permits, _) = types.find(&types.get(to), "permits")?;
    // The lowest bit says that the semaphore is closed.
    Some(Plan::Known { label: label(of), figure: Figure::Permits { semaphore, permits, shift: 1 } })
}

fn join_handle(types: &Types<'_>, of: &Type, _: &mut dyn FnMut(EntryId) -> PlanId) -> Option<Plan> {
    let header = types.find(of, "ptr")?.0;
    let header_type = named(types, "tokio::runtime::task::core::Header").ok()?;
    let vtable = member(types, &header_type, "vtable").ok()?.0;
    Some(Plan::Known { label: label(of), figure: Figure::Task { header, vtable } })
}

fn join_set(types: &Types<'_>, of: &Type, _: &mut dyn FnMut(EntryId) -> PlanId) -> Option<Plan> {
    let length = types.find(of, "length")?.0;
    Some(Plan::Known { label: label(of), figure: Figure::Tasks { length } })
}
