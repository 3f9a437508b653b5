//! Guards of locks, by the names of the functions that drop them.

use super::plain_name::plain;
use crate::holds::{Kind, Library, Object, Role};

/// A type of guards, as far as it tells which lock one may be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Guard {
    library: Library,
    kind: Kind,
    pub role: Role,
}

impl Guard {
    /// Whether a guard of this type may be one of this lock. tokio's locks are waited for by their semaphore.
    pub fn may_be_of(self, object: &Object) -> bool {
        self.library == object.library && (self.kind == object.kind || self.library == Library::Tokio)
    }
}

/// What a function drops that the compiler made for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    Guard(Guard),
    /// Something else, in which there may be a guard.
    Other,
}

/// Where types of guards are declared.
const LIBRARIES: [(&str, Library); 3] =
    [("std::sync::", Library::Std), ("lock_api::", Library::ParkingLot), ("tokio::sync::", Library::Tokio)];

/// How their names end: `MappedMutexGuard`, `ArcRwLockReadGuard` and `OwnedSemaphorePermit` are some of them.
const GUARDS: [(&str, Kind, Role); 6] = [
    ("MutexGuard", Kind::Mutex, Role::Exclusive),
    ("WriteGuard", Kind::RwLock, Role::Exclusive),
    ("UpgradableReadGuard", Kind::RwLock, Role::Exclusive),
    ("ReadGuard", Kind::RwLock, Role::Shared),
    ("MappedWriteGuard", Kind::RwLock, Role::Exclusive),
    ("SemaphorePermit", Kind::Semaphore, Role::Permits(1)),
];

/// What the function of this demangled name drops; `None` if it is not made for that. Such functions are called
/// `drop_in_place` by Rust 1.95, and `drop_glue` by 1.97.
pub(super) fn dropped(function: &str) -> Option<Dropped> {
    let of = ["drop_glue", "drop_in_place"].into_iter().find_map(|name| {
        let (path, arguments) = function.split_once(name)?;
        let is_path = path.is_empty() || path.ends_with("core::ptr::");
        let arguments = arguments.strip_prefix("::").unwrap_or(arguments);
        is_path.then(|| arguments.strip_prefix('<')).flatten()
    })?;
    let named = plain(of);
    let guard = LIBRARIES.iter().find(|(path, _)| named.starts_with(path)).and_then(|(_, library)| {
        let (_, kind, role) = GUARDS.iter().find(|(name, ..)| named.ends_with(name))?;
        Some(Guard { library: *library, kind: *kind, role: *role })
    });
    Some(guard.map_or(Dropped::Other, Dropped::Guard))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_are_told_by_their_types_path() {
        let guard = |library, kind, role| Some(Dropped::Guard(Guard { library, kind, role }));
        let mutex = guard(Library::Std, Kind::Mutex, Role::Exclusive);
        let semaphore = guard(Library::Tokio, Kind::Semaphore, Role::Permits(1));
        for (function, expected) in [
            ("core::ptr::drop_in_place::<std::sync::poison::mutex::MutexGuard<u64>>", mutex),
            ("core::ptr::drop_in_place<std::sync::poison::mutex::MutexGuard<alloc::vec::Vec<u8>>>", mutex),
            ("core::ptr::drop_glue::<std::sync::poison::mutex::MutexGuard<u64>>", mutex),
            ("drop_in_place<std::sync::nonpoison::mutex::MappedMutexGuard<u64>>", mutex),
            (
                "drop_glue<std::sync::poison::rwlock::RwLockReadGuard<u64>>",
                guard(Library::Std, Kind::RwLock, Role::Shared),
            ),
            (
                "drop_in_place<lock_api::rwlock::RwLockUpgradableReadGuard<parking_lot::raw_rwlock::RawRwLock, u8>>",
                guard(Library::ParkingLot, Kind::RwLock, Role::Exclusive),
            ),
            ("core::ptr::drop_in_place::<tokio::sync::semaphore::OwnedSemaphorePermit>", semaphore),
            (
                "core::ptr::drop_in_place::<alloc::vec::Vec<std::sync::poison::mutex::MutexGuard<u8>>>",
                Some(Dropped::Other),
            ),
            ("core::ptr::drop_in_place::<app::MutexGuard<u8>>", Some(Dropped::Other)),
            ("<core::result::Result<std::sync::poison::mutex::MutexGuard<u8>, ()>>::unwrap", None),
            ("app::drop_in_place::<std::sync::poison::mutex::MutexGuard<u64>>", None),
            ("core::mem::drop::<std::sync::poison::mutex::MutexGuard<u64>>", None),
        ] {
            assert_eq!(dropped(function), expected, "{function}");
        }
    }

    #[test]
    fn a_guard_is_of_a_lock_of_its_kind() {
        let lock = |library, kind| Object::new(library, kind, 64, 8);
        let guard = Guard { library: Library::Std, kind: Kind::Mutex, role: Role::Exclusive };
        assert!(guard.may_be_of(&lock(Library::Std, Kind::Mutex)));
        assert!(!guard.may_be_of(&lock(Library::Std, Kind::RwLock)));
        assert!(!guard.may_be_of(&lock(Library::ParkingLot, Kind::Mutex)));
        let guard = Guard { library: Library::Tokio, ..guard };
        assert!(guard.may_be_of(&lock(Library::Tokio, Kind::Semaphore)));
    }
}
