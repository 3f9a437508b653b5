//! Runs a search on a thread that ends with it, so that its memory goes back to the system.
//!
//! To parse debug information takes tens of megabytes in small pieces. An allocator keeps some freed pieces
//! at hand for the thread that freed them, and those few hold on to all memory before them: measured with
//! glibc, 20 MB stayed for a 250 KB answer. A thread's hoard is given up when it ends; and the answer comes
//! back in a handful of large blocks, whose release leaves nothing behind.

use super::note::Limit;
use super::symbol::Symbol;
use crate::detached::{self, LeftBehind, Outcome};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Symbols without a memory block for each name.
struct Packed {
    text: String,
    symbols: Vec<PackedSymbol>,
    /// How many symbols each entry has.
    counts: Vec<usize>,
}

struct PackedSymbol {
    function_length: usize,
    /// `None` is no file.
    file_length: Option<usize>,
    line: Option<u32>,
    column: Option<u32>,
}

/// To release a block of at least 64 KiB is what makes glibc join its free pieces and give them back; one of
/// 128 KiB or more may not come from among them.
const BLOCK_BYTES: usize = 96 << 10;

impl Packed {
    fn of(found: &[Vec<Symbol>]) -> Packed {
        let mut packed = Packed {
            text: String::with_capacity(BLOCK_BYTES),
            symbols: Vec::with_capacity(BLOCK_BYTES / size_of::<PackedSymbol>()),
            counts: Vec::with_capacity(BLOCK_BYTES / size_of::<usize>()),
        };
        for symbols in found {
            packed.counts.push(symbols.len());
            for symbol in symbols {
                let file = symbol.file.as_ref().map(|file| file.to_string_lossy());
                packed.text += &symbol.function;
                packed.text += file.as_deref().unwrap_or_default();
                packed.symbols.push(PackedSymbol {
                    function_length: symbol.function.len(),
                    file_length: file.as_deref().map(str::len),
                    line: symbol.line,
                    column: symbol.column,
                });
            }
        }
        packed
    }

    fn unpack(&self) -> Vec<Arc<[Symbol]>> {
        let mut text = self.text.as_str();
        let mut take = |length: usize| {
            let (taken, rest) = text.split_at_checked(length).unwrap_or_default();
            text = rest;
            taken.to_owned()
        };
        let mut symbols = self.symbols.iter().map(|symbol| Symbol {
            function: take(symbol.function_length),
            file: symbol.file_length.map(|length| PathBuf::from(take(length))),
            line: symbol.line,
            column: symbol.column,
        });
        self.counts.iter().map(|count| symbols.by_ref().take(*count).collect()).collect()
    }
}

/// The outcome of `search`, which runs on a thread of its own; on this one if none has begun it soon. If it panics, or
/// has not ended by `until`, nothing is known. A search that does not end is left behind: it waits for a file system, say.
/// `earlier` is what a search before this one has left behind, and becomes what this one leaves.
pub(super) fn run(
    search: impl FnOnce() -> (Vec<Vec<Symbol>>, Option<Limit>) + Send + 'static,
    until: Option<Instant>,
    earlier: &mut LeftBehind,
) -> (Vec<Arc<[Symbol]>>, Option<Limit>) {
    let packed = move || {
        let (found, limit) = search();
        (Packed::of(&found), limit)
    };
    let outcome = if earlier.is_to_begin() {
        Outcome::NotBegun(packed)
    } else {
        let thread = detached::start(c"gmr-symbols", packed);
        let (outcome, left_behind) = thread.outcome(Instant::now() + detached::BEGIN, until);
        *earlier = left_behind;
        outcome
    };
    match outcome {
        Outcome::Ended((packed, limit)) => (packed.unpack(), limit),
        Outcome::Panicked => (Vec::new(), Some(Limit::Failed)),
        Outcome::NotBegun(packed) => match catch_unwind(AssertUnwindSafe(packed)) {
            Ok((packed, limit)) => (packed.unpack(), limit),
            Err(_) => (Vec::new(), Some(Limit::Failed)),
        },
        Outcome::Late => (Vec::new(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back_the_same() {
        let symbol = |function: &str, file: Option<&str>, line| Symbol {
            function: function.to_owned(),
            file: file.map(PathBuf::from),
            line,
            column: None,
        };
        let found = vec![
            vec![],
            vec![symbol("a::b", Some("/x/ü.rs"), Some(3)), symbol("", None, None)],
            vec![symbol("c", Some(""), Some(1))],
        ];
        let search = found.clone();
        let (unpacked, note) = run(move || (search, Some(Limit::Failed)), None, &mut LeftBehind::default());
        assert_eq!(unpacked.iter().map(|symbols| symbols.to_vec()).collect::<Vec<_>>(), found);
        assert_eq!(note, Some(Limit::Failed));
    }

    #[test]
    fn a_panic_is_a_note() {
        let panics = || std::panic::resume_unwind(Box::new(()));
        let (found, note) = run(panics, None, &mut LeftBehind::default());
        assert!(found.is_empty() && note.is_some());
    }
}
