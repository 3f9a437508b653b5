//! From addresses to functions, files and lines, inlined calls included.
//!
//! All addresses here are *offsets*: as the module's own file counts them, so that a stripped binary's
//! report can be looked up later, on another machine, with [`resolve_file`]. Debug information is opened
//! module by module, searched, and closed again before the next one is opened: none of it is kept.

mod dwarf;
mod note;
mod offline;
mod scratch_thread;
mod symbol;
mod table;

pub use note::{Damage, Limit, Note};
pub use offline::{ResolveError, resolve_file};
pub use symbol::Symbol;

use crate::debug_files::{self, ObjectFile};
use crate::modules::{CodeAddress, Module, ModuleName};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// A [`CodeAddress`] as the module's own file counts it.
pub type CodeOffset = CodeAddress;

/// Looks up symbols and remembers the answers: four thousand of them, about a megabyte. A process that
/// reports again and again may keep one ([`crate::threads::capture_with`]), since most of its threads stand
/// where they stood before.
///
/// ```
/// use gmr_inspect::{modules, symbols::{CodeOffset, Symbolizer}};
///
/// # #[cfg(target_os = "linux")] {
/// let snapshot = modules::snapshot();
/// let address = modules::snapshot as *const () as u64;
/// let module = snapshot.find(address).unwrap();
/// let mut symbolizer = Symbolizer::new(512 << 20);
/// let found = symbolizer.resolve(module, &[CodeOffset::Instruction(address - module.bias)]);
/// assert!(found[0].iter().any(|symbol| symbol.function.contains("modules::snapshot")));
/// # }
/// ```
pub struct Symbolizer {
    budget_bytes: u64,
    directories: Vec<PathBuf>,
    known: HashMap<(Arc<ModuleName>, u64), Arc<[Symbol]>>,
    notes: Vec<Note>,
}

/// Symbols at one address take some 250 bytes.
const MAX_KNOWN: usize = 4096;

impl Symbolizer {
    /// Debug information of more than `budget_bytes` a module (decompressed) is not read; the symbol table
    /// names the functions then. Separate debug information is searched in the standard directories.
    pub fn new(budget_bytes: u64) -> Symbolizer {
        Symbolizer::with_directories(budget_bytes, debug_files::standard_directories())
    }

    /// As [`Symbolizer::new`], with the directories to search for separate debug information.
    pub fn with_directories(budget_bytes: u64, directories: Vec<PathBuf>) -> Symbolizer {
        Symbolizer { budget_bytes, directories, known: HashMap::new(), notes: Vec::new() }
    }

    /// The functions at each address, innermost inlined one first; empty where nothing is known. Opens the
    /// module's files once for all of them, so ask for many at a time.
    pub fn resolve(&mut self, module: &Module, code: &[CodeOffset]) -> Vec<Arc<[Symbol]>> {
        self.resolve_until(module, code, None)
    }

    /// As [`Symbolizer::resolve`]; what is not found by then stays empty, and is searched again when it is asked
    /// for again.
    pub(crate) fn resolve_until(
        &mut self,
        module: &Module,
        code: &[CodeOffset],
        until: Option<Instant>,
    ) -> Vec<Arc<[Symbol]>> {
        let name = &module.name;
        let mut unknown: Vec<u64> = code.iter().map(|code| code.lookup()).collect();
        unknown.retain(|offset| !self.known.contains_key(&(Arc::clone(name), *offset)));
        unknown.sort_unstable();
        unknown.dedup();
        let mut found_now = HashMap::new();
        if !unknown.is_empty() {
            found_now.extend(unknown.iter().copied().zip(self.search(module, &unknown, until)));
        }
        let known = |code: &CodeOffset| {
            let offset = code.lookup();
            found_now.get(&offset).or_else(|| self.known.get(&(Arc::clone(name), offset))).cloned()
        };
        let answers = code.iter().map(|code| known(code).unwrap_or_else(|| Arc::from([]))).collect();
        if self.known.len() + found_now.len() > MAX_KNOWN {
            self.known.clear();
        }
        let room = MAX_KNOWN.saturating_sub(self.known.len());
        let kept = found_now.into_iter().take(room);
        self.known.extend(kept.map(|(offset, symbols)| ((Arc::clone(name), offset), symbols)));
        answers
    }

    /// What limited the searches since this was last asked.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// As many answers as there was time for.
    fn search(&mut self, module: &Module, offsets: &[u64], until: Option<Instant>) -> Vec<Arc<[Symbol]>> {
        let (budget_bytes, directories) = (self.budget_bytes, &self.directories);
        let (mut found, limit) = match is_over(until) {
            true => (Vec::new(), None),
            false => {
                let (mut found, limit) = scratch_thread::run(|| match open(module) {
                    Some(file) => search(&file, offsets, budget_bytes, directories, until),
                    None => (Vec::new(), None),
                });
                // Without its file, or after a fault: nothing is known, and will not be later.
                if found.is_empty() && !is_over(until) {
                    found.resize_with(offsets.len(), || Arc::from([]));
                }
                (found, limit)
            }
        };
        found.truncate(offsets.len());
        let without = offsets.len() - found.len();
        let late = (without > 0).then_some(Limit::OutOfTime { addresses: without });
        let limits = limit.into_iter().chain(late);
        self.notes.extend(limits.map(|limit| Note::new(Arc::clone(&module.name), limit)));
        found
    }
}

fn is_over(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() >= until)
}

#[cfg(unix)]
fn open(module: &Module) -> Option<ObjectFile> {
    crate::modules::open_file(module)
}

#[cfg(not(unix))]
fn open(_module: &Module) -> Option<ObjectFile> {
    None
}

/// Names for sorted offsets, from debug information where there is some within the budget, else from the
/// symbol table, for as many as there is time for; and what limited the search.
fn search(
    file: &ObjectFile,
    offsets: &[u64],
    budget_bytes: u64,
    directories: &[PathBuf],
    until: Option<Instant>,
) -> (Vec<Vec<Symbol>>, Option<Limit>) {
    let separate = match file.has_debug_info() {
        true => None,
        false => debug_files::find(file, directories),
    };
    let debug_file = separate.as_ref().unwrap_or(file);
    let size = debug_file.debug_info_bytes();
    let mut limit = None;
    let mut short = Vec::new();
    let mut found = vec![Vec::new(); offsets.len()];
    if size > budget_bytes {
        limit = Some(Limit::TooLarge { bytes: size, budget_bytes });
    } else if size > 0 {
        match dwarf::search(debug_file, directories, offsets, until, &mut found) {
            Ok(indices) => short = indices,
            Err(error) => limit = Some(Limit::Damaged(Damage::new(error))),
        }
    }
    let offsets = &offsets[..found.len()];
    let is_nameless = |symbols: &Vec<Symbol>| symbols.last().is_none_or(|symbol| symbol.function.is_empty());
    if !short.is_empty() || found.iter().any(is_nameless) {
        let files = [Some(debug_file), separate.is_some().then_some(file)];
        table::complete(files.into_iter().flatten(), offsets, &short, &mut found);
    }
    // A frame without a name says nothing; the address and the module still stand.
    for symbols in &mut found {
        symbols.retain(|symbol| !symbol.function.is_empty());
    }
    (found, limit)
}
