//! What threads of parking_lot_core wait for, as debug information lays out their data.

use crate::tasks::types::Types;

/// Where the key of what a thread waits for lies, from the word that it is asleep at; `None` if the executable does not
/// describe these types.
pub(super) fn key(types: &Types<'_>) -> Option<i64> {
    let data = types.by_name("parking_lot_core::parking_lot::ThreadData")?;
    let (key, _) = types.find(&data, "key")?;
    let (futex, _) = types.path(&data, &["parker", "futex"])?;
    key.checked_signed_diff(futex)
}
