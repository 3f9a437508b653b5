//! Sinks, where reports go: a file of their own in a directory, or standard error.

mod directory;
mod stderr;

pub(crate) use directory::{Directory, WORD, file_stem};
pub(crate) use stderr::Stderr;
