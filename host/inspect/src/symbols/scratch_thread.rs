//! Runs a search on a thread that ends with it, so that its memory goes back to the system.
//!
//! To parse debug information takes tens of megabytes in small pieces. An allocator keeps some freed pieces
//! at hand for the thread that freed them, and those few hold on to all memory before them: measured with
//! glibc, 20 MB stayed for a 250 KB answer. A thread's hoard is given up when it ends; and the answer comes
//! back in a handful of large blocks, whose release leaves nothing behind.

use super::note::Limit;
use super::symbol::Symbol;
use std::path::PathBuf;
use std::sync::Arc;

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

/// The outcome of `search`, which runs on a thread of its own; on this one if none can be started. If it
/// panics nothing is known.
pub(super) fn run(
    search: impl Fn() -> (Vec<Vec<Symbol>>, Option<Limit>) + Sync,
) -> (Vec<Arc<[Symbol]>>, Option<Limit>) {
    let packed = || {
        crate::signals::block_all_in_this_thread();
        let (found, note) = search();
        (Packed::of(&found), note)
    };
    let outcome = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("gmr-symbols".to_owned());
        builder.spawn_scoped(scope, packed).ok().map(|thread| thread.join())
    });
    match outcome {
        Some(Ok((packed, note))) => (packed.unpack(), note),
        Some(Err(_)) => (Vec::new(), Some(Limit::Failed)),
        None => {
            let (found, note) = search();
            (found.into_iter().map(Arc::from).collect(), note)
        }
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
        let (unpacked, note) = run(|| (found.clone(), Some(Limit::Failed)));
        assert_eq!(unpacked.iter().map(|symbols| symbols.to_vec()).collect::<Vec<_>>(), found);
        assert_eq!(note, Some(Limit::Failed));
    }

    #[test]
    fn a_panic_is_a_note() {
        let (found, note) = run(|| std::panic::resume_unwind(Box::new(())));
        assert!(found.is_empty() && note.is_some());
    }
}
