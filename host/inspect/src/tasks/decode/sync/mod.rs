//! Synchronisation in suspended futures: what a future waits for, and which guards, permits and ends of channels lie in
//! its saved locals.
//!
//! As for chains, a [`SyncPlan`] is made once for each type, and following plans needs memory only ([`SyncWalk`]). Types
//! that can hold nothing have no plan to follow, so that a task that only sleeps costs nothing here.
//!
//! A saved local may have been moved out of its place, which leaves its bytes behind. Whether it is alive is told by the
//! drop flags that rustc saves beside it: booleans without a name. If all of them are set, or there are none, every local is
//! alive; if some are not, it is not told whose they are. A build with `panic = "abort"` leaves most of them out; the
//! canary tells. What is read of a moved value may be anything, so none of it counts for the chain: it is recorded apart
//! ([`ReadSet::aside`](super::ReadSet::aside)), and a hold whose own words have changed is dropped alone.

mod compile;
mod found;
mod locks;
mod plan;
mod route;
mod walk;

pub(crate) use found::{QueueSeen, SyncOutput};
pub(crate) use locks::{CANARY_LOCKS, CROSSBEAM_LOCKS, FUTURES_LOCKS, PARKING_LOT_LOCKS, STANDARD_LOCKS};
pub(crate) use locks::{Guard, Locks, MakeSyncPlan, Synchronizer, Takes, WakerPlace, guard, synchronizer};
pub(crate) use plan::{Acquire, Join, Notified, SyncPlan};
pub(crate) use route::routes;
pub(crate) use walk::SyncWalk;
