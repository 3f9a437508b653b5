//! Why functions of a module have no names, or no files and lines.

use crate::modules::ModuleName;
use crate::process::MemoryShortage;
use std::fmt;
use std::sync::Arc;

/// What limited the search for symbols in one module.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Note {
    /// The module that was searched.
    pub module: Arc<ModuleName>,
    /// What limited it.
    pub limit: Limit,
}

impl Note {
    /// A note on a module.
    pub fn new(module: Arc<ModuleName>, limit: Limit) -> Note {
        Note { module, limit }
    }
}

/// What limited a search for symbols.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Limit {
    /// There was no time to look up this many addresses.
    OutOfTime {
        /// How many have no symbols for that reason.
        addresses: usize,
    },
    /// The debug information is larger than the budget and was not read: no files and lines, no inlined
    /// calls.
    TooLarge {
        /// Its size, decompressed.
        bytes: u64,
        /// The most that is read of one module.
        budget_bytes: u64,
    },
    /// There is too little memory to read the debug information: no files and lines, no inlined calls.
    NoMemory(MemoryShortage),
    /// The debug information is damaged.
    Damaged(Damage),
    /// Reading the debug information failed in a way that was not foreseen (a panic, which was caught).
    Failed,
}

/// What is wrong with a file's debug information, as its parser puts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage(gimli::Error);

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Damage {}

impl Damage {
    pub(super) fn new(error: gimli::Error) -> Damage {
        Damage(error)
    }
}
