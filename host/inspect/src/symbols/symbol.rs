//! A function at an address: its name, and where its source is.

use std::path::PathBuf;

/// A function at an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Symbol {
    /// Its demangled name.
    pub function: String,
    /// The source file: of the workspace that was compiled relative to its folder, of others as the debug information
    /// names it.
    pub file: Option<PathBuf>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// The column in the line, from 1.
    pub column: Option<u32>,
}

impl Symbol {
    /// A function whose source is not known.
    pub fn new(function: impl Into<String>) -> Symbol {
        Symbol { function: function.into(), file: None, line: None, column: None }
    }

    /// The same with a place in its source.
    #[must_use]
    pub fn at(self, file: impl Into<PathBuf>, line: Option<u32>, column: Option<u32>) -> Symbol {
        Symbol { file: Some(file.into()), line, column, ..self }
    }
}
