//! The symbolizer: looks up symbols and remembers the answers.

use super::search::{is_over, search};
use super::{CodeOffset, Limit, Note, Symbol, scratch_thread};
use crate::debug_files::{self, ObjectFile};
use crate::detached::LeftBehind;
use crate::modules::{Module, ModuleName};
use crate::proc_self;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Looks up symbols and remembers the answers: four thousand of them, about a megabyte. A process that
/// reports again and again may keep one (`threads::capture_with`), since most of its threads stand
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
    directories: Arc<[PathBuf]>,
    known: HashMap<(Arc<ModuleName>, u64), Arc<[Symbol]>>,
    notes: Vec<Note>,
    /// A search that has not come back: one is enough.
    left_behind: LeftBehind,
}

/// How long a search may take, when its time is over, to say what it has found.
const LAST_WORD: Duration = Duration::from_millis(100);

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
        let (known, notes, left_behind) = Default::default();
        Symbolizer { budget_bytes, directories: directories.into(), known, notes, left_behind }
    }

    /// The functions at each address, innermost inlined one first; empty where nothing is known. Opens the
    /// module's files once for all of them, so ask for many at a time.
    pub fn resolve(&mut self, module: &Module, code: &[CodeOffset]) -> Vec<Arc<[Symbol]>> {
        self.resolve_until(module, code, None)
    }

    /// As [`Symbolizer::resolve`]; what is not found by then stays empty, and is searched again when it is
    /// asked for again.
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
        let mut is_passing = false;
        if !unknown.is_empty() {
            let known_limits = self.notes.len();
            found_now.extend(unknown.iter().copied().zip(self.search(module, &unknown, until)));
            let limits = self.notes.iter().skip(known_limits);
            is_passing = limits.into_iter().any(|note| matches!(note.limit, Limit::NoMemory(_)));
        }
        let known = |code: &CodeOffset| {
            let offset = code.lookup();
            found_now.get(&offset).or_else(|| self.known.get(&(Arc::clone(name), offset))).cloned()
        };
        let answers = code.iter().map(|code| known(code).unwrap_or_else(|| Arc::from([]))).collect();
        // With more memory there may be more to find.
        if is_passing {
            return answers;
        }
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

    /// As many answers as there was time for, none of which is remembered. The offsets ascend.
    pub(crate) fn search(
        &mut self,
        module: &Module,
        offsets: &[u64],
        until: Option<Instant>,
    ) -> Vec<Arc<[Symbol]>> {
        let (mut found, limit) = if is_over(until) || self.left_behind.is_under_way() {
            (Vec::new(), None)
        } else {
            let (budget_bytes, directories) = (self.budget_bytes, Arc::clone(&self.directories));
            let (module, wanted) = (module.clone(), offsets.to_vec());
            let work = move || match open(&module) {
                Some(file) => search(&file, &wanted, budget_bytes, &directories, until),
                None => (Vec::new(), None),
            };
            // It looks at the time itself, and what it has found by then is worth the moment that this takes.
            let patience = until.map(|until| until + LAST_WORD);
            let outcome = scratch_thread::run(work, patience, &mut self.left_behind);
            proc_self::refill();
            outcome
        };
        let is_late = is_over(until) || self.left_behind.is_under_way();
        // What panics once does so again. Without its file nothing is known for now: the process may have descriptors and
        // memory again later.
        if limit == Some(Limit::Failed) {
            found.resize_with(offsets.len(), || Arc::from([]));
        }
        found.truncate(offsets.len());
        let without = offsets.len() - found.len();
        let late = (without > 0 && is_late).then_some(Limit::OutOfTime { addresses: without });
        let limits = limit.into_iter().chain(late);
        self.notes.extend(limits.map(|limit| Note::new(Arc::clone(&module.name), limit)));
        found
    }
}

#[cfg(unix)]
fn open(module: &Module) -> Option<ObjectFile> {
    crate::modules::file_of(module)
}

#[cfg(not(unix))]
fn open(_module: &Module) -> Option<ObjectFile> {
    None
}
