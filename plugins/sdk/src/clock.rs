//! Time. No grant is needed.

use std::time::Duration;

use crate::{Moment, imports};

/// The time of day.
pub fn now() -> Moment {
    imports::clock::now()
}

/// A clock that only goes forward; its zero means nothing.
pub fn monotonic() -> Duration {
    Duration::from_nanos(imports::clock::monotonic())
}

/// How long this call may go on. At zero it is cut: a plugin that works through a lot should stop before and return
/// what it has.
pub fn remaining() -> Duration {
    Duration::from_nanos(imports::clock::remaining())
}
