//! The search for symbols in one file: in its debug information, then in its symbol tables.

use super::note::{Damage, Limit};
use super::symbol::Symbol;
use super::{dwarf, table};
use crate::debug_files::{self, ObjectBytes, ObjectFile};
use std::path::PathBuf;
use std::time::Instant;

/// Names for sorted offsets, from debug information where there is some within the budget, else from the
/// symbol table, for as many as there is time for; and what limited the search.
pub(super) fn search(
    file: &ObjectFile,
    offsets: &[u64],
    budget_bytes: u64,
    directories: &[PathBuf],
    until: Option<Instant>,
) -> (Vec<Vec<Symbol>>, Option<Limit>) {
    let separate = if file.has_debug_info() { None } else { debug_files::find(file, directories) };
    let debug_file = separate.as_ref().unwrap_or(file);
    let size = debug_file.debug_info_bytes();
    let Some(bytes) = map(debug_file) else { return (Vec::new(), None) };
    let mut limit = None;
    let mut short = Vec::new();
    let mut found = vec![Vec::new(); offsets.len()];
    if size > budget_bytes {
        limit = Some(Limit::TooLarge { bytes: size, budget_bytes });
    } else if size > 0 {
        let shared = debug_files::find_shared(debug_file, directories).as_ref().and_then(map);
        match dwarf::search(&bytes, shared.as_ref(), offsets, until, &mut found) {
            Ok(indices) => short = indices,
            Err(error) => limit = Some(Limit::Damaged(Damage::new(error))),
        }
    }
    let offsets = &offsets[..found.len()];
    let is_nameless = |symbols: &Vec<Symbol>| symbols.last().is_none_or(|symbol| symbol.function.is_empty());
    if !short.is_empty() || found.iter().any(is_nameless) {
        let own = separate.is_some().then(|| map(file)).flatten();
        table::complete([&bytes].into_iter().chain(&own), offsets, &short, &mut found);
    }
    // A frame without a name says nothing; the address and the module still stand.
    for symbols in &mut found {
        symbols.retain(|symbol| !symbol.function.is_empty());
    }
    (found, limit)
}

fn map(file: &ObjectFile) -> Option<ObjectBytes> {
    // SAFETY: a file of code or its debug information, which are replaced and not written to: what is relied
    // on, and what comes of it otherwise, stands at `debug_files`.
    unsafe { file.map() }.ok()
}

pub(super) fn is_over(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() >= until)
}
