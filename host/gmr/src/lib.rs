//! Guru Meditation Reports for Rust.

#[cfg(feature = "plugin")]
pub mod plugin;
pub mod report;
