//! A function at an address: its name, and where its source is.

use std::path::PathBuf;

/// A function at an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Symbol {
    /// Its demangled name.
    pub function: String,
    /// The source file, as the debug information names it.
    pub file: Option<PathBuf>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// The column in the line, from 1.
    pub column: Option<u32>,
}
