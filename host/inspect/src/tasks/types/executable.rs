//! An executable's contents, as far as a report depends on them: unwind tables, symbols, line tables, debug
//! information.

use std::fs;
use std::path::{Path, PathBuf};

use super::sections;
use crate::debug_files;
use crate::process::MemoryDemand;
use crate::symbols;
use crate::tasks::model::Reason;

/// What is there.
pub(crate) struct Contents {
    pub(crate) unwind_tables: bool,
    /// Names of functions, beyond those that it exports.
    pub(crate) symbols: bool,
    pub(crate) line_tables: bool,
    pub(crate) compressed: bool,
    /// Where its debug information is instead, if it is elsewhere.
    pub(crate) separate: Option<PathBuf>,
    /// What reading the debug information takes.
    pub(crate) memory: MemoryCost,
}

/// How much memory it takes to read an executable's debug information, in bytes. It is given back afterwards.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryCost {
    /// When a reporter is installed that was given a runtime, and whenever tasks of a new type are seen: for chains of
    /// awaits.
    pub chains: MemoryDemand,
    /// At a report with addresses that no report had before: for files, lines and inlined calls.
    pub lines: MemoryDemand,
}

impl Contents {
    pub(crate) fn of(path: &Path) -> Result<Contents, Reason> {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let file = sections::open(path)?.known_as(real);
        let separate = if file.has_debug_info() {
            None
        } else {
            debug_files::find(&file, &debug_files::standard_directories())
        };
        let described = separate.as_ref().unwrap_or(&file);
        let memory = MemoryCost { chains: sections::demand(described), lines: symbols::demand(described) };
        Ok(Contents {
            unwind_tables: file.has_section(".eh_frame"),
            symbols: file.has_section(".symtab"),
            line_tables: file.has_section(".debug_line"),
            compressed: described.is_compressed(),
            memory,
            separate: separate.and_then(|file| file.path().map(Path::to_owned)),
        })
    }
}
