//! What a plugin can call, a file for each interface of `wit/`. Every function counts against the budget of calls and
//! checks its grant first; none waits longer than the call may still take.

mod clock;
mod diagnostics;
mod environment;
mod facts;
mod files;
mod grants;
mod process;
mod report;
mod settings;
mod state;

use std::time::Duration;

use super::bindings::wit::document;
use crate::plugin::sandbox::store::State;

/// It has types only.
impl document::Host for State {}

pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
