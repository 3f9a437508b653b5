//! The registry of futures: a table that is read while all threads of the program write to it.
//!
//! It is weak: it owns nothing of a future and keeps none alive. It never blocks a reader, and no reader ever blocks a
//! thread of the program: the only locks are those of the free lists, which a reader does not take. It gives no memory
//! back (192 bytes for each future that lived at the same time as others) and refuses more than sixteen million: further
//! ones work unregistered.

/// What slots are made of, told to them here, so that a model checker can tell them its own.
mod atomics {
    pub(super) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
}
mod kind;
mod name;
mod shard;
mod slot;

pub(crate) use kind::Kind;
pub(crate) use shard::{Lease, current_thread, lease, readings};
pub(crate) use slot::{Reading, Registration, Slot};
