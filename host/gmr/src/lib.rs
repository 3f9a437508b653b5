#![doc = include_str!("../README.md")]
//!
//! # Where to begin
//!
//! [`Builder`] says what the application gives to its reports, and [`Builder::install`] starts the reporter.
//! What the operator decides is in [`Settings`]. What a build needs so that chains of awaits can be shown is
//! told in [`gmr_inspect::tasks`], what may still notice a capture of stacks in [`gmr_inspect::threads`].
//!
//! Tasks that should have a name, a place of spawn and an age in reports, or that no tokio runtime lists,
//! register by [`spawn`] or [`Track::tracked`].
//!
//! # Features
//!
//! - `plugin` (default): sections from WebAssembly components. Without it no engine is built, and settings
//!   that concern plugins are refused.
//! - `compiler` (default): the engine's compiler. Without it the executable runs plugins that are in the cache, and others
//!   only if the setting `compiler` names the command `gmr`, which compiles them.

mod bounded_call;
mod builder;
mod channel;
mod collect;
mod emergency;
mod error;
mod guard;
#[cfg(not(feature = "plugin"))]
mod no_plugin;
mod own_threads;
#[cfg(feature = "plugin")]
pub mod plugin;
mod section;
mod serialized;
mod settings;
mod sink;
mod trigger;
mod worker;

pub use builder::Builder;
pub use error::Error;
pub use gmr_inspect::tasks::{Track, Tracked, spawn};
pub use gmr_report as report;
pub use gmr_report::Format;
pub use guard::Guard;
pub use own_threads::on_reporter_thread;
#[doc(hidden)]
pub use section::green_threads::translate::words_of_reason;
pub use section::package::Package;
pub use settings::{Settings, Signal};
