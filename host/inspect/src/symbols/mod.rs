//! From addresses to functions, files and lines, inlined calls included.
//!
//! All addresses here are *offsets*: as the module's own file counts them, so that a stripped binary's
//! report can be looked up later, on another machine, with [`resolve_file`]. Debug information is opened
//! module by module, searched, and closed again before the next one is opened: none of it is kept.

mod dwarf;
mod offline;
mod table;

pub use offline::{ResolveError, resolve_file};

use crate::debug_files::{self, ObjectFile};
use crate::modules::Module;
use crate::threads::{ModuleName, Symbol};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A code address, as the module's file counts it, that names are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CodeOffset {
    /// The instruction itself: the innermost frame, and one that a signal interrupted.
    Instruction(u64),
    /// The instruction after a call: every other frame. The call before it is what is looked up.
    Return(u64),
}

impl CodeOffset {
    /// An address within the instruction that is meant.
    pub fn lookup(self) -> u64 {
        match self {
            CodeOffset::Instruction(offset) => offset,
            CodeOffset::Return(offset) => offset.saturating_sub(1),
        }
    }
}

/// Looks up symbols and remembers each answer until it is dropped.
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
    notes: Vec<String>,
}

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
        let name = &module.name;
        let mut unknown: Vec<u64> = code.iter().map(|code| code.lookup()).collect();
        unknown.retain(|offset| !self.known.contains_key(&(Arc::clone(name), *offset)));
        unknown.sort_unstable();
        unknown.dedup();
        if !unknown.is_empty() {
            let found = open(module).map(|file| self.search(&file, name, &unknown)).unwrap_or_default();
            let found = found.into_iter().chain(std::iter::repeat_with(Vec::new));
            for (offset, symbols) in unknown.into_iter().zip(found) {
                self.known.insert((Arc::clone(name), offset), symbols.into());
            }
        }
        let known = |code: &CodeOffset| self.known.get(&(Arc::clone(name), code.lookup())).cloned();
        code.iter().map(|code| known(code).unwrap_or_else(|| Arc::from([]))).collect()
    }

    /// What could not be read, each a sentence.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn search(&mut self, file: &ObjectFile, name: &ModuleName, offsets: &[u64]) -> Vec<Vec<Symbol>> {
        let (found, note) = search(file, offsets, self.budget_bytes, &self.directories);
        if let Some(note) = note {
            self.notes.push(format!("{}: {note}", name.path.display()));
        }
        found
    }
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
/// symbol table; and what limited the search.
fn search(
    file: &ObjectFile,
    offsets: &[u64],
    budget_bytes: u64,
    directories: &[PathBuf],
) -> (Vec<Vec<Symbol>>, Option<String>) {
    let separate = match file.has_debug_info() {
        true => None,
        false => debug_files::find(file, directories),
    };
    let debug_file = separate.as_ref().unwrap_or(file);
    let size = debug_file.debug_info_bytes();
    let mut note = None;
    let mut found = vec![Vec::new(); offsets.len()];
    if size > budget_bytes {
        note = Some(format!(
            "its debug information has {} MiB and is not read (the limit is {} MiB): no files and lines, no inlined calls",
            size >> 20,
            budget_bytes >> 20
        ));
    } else if size > 0
        && let Err(error) = dwarf::search(debug_file, directories, offsets, &mut found)
    {
        note = Some(format!("its debug information is damaged: {error}"));
    }
    if found.iter().any(|symbols| symbols.last().is_none_or(|symbol| symbol.function.is_empty())) {
        let files = [Some(debug_file), separate.is_some().then_some(file)];
        table::complete(files.into_iter().flatten(), offsets, &mut found);
    }
    // A frame without a name says nothing; the address and the module still stand.
    for symbols in &mut found {
        symbols.retain(|symbol| !symbol.function.is_empty());
    }
    (found, note)
}
