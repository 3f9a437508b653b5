//! Sections from sandboxed WebAssembly components.
//!
//! A component that exports the world `gmr:plugin/plugin` (see `wit/`) and lies in a plugin folder adds a section to each
//! report. It is compiled when it appears, never at report time; a report only makes a fresh instance, asks it
//! for its blocks, and drops it. It sees nothing but its settings and a clock unless a [`Grant`] in the application's
//! configuration says so, and whatever it does costs its own section at the most.

mod bindings;
mod cache;
mod call;
mod check;
mod component;
mod config;
mod directory;
mod engine;
mod facts;
mod grants;
mod host;
mod intake;
mod limits;
mod loaded;
mod loader;
mod outgo;
mod output;
mod plugins;
mod run;
mod section;
mod shelf;
mod state;
#[cfg(test)]
mod tests;
mod trap;
mod watch;

pub use check::{Candidate, CheckOptions, Checked, check};
pub(crate) use config::Config;
pub use config::{Limits, PluginConfig};
pub use facts::Facts;
pub use grants::Grant;
pub(crate) use plugins::Plugins;

use gmr_inspect::signals::block_all_in_this_thread as block_signals;
