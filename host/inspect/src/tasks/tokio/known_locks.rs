//! tokio's locks and channels: what holds them, and what waits for them.
//!
//! All locks, and a bounded channel that is full, are waited for by a `batch_semaphore::Acquire`; a watched value, a
//! barrier and a notification by a `Notified`; the other channels by the receiver itself, and the end of a task by its
//! `JoinHandle`. The async functions around them say what they are a part of.

use super::layout::{member, named};
use crate::holds::Library::Tokio;
use crate::holds::{Kind, Role, Want};
use crate::tasks::decode::sync::{
    Acquire, Guard, Join, Locks, Notified, SyncPlan, Synchronizer, Takes, WakerPlace, guard, routes,
    synchronizer,
};
use crate::tasks::types::{Shape, Type, Types};

const EXCLUSIVE: Takes = Takes::As(Role::Exclusive);
const SHARED: Takes = Takes::As(Role::Shared);
const SENDER: Takes = Takes::As(Role::Sender);
const RECEIVER: Takes = Takes::As(Role::Receiver);
const SLOT: Takes = Takes::As(Role::Permits(1));
/// `AtomicWaker`, in the channel.
const MPSC_RECEIVER: Takes = Takes::Receives(WakerPlace::Member("rx_waker"));
/// Bits of tokio's `sync::oneshot::State`: `RX_TASK_SET`, and `VALUE_SENT` or `CLOSED`.
const ONESHOT_RECEIVER: Takes =
    Takes::Receives(WakerPlace::State { member: "state", waiting: 0b1, done: 0b110 });
/// Who waits stands in a queue of the channel.
const BROADCAST_RECEIVER: Takes = Takes::Receives(WakerPlace::Unknown);

/// What is known of tokio's locks and channels.
pub(super) const LOCKS: Locks = Locks {
    guards: GUARDS,
    waits: &[
        ("tokio::sync::batch_semaphore::Acquire", acquire),
        ("tokio::sync::notify::Notified", notified),
        ("tokio::sync::notify::OwnedNotified", notified),
        ("tokio::runtime::task::join::JoinHandle<", join_handle),
    ],
    functions: FUNCTIONS,
};

const GUARDS: &[Guard] = &[
    guard(Tokio, Kind::Mutex, "tokio::sync::mutex::MutexGuard<", "lock", EXCLUSIVE),
    guard(Tokio, Kind::Mutex, "tokio::sync::mutex::OwnedMutexGuard<", "lock", EXCLUSIVE),
    guard(Tokio, Kind::Mutex, "tokio::sync::mutex::MappedMutexGuard<", "s", EXCLUSIVE),
    guard(Tokio, Kind::Mutex, "tokio::sync::mutex::OwnedMappedMutexGuard<", "lock", EXCLUSIVE),
    guard(Tokio, Kind::RwLock, "tokio::sync::rwlock::read_guard::RwLockReadGuard<", "s", SHARED),
    guard(
        Tokio,
        Kind::RwLock,
        "tokio::sync::rwlock::owned_read_guard::OwnedRwLockReadGuard<",
        "lock",
        SHARED,
    ),
    guard(Tokio, Kind::RwLock, "tokio::sync::rwlock::write_guard::RwLockWriteGuard<", "s", EXCLUSIVE),
    guard(
        Tokio,
        Kind::RwLock,
        "tokio::sync::rwlock::write_guard_mapped::RwLockMappedWriteGuard<",
        "s",
        EXCLUSIVE,
    ),
    guard(
        Tokio,
        Kind::RwLock,
        "tokio::sync::rwlock::owned_write_guard::OwnedRwLockWriteGuard<",
        "lock",
        EXCLUSIVE,
    ),
    guard(
        Tokio,
        Kind::RwLock,
        "tokio::sync::rwlock::owned_write_guard_mapped::OwnedRwLockMappedWriteGuard<",
        "lock",
        EXCLUSIVE,
    ),
    guard(
        Tokio,
        Kind::Semaphore,
        "tokio::sync::semaphore::SemaphorePermit",
        "sem",
        Takes::Permits("permits"),
    ),
    guard(
        Tokio,
        Kind::Semaphore,
        "tokio::sync::semaphore::OwnedSemaphorePermit",
        "sem",
        Takes::Permits("permits"),
    ),
    guard(Tokio, Kind::Channel, "tokio::sync::mpsc::bounded::Sender<", "chan", SENDER),
    guard(Tokio, Kind::Channel, "tokio::sync::mpsc::unbounded::UnboundedSender<", "chan", SENDER),
    guard(Tokio, Kind::Channel, "tokio::sync::mpsc::bounded::Receiver<", "chan", MPSC_RECEIVER),
    guard(Tokio, Kind::Channel, "tokio::sync::mpsc::unbounded::UnboundedReceiver<", "chan", MPSC_RECEIVER),
    // An async block or closure captures only this part of them.
    guard(Tokio, Kind::Channel, "tokio::sync::mpsc::chan::Tx<", "inner", SENDER),
    guard(Tokio, Kind::Channel, "tokio::sync::mpsc::chan::Rx<", "inner", MPSC_RECEIVER),
    guard(Tokio, Kind::Channel, "tokio::sync::mpsc::bounded::OwnedPermit<", "chan", SLOT),
    guard(Tokio, Kind::Oneshot, "tokio::sync::oneshot::Sender<", "inner", SENDER),
    guard(Tokio, Kind::Oneshot, "tokio::sync::oneshot::Receiver<", "inner", ONESHOT_RECEIVER),
    guard(Tokio, Kind::Watch, "tokio::sync::watch::Sender<", "shared", SENDER),
    guard(Tokio, Kind::Watch, "tokio::sync::watch::Receiver<", "shared", RECEIVER),
    guard(Tokio, Kind::Broadcast, "tokio::sync::broadcast::Sender<", "shared", SENDER),
    guard(Tokio, Kind::Broadcast, "tokio::sync::broadcast::Receiver<", "shared", BROADCAST_RECEIVER),
];

/// The outermost of several that await each other counts: a barrier waits for a watched value.
const FUNCTIONS: &[Synchronizer] = &[
    synchronizer("tokio::sync::mutex::", "", Kind::Mutex, Want::Exclusive),
    synchronizer("tokio::sync::rwlock::", "read", Kind::RwLock, Want::Shared),
    synchronizer("tokio::sync::rwlock::", "", Kind::RwLock, Want::Exclusive),
    synchronizer("tokio::sync::semaphore::", "", Kind::Semaphore, Want::Permits(1)),
    // The first to come has its only permit while it initialises the value.
    synchronizer("tokio::sync::once_cell::", "", Kind::Once, Want::Exclusive),
    synchronizer("tokio::sync::set_once::", "", Kind::Once, Want::End),
    synchronizer("tokio::sync::mpsc::", "recv", Kind::Channel, Want::Receive),
    // Until the receiver is gone.
    synchronizer("tokio::sync::mpsc::", "closed", Kind::Notify, Want::End),
    synchronizer("tokio::sync::mpsc::", "", Kind::Channel, Want::Send),
    synchronizer("tokio::sync::broadcast::", "recv", Kind::Broadcast, Want::Receive),
    synchronizer("tokio::sync::barrier::", "", Kind::Barrier, Want::End),
    synchronizer("tokio::sync::watch::", "closed", Kind::Notify, Want::End),
    Synchronizer {
        // A watched value has eight `Notify`, of which each wait takes one.
        whole: Some("shared"),
        ..synchronizer("tokio::sync::watch::", "changed_impl", Kind::Watch, Want::Receive)
    },
    synchronizer("tokio::sync::watch::", "", Kind::Watch, Want::Receive),
];

fn acquire(types: &Types<'_>, of: &Type) -> Option<SyncPlan> {
    let (semaphore, pointer) = types.find(of, "semaphore")?;
    let Shape::Pointer(Some(to)) = pointer.shape else { return None };
    let to = types.get(to);
    let (node, waiter) = types.find(of, "node")?;
    let (asked, count) = types.find(of, "num_permits")?;
    let (pointers, links) = types.find(&waiter, "pointers")?;
    Some(SyncPlan::Acquire(Box::new(Acquire {
        semaphore,
        semaphore_size: to.size,
        permits: types.find(&to, "permits")?.0,
        // The lowest bit says that the semaphore is closed.
        shift: 1,
        first: types.path(&to, &["waiters", "tail"])?.0,
        node,
        missing: node + types.find(&waiter, "state")?.0,
        asked: (asked, count.size),
        queued: types.find(of, "queued")?.0,
        previous: pointers + types.find(&links, "prev")?.0,
        next: pointers + types.find(&links, "next")?.0,
    })))
}

fn notified(types: &Types<'_>, of: &Type) -> Option<SyncPlan> {
    let (base, pointer) = types.find(of, "notify")?;
    let route = routes(types, &pointer).into_iter().next()?;
    let notification = types.find(of, "waiter").and_then(|(offset, waiter)| {
        let (inside, word) = types.find(&waiter, "notification")?;
        // It was an `Option` of a byte before 1.30.
        (word.size == 8).then_some(offset + inside)
    });
    let notify = base + route.offset;
    Some(SyncPlan::Notified(Box::new(Notified { notify, size: route.size, notification })))
}

fn join_handle(types: &Types<'_>, of: &Type) -> Option<SyncPlan> {
    let header_type = named(types, "tokio::runtime::task::core::Header").ok()?;
    Some(SyncPlan::Join(Box::new(Join {
        header: types.find(of, "ptr")?.0,
        vtable: member(types, &header_type, "vtable").ok()?.0,
        state: member(types, &header_type, "state").ok()?.0,
        // `COMPLETE` and `JOIN_WAKER` of tokio's `runtime::task::state`.
        complete: 0b10,
        waker: 0b1_0000,
    })))
}
