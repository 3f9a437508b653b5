//! Sinks, where reports go: a file of their own in a directory, or standard error.

mod bounded_write;
mod directory;
mod own_output;
mod stderr;

pub(crate) use directory::{Directory, WORD, is_report_file, stem};
pub(crate) use own_output::{FileId, OwnOutput};
pub(crate) use stderr::Stderr;
