//! The search for symbols in one file: in its debug information, then in its symbol tables.

use super::dwarf::Fault;
use super::note::{Damage, Limit};
use super::symbol::Symbol;
use super::{dwarf, table};
use crate::debug_files::{self, ObjectBytes, ObjectFile};
use crate::process::{AvailableMemory, MemoryClaim, MemoryDemand};
use std::path::PathBuf;
use std::time::Instant;

/// What a search takes however small the file is.
const BASE_BYTES: u64 = 4 << 20;

/// Names for sorted offsets, from debug information where there is some within the budget and the process has the
/// memory to read it, else from the symbol table, for as many as there is time for; and what limited the search.
pub(super) fn search(
    file: &ObjectFile,
    offsets: &[u64],
    budget_bytes: u64,
    directories: &[PathBuf],
    until: Option<Instant>,
) -> (Vec<Vec<Symbol>>, Option<Limit>) {
    let separate = if file.has_debug_info() { None } else { debug_files::find(file, directories) };
    let debug_file = separate.as_ref().unwrap_or(file);
    let mut search = Search { offsets, until, found: vec![Vec::new(); offsets.len()], short: Vec::new() };
    let limit = search.debug_info(debug_file, budget_bytes, directories);
    search.symbol_tables([debug_file].into_iter().chain(separate.is_some().then_some(file)));
    let mut found = search.found;
    // A frame without a name says nothing; the address and the module still stand.
    for symbols in &mut found {
        symbols.retain(|symbol| !symbol.function.is_empty());
    }
    (found, limit)
}

/// What is known of the offsets so far.
struct Search<'a> {
    offsets: &'a [u64],
    until: Option<Instant>,
    found: Vec<Vec<Symbol>>,
    /// Entries whose function has no path yet.
    short: Vec<usize>,
}

impl Search<'_> {
    /// What the debug information knows; why it was not read.
    fn debug_info(&mut self, file: &ObjectFile, budget_bytes: u64, directories: &[PathBuf]) -> Option<Limit> {
        let bytes = file.debug_info_bytes();
        if bytes == 0 {
            return None;
        }
        if bytes > budget_bytes {
            return Some(Limit::TooLarge { bytes, budget_bytes });
        }
        let shared = debug_files::find_shared(file, directories);
        let demand = [Some(file), shared.as_ref()].into_iter().flatten().map(demand);
        let demand = demand.reduce(|one, other| one.with(other)).unwrap_or_default();
        let _claim = match MemoryClaim::of(demand) {
            Ok(claim) => claim,
            Err(shortage) => return Some(Limit::NoMemory(shortage)),
        };
        let Some(mapped) = map(file) else { return Some(refused(demand)) };
        let shared = shared.as_ref().and_then(map);
        let (found, short) = (&mut self.found, &mut self.short);
        let searched = dwarf::search(&mapped, shared.as_ref(), self.offsets, self.until, found, short);
        self.short.sort_unstable();
        match searched {
            Ok(()) => None,
            Err(Fault::Damaged(error)) => Some(Limit::Damaged(Damage::new(error))),
            Err(Fault::Shortage(shortage)) => Some(Limit::NoMemory(shortage)),
            Err(Fault::NoMemory(bytes)) => Some(refused(MemoryDemand::new(bytes, 0))),
        }
    }

    /// What the symbol tables know beyond that.
    fn symbol_tables<'f>(&mut self, files: impl Iterator<Item = &'f ObjectFile>) {
        let is_nameless =
            |symbols: &Vec<Symbol>| symbols.last().is_none_or(|symbol| symbol.function.is_empty());
        if self.short.is_empty() && !self.found.iter().any(is_nameless) {
            return;
        }
        let offsets = &self.offsets[..self.found.len()];
        for file in files {
            // They are read in place.
            let Ok(_claim) = MemoryClaim::of(MemoryDemand::new(0, file.mapped_bytes())) else { continue };
            if let Some(mapped) = map(file) {
                table::complete(&mapped, offsets, &self.short, &mut self.found);
            }
        }
    }
}

/// What it takes to search a file's debug information: the sections that are compressed, and what is made of a part of the
/// units.
pub(crate) fn demand(file: &ObjectFile) -> MemoryDemand {
    let compressed =
        file.decompressed_bytes(|section| dwarf::SECTIONS.iter().any(|wanted| wanted.name() == section));
    let decompressor = if compressed > 0 { debug_files::DECOMPRESSOR_BYTES } else { 0 };
    let private = BASE_BYTES.saturating_add(compressed).saturating_add(decompressor);
    MemoryDemand::new(private, file.mapped_bytes())
}

/// What the system refused although it seemed to be there.
fn refused(demand: MemoryDemand) -> Limit {
    Limit::NoMemory(AvailableMemory::now().refused(demand))
}

fn map(file: &ObjectFile) -> Option<ObjectBytes> {
    // SAFETY: a file of code or its debug information, which are replaced and not written to: what is relied
    // on, and what comes of it otherwise, stands at `debug_files`.
    unsafe { file.map() }.ok()
}

pub(super) fn is_over(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() >= until)
}
