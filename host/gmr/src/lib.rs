//! Guru Meditation Reports for Rust.

mod builder;
mod collect;
mod error;
mod mask;
#[cfg(feature = "plugin")]
pub mod plugin;
pub mod render;
pub mod report;
mod section;
mod settings;
mod sink;
mod trigger;
mod worker;

pub use builder::{Builder, Guard};
pub use error::Error;
pub use gmr_inspect::tasks::{Track, Tracked, spawn};
pub use section::package::Package;
pub use settings::{Format, Settings, Signal};
