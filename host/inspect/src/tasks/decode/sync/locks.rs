//! Locks and channels of libraries: which types hold one, and which async functions wait for one.

use super::plan::{Subject, SyncPlan};
use crate::holds::{self, Kind, Role, Want};
use crate::tasks::types::{Type, Types};

/// A type that holds a lock, or has an end of a channel.
pub(crate) struct Guard {
    /// How its name begins.
    pub(crate) name: &'static str,
    /// The member that has the pointer to the lock or the channel.
    pub(crate) member: &'static str,
    pub(crate) library: holds::Library,
    pub(crate) kind: Kind,
    pub(crate) takes: Takes,
}

/// How it holds it.
#[derive(Clone, Copy)]
pub(crate) enum Takes {
    As(Role),
    /// As many permits as the member of that name says.
    Permits(&'static str),
    /// It takes messages out, and a task can wait for them.
    Receives(WakerPlace),
}

/// Where a channel keeps the waker of the one who waits to receive.
#[derive(Clone, Copy)]
pub(crate) enum WakerPlace {
    /// An `Option<Waker>` in the member of that name.
    Member(&'static str),
    /// It is told by bits of that member that it is there, and by others that what it waits for has come.
    State { member: &'static str, waiting: u64, done: u64 },
    /// In a queue: only who is known to wait waits.
    Unknown,
}

/// An async function that waits for a lock or a channel by futures that do not say what they are a part of.
pub(crate) struct Synchronizer {
    /// How its path begins, without generics.
    pub(crate) path: &'static str,
    /// How the function's own name begins.
    pub(crate) function: &'static str,
    pub(crate) subject: Subject,
    /// The variable that has the pointer to the whole of it, if the futures have another one each.
    pub(crate) whole: Option<&'static str>,
}

/// Makes the plan of a future that waits; `None` if it does not look as expected.
pub(crate) type MakeSyncPlan = fn(&Types<'_>, &Type) -> Option<SyncPlan>;

/// What is known of one library's locks and channels.
pub(crate) struct Locks {
    pub(crate) guards: &'static [Guard],
    /// Futures that wait. A name that ends in `<` is that of a generic type.
    pub(crate) waits: &'static [(&'static str, MakeSyncPlan)],
    pub(crate) functions: &'static [Synchronizer],
}

const EXCLUSIVE: Takes = Takes::As(Role::Exclusive);
const SHARED: Takes = Takes::As(Role::Shared);
const SENDER: Takes = Takes::As(Role::Sender);
const RECEIVER: Takes = Takes::As(Role::Receiver);

/// A receiver whose channel has its waker in the member of that name.
const fn waker_in(member: &'static str) -> Takes {
    Takes::Receives(WakerPlace::Member(member))
}

pub(crate) const fn guard(
    library: holds::Library,
    kind: Kind,
    name: &'static str,
    member: &'static str,
    takes: Takes,
) -> Guard {
    Guard { name, member, library, kind, takes }
}

/// The standard library's. Its guards are not `Send`, so only tasks of one thread can keep them.
pub(crate) const STANDARD_LOCKS: Locks = {
    use holds::Library::Std;
    Locks {
        guards: &[
            guard(Std, Kind::Mutex, "std::sync::poison::mutex::MutexGuard<", "lock", EXCLUSIVE),
            guard(Std, Kind::Mutex, "std::sync::poison::mutex::MappedMutexGuard<", "inner", EXCLUSIVE),
            guard(Std, Kind::RwLock, "std::sync::poison::rwlock::RwLockReadGuard<", "inner_lock", SHARED),
            guard(Std, Kind::RwLock, "std::sync::poison::rwlock::RwLockWriteGuard<", "lock", EXCLUSIVE),
            guard(Std, Kind::Channel, "std::sync::mpsc::Sender<", "flavor", SENDER),
            guard(Std, Kind::Channel, "std::sync::mpsc::SyncSender<", "flavor", SENDER),
            guard(Std, Kind::Channel, "std::sync::mpsc::Receiver<", "flavor", RECEIVER),
        ],
        waits: &[],
        functions: &[],
    }
};

pub(crate) const PARKING_LOT_LOCKS: Locks = {
    use holds::Library::ParkingLot;
    Locks {
        guards: &[
            guard(ParkingLot, Kind::Mutex, "lock_api::mutex::MutexGuard<", "mutex", EXCLUSIVE),
            guard(ParkingLot, Kind::Mutex, "lock_api::mutex::ArcMutexGuard<", "mutex", EXCLUSIVE),
            guard(ParkingLot, Kind::Mutex, "lock_api::mutex::MappedMutexGuard<", "raw", EXCLUSIVE),
            guard(ParkingLot, Kind::RwLock, "lock_api::rwlock::RwLockReadGuard<", "rwlock", SHARED),
            guard(ParkingLot, Kind::RwLock, "lock_api::rwlock::ArcRwLockReadGuard<", "rwlock", SHARED),
            guard(ParkingLot, Kind::RwLock, "lock_api::rwlock::MappedRwLockReadGuard<", "raw", SHARED),
            guard(ParkingLot, Kind::RwLock, "lock_api::rwlock::RwLockWriteGuard<", "rwlock", EXCLUSIVE),
            guard(ParkingLot, Kind::RwLock, "lock_api::rwlock::ArcRwLockWriteGuard<", "rwlock", EXCLUSIVE),
            guard(ParkingLot, Kind::RwLock, "lock_api::rwlock::MappedRwLockWriteGuard<", "raw", EXCLUSIVE),
        ],
        waits: &[],
        functions: &[],
    }
};

pub(crate) const CROSSBEAM_LOCKS: Locks = {
    use holds::Library::Crossbeam;
    Locks {
        guards: &[
            guard(Crossbeam, Kind::Channel, "crossbeam_channel::channel::Sender<", "flavor", SENDER),
            guard(Crossbeam, Kind::Channel, "crossbeam_channel::channel::Receiver<", "flavor", RECEIVER),
        ],
        waits: &[],
        functions: &[],
    }
};

/// futures-channel's.
pub(crate) const FUTURES_LOCKS: Locks = {
    use holds::Library::Futures;
    Locks {
        guards: &[
            guard(Futures, Kind::Oneshot, "futures_channel::oneshot::Sender<", "inner", SENDER),
            guard(
                Futures,
                Kind::Oneshot,
                "futures_channel::oneshot::Receiver<",
                "inner",
                waker_in("rx_task"),
            ),
            guard(Futures, Kind::Channel, "futures_channel::mpsc::BoundedSenderInner<", "inner", SENDER),
            guard(Futures, Kind::Channel, "futures_channel::mpsc::UnboundedSenderInner<", "inner", SENDER),
            guard(Futures, Kind::Channel, "futures_channel::mpsc::Receiver<", "inner", waker_in("recv_task")),
            guard(
                Futures,
                Kind::Channel,
                "futures_channel::mpsc::UnboundedReceiver<",
                "inner",
                waker_in("recv_task"),
            ),
        ],
        waits: &[],
        functions: &[],
    }
};

/// The canary's guard, which no program has.
pub(crate) const CANARY_LOCKS: Locks = Locks {
    guards: &[guard(
        holds::Library::Std,
        Kind::Mutex,
        "gmr_inspect::tasks::tokio::canary::Guard",
        "lock",
        EXCLUSIVE,
    )],
    waits: &[],
    functions: &[],
};

/// What tasks wait for that a lock's own function says of the futures below it.
pub(crate) const fn synchronizer(
    path: &'static str,
    function: &'static str,
    kind: Kind,
    want: Want,
) -> Synchronizer {
    Synchronizer { path, function, subject: Subject { kind, want }, whole: None }
}
