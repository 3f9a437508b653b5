//! Guru Meditation Reports for Rust.

mod error;
mod mask;
pub mod render;
pub mod report;
mod settings;

pub use error::Error;
pub use settings::{Format, PluginSettings, Settings, Signal};
