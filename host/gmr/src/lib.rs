//! Guru Meditation Reports for Rust.

pub mod report;
