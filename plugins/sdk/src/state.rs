//! What the plugin remembers from one report to the next. No grant is needed, since it is the plugin's own.
//!
//! The host keeps it in memory for as long as this very file is loaded: a new version starts with nothing, and so does a
//! process that was started anew. What a call sets or removes counts only if the call returns a section.
//!
//! ```
//! use std::time::Duration;
//!
//! use gmr_plugin::{Failure, Section, Value, process, state};
//!
//! fn growth(open: u32) -> Result<Section, Failure> {
//!     let mut section = Section::new();
//!     section.field("open", open);
//!     if let Some((before, ago)) = state::get("open").and_then(|entry| Some((entry.value.as_number()?, entry.age()))) {
//!         section.field("grown by", f64::from(open) - before).field("since a report", Value::from(ago));
//!     }
//!     state::set("open", open)?;
//!     Ok(section)
//! }
//! # let _ = growth;
//! ```

use std::time::Duration;

pub use crate::bindings::gmr::plugin::state::{Entry, Excess};
use crate::{Failure, Value, imports};

/// The value under this key, as this call or the last one that set it left it; `None` if there is none.
pub fn get(key: &str) -> Option<Entry> {
    imports::state::get(key)
}

/// Keeps a value under this key, in place of the one before.
///
/// # Errors
///
/// If a limit would be exceeded: 64 KiB of keys and values, 256 entries, or what the configuration says instead; or if the key
/// is empty or longer than 256 bytes. What was kept stays, then. A plugin may go on without.
pub fn set(key: &str, value: impl Into<Value>) -> Result<(), Excess> {
    imports::state::set(key, &value.into())
}

/// Removes what is kept under this key, if anything is.
pub fn remove(key: &str) {
    imports::state::remove(key);
}

/// Every key, sorted.
pub fn keys() -> Vec<String> {
    imports::state::keys()
}

impl Entry {
    /// How long ago it was set.
    pub fn age(&self) -> Duration {
        Duration::from_nanos(self.age)
    }
}

impl From<Excess> for Failure {
    fn from(excess: Excess) -> Failure {
        Failure::other(format!("what it remembers exceeds `{}`: {}", excess.limit, excess.advice))
    }
}
