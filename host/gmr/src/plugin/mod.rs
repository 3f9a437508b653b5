//! Sections from sandboxed WebAssembly components.
//!
//! A component that exports the world `gmr:plugin/plugin` (see `wit/`) and lies in a plugin folder adds a section to each
//! report. It is compiled when it appears, never at report time; a report only makes a fresh instance, asks it
//! for its blocks, and drops it. It sees nothing but its settings and a clock unless a [`Grant`] in the application's
//! configuration says so, and whatever it does costs its own section at the most.
//!
//! It has five rooms: `files` (from a folder to a plugin that is ready), `compiler` (where it is compiled, and under which
//! limits), `sandbox` (what runs a call and holds it to its limits), `interface` (what a plugin can ask, and what its values
//! become), `report` (its section).

mod ahead;
mod audit;
mod beneath;
mod check;
mod compiler;
mod config;
mod file_limits;
mod files;
mod interface;
mod report;
mod sandbox;
#[cfg(test)]
mod tests;
mod usage;

pub use ahead::{CompileOptions, CompiledFile, compile};
pub use audit::audit;
pub use check::{Candidate, CheckOptions, Checked, Code, check};
pub use compiler::{Compile, compile_if_asked};
pub(crate) use compiler::{CompilerConfig, OFFER, is_compiler};
pub(crate) use config::{Config, OUTPUT_BYTES, Places};
pub use config::{Limits, PluginConfig};
pub use file_limits::FileLimits;
pub use files::digest::Digest;
pub(crate) use files::folder::MOST_BYTES;
pub use interface::facts::Facts;
pub use interface::grants::Grant;
pub(crate) use report::sections::Plugins;
pub use usage::{Usage, UsedLimit};

use gmr_inspect::signals::block_all_in_this_thread as block_signals;
