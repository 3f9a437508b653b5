//! Guru Meditation Reports: ask a running program what it is doing, without stopping it.
//!
//! An executable installs a reporter once. From then on `kill -USR2 PID`, or a touch of a configured file, prints
//! every thread with its stack, every async task with what it awaits, the configuration with its secrets
//! masked, and the sections of WebAssembly plugins, to standard error or to a file.
//!
//! ```no_run
//! #[derive(serde::Serialize)]
//! struct Options {
//!     listen: &'static str,
//!     database_password: &'static str,
//! }
//!
//! fn main() -> Result<(), gmr::Error> {
//!     let options = Options { listen: "0.0.0.0:80", database_password: "hunter2" };
//!     let _gmr = gmr::Builder::new(gmr::package!()).settings_file("shop.toml").configuration(&options).install()?;
//!     // ... the program runs until the guard is dropped ...
//!     Ok(())
//! }
//! ```
//!
//! What the operator decides is in [`Settings`]: the `[gmr]` table of a TOML file, each option also an environment
//! variable. What a build needs so that await chains can be shown is told in [`gmr_inspect::tasks`], what may still
//! notice a capture of stacks in [`gmr_inspect::threads`].
//!
//! Tasks that should have a name, a place of spawn and an age in reports, or that no tokio runtime lists, register by
//! [`spawn`] or [`Track::tracked`].
//!
//! # Features
//!
//! - `plugin` (default): sections from WebAssembly components. Without it no engine is built, and settings that
//!   concern plugins are refused.

mod builder;
mod collect;
mod error;
#[cfg(feature = "plugin")]
pub mod plugin;
mod section;
mod settings;
mod sink;
mod trigger;
mod worker;

pub use builder::{Builder, Guard};
pub use error::Error;
pub use gmr_inspect::tasks::{Track, Tracked, spawn};
pub use gmr_report as report;
pub use gmr_report::Format;
pub use section::package::Package;
pub use settings::{Settings, Signal};
