//! Plans for what a value of a type waits for or holds: offsets only.

use super::route::Route;
use crate::holds::{self, Kind, Role, Want};
use crate::tasks::decode::plan::{Discriminant, Edge, Text, Variants};

/// What the async functions of a library wait for by the futures below them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    pub(crate) want: Want,
}

/// How many permits a guard has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holding {
    Role(Role),
    /// The integer at that offset, with so many bytes.
    Permits {
        offset: u64,
        size: u64,
    },
}

/// A guard, a permit or an end of a channel.
#[derive(Debug)]
pub(crate) struct GuardPlan {
    pub(crate) library: holds::Library,
    pub(crate) kind: Kind,
    pub(crate) holding: Holding,
    /// The ways to the pointer to what it belongs to: the first that can be gone is it.
    pub(crate) routes: Vec<Route>,
    /// Of a receiver that a task can wait for: whether it has left its waker, seen from the channel.
    pub(crate) waker: Option<Waker>,
    /// It can be waited for by a task.
    pub(crate) awaitable: bool,
}

/// How to see whether somebody waits.
#[derive(Debug)]
pub(crate) enum Waker {
    /// An `Option<Waker>`, which is `None` if the discriminant has that value.
    Option { discriminant: Discriminant, none: u64 },
    /// These bits of the word at that offset: the waker is there, and what is waited for has come.
    Bits { offset: u64, waiting: u64, done: u64 },
}

/// tokio's `batch_semaphore::Acquire`, which all of its locks wait by.
#[derive(Debug)]
pub(crate) struct Acquire {
    /// The pointer to the semaphore.
    pub(crate) semaphore: u64,
    pub(crate) semaphore_size: u64,
    /// In the semaphore, and how many of its lowest bits are no permits.
    pub(crate) permits: u64,
    pub(crate) shift: u32,
    /// In the semaphore: the pointer to the node that has waited longest.
    pub(crate) first: u64,
    /// In the future: the queue's node, and what is still missing.
    pub(crate) node: u64,
    pub(crate) missing: u64,
    /// How many were asked for, with its size.
    pub(crate) asked: (u64, u64),
    /// It has been polled.
    pub(crate) queued: u64,
    /// In the node.
    pub(crate) previous: u64,
    pub(crate) next: u64,
}

/// tokio's `Notified`.
#[derive(Debug)]
pub(crate) struct Notified {
    /// The pointer to the `Notify`; to the `Arc` around it, if it owns it.
    pub(crate) notify: u64,
    pub(crate) size: u64,
    /// In the future: it was notified if that word is not 0. Older versions have something else there.
    pub(crate) notification: Option<u64>,
}

/// A `JoinHandle` of tokio's.
#[derive(Debug)]
pub(crate) struct Join {
    /// The pointer to the header; in that, the vtable and the state.
    pub(crate) header: u64,
    pub(crate) vtable: u64,
    pub(crate) state: u64,
    /// Bits of the state: it has ended, and a waker is there.
    pub(crate) complete: u64,
    pub(crate) waker: u64,
}

/// A saved local.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) edge: Edge,
    /// `None` for a temporary value.
    pub(crate) variable: Option<Text>,
    /// It cannot have been moved out without a drop flag that says so.
    pub(crate) is_local: bool,
}

/// A state of a coroutine in which it can hold something.
#[derive(Debug)]
pub(crate) struct SyncState {
    pub(crate) value: u64,
    pub(crate) suspended: bool,
    /// Offsets of its drop flags, a byte each.
    pub(crate) flags: Vec<u64>,
    pub(crate) awaits: Option<Edge>,
    pub(crate) saved: Vec<Saved>,
}

/// What to do with a value.
#[derive(Debug)]
pub(crate) enum SyncPlan {
    /// It can neither wait nor hold.
    Nothing,
    Coroutine {
        label: Text,
        size: u64,
        discriminant: Discriminant,
        subject: Option<Subject>,
        /// The pointer to what the subject is, and its size, where the futures below point to a part of it only.
        whole: Option<(u64, u64)>,
        states: Vec<SyncState>,
    },
    Guard(Box<GuardPlan>),
    Acquire(Box<Acquire>),
    Notified(Box<Notified>),
    Join(Box<Join>),
    LinkedFutures {
        head: u64,
        node_size: u64,
        next: u64,
        future: Edge,
    },
    Members {
        /// The value is nothing but this.
        wraps: bool,
        edges: Vec<Edge>,
    },
    Enum(Variants),
    Pointer {
        /// It does not own what it points to: what it points to may be gone unless somebody waits by it.
        borrows: bool,
        size: u64,
        to: Edge,
    },
    Object {
        borrows: bool,
        data: u64,
        vtable: u64,
    },
    Slice {
        data: u64,
        length: u64,
        element_size: u64,
        element: Edge,
    },
    Array {
        count: u64,
        element_size: u64,
        element: Edge,
    },
}
