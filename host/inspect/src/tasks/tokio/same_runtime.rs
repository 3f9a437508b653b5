//! Whether two handles are of one runtime, with every tokio.
//!
//! tokio has had a number for a runtime since 1.49 only. A handle of any version is a pointer that all handles of its
//! runtime share, and which kind of runtime it points to.

use std::fmt::{self, Display};

use tokio::runtime::Handle;

use crate::memory;

/// Whether both handles lead to the same runtime.
///
/// Handles of different runtimes are never taken for the same. With tokio before 1.49, handles of one runtime are not
/// recognised where the process's memory cannot be read: elsewhere than on Linux, or in a sandbox that refuses it.
///
/// ```
/// use gmr_inspect::tasks::tokio::is_same_runtime;
///
/// let [one, other] = [0, 1].map(|_| tokio::runtime::Builder::new_current_thread().build().unwrap());
/// assert!(is_same_runtime(one.handle(), &one.handle().clone()));
/// assert!(!is_same_runtime(one.handle(), other.handle()));
/// ```
pub fn is_same_runtime(one: &Handle, other: &Handle) -> bool {
    // Where tokio's type has this method, it goes before the trait's.
    let number = |handle: &Handle| handle.id().to_string();
    match (number(one), number(other)) {
        (one, other) if !one.is_empty() && !other.is_empty() => one == other,
        _ => has_same_bytes(one, other),
    }
}

/// A pointer with its kind has no padding that could differ; if it had, equal ones would not be recognised.
fn has_same_bytes(one: &Handle, other: &Handle) -> bool {
    let bytes = |handle: &Handle| {
        let mut bytes = [0; size_of::<Handle>()];
        memory::read(std::ptr::from_ref(handle) as u64, &mut bytes).map(|()| bytes)
    };
    matches!((bytes(one), bytes(other)), (Ok(one), Ok(other)) if one == other)
}

#[allow(dead_code, reason = "tokio 1.49 and newer have their own")]
trait Numbered {
    fn id(&self) -> Unknown {
        Unknown
    }
}

impl Numbered for Handle {}

/// In place of tokio's number: nothing.
#[allow(dead_code, reason = "tokio 1.49 and newer have their own")]
struct Unknown;

impl Display for Unknown {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn handles_are_told_apart_without_tokios_number() {
        let alone = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let many = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let runtimes = [alone(), alone(), many];
        for (at, one) in runtimes.iter().enumerate() {
            for (other_at, other) in runtimes.iter().enumerate() {
                let handle = other.handle().clone();
                assert_eq!(has_same_bytes(one.handle(), &handle), at == other_at, "{at} {other_at}");
            }
        }
    }
}
