//! Sinks, where reports go: a file of their own in a directory, or standard error.

mod bounded_write;
mod directory;
mod own_output;
mod stderr;

pub(crate) use directory::{Directory, WORD, file_stem, is_report_file};
pub(crate) use own_output::OwnOutput;
pub(crate) use stderr::Stderr;
