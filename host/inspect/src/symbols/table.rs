//! Function names from symbol tables: all that a binary without debug information has.

use super::symbol::Symbol;
use crate::debug_files::ObjectBytes;
use object::{Object as _, ObjectSymbol as _, SymbolKind};
use std::borrow::Cow;

/// Gives each entry without a function name the one of the symbol that its offset lies in, and the ones at
/// the indices in `short` (ascending) their paths. Files and lines stay as debug information gave them.
pub(super) fn complete<'f>(
    files: impl Iterator<Item = &'f ObjectBytes>,
    offsets: &[u64],
    short: &[usize],
    found: &mut [Vec<Symbol>],
) {
    for object in files.filter_map(ObjectBytes::object) {
        let mut symbols: Vec<(u64, u64, &str)> = object
            .symbols()
            .chain(object.dynamic_symbols())
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
            .filter_map(|symbol| Some((symbol.address(), symbol.size(), symbol.name().ok()?)))
            .collect();
        symbols.sort_unstable();
        for (index, (offset, entry)) in offsets.iter().zip(&mut *found).enumerate() {
            let is_short = short.binary_search(&index).is_ok();
            if !is_short && entry.last().is_some_and(|symbol| !symbol.function.is_empty()) {
                continue;
            }
            let Some(name) = name_at(&symbols, *offset) else { continue };
            let function = addr2line::demangle_auto(Cow::Borrowed(name), None).into_owned();
            match entry.last_mut() {
                Some(symbol) if symbol.function.is_empty() || is_longer(&symbol.function, &function) => {
                    symbol.function = function;
                }
                Some(_) => {}
                None => entry.push(Symbol { function, file: None, line: None, column: None }),
            }
        }
    }
}

/// Whether `long` is the path of the function that debug information calls `short`. The linker may have
/// folded several functions of equal code into one symbol: its name would be another's.
fn is_longer(short: &str, long: &str) -> bool {
    let plain = short.split('<').next().unwrap_or_default();
    if plain.starts_with("{closure") {
        long.contains("closure")
    } else {
        !plain.is_empty() && long.contains(plain)
    }
}

/// How many symbols that begin before an offset are looked at for one that reaches over it: aliases and
/// labels without a size come in small groups.
const LOOK_BACK: usize = 16;

/// The name of the innermost symbol that covers the offset. A symbol without a size (assembler code) covers
/// everything up to the next one.
fn name_at<'s>(symbols: &[(u64, u64, &'s str)], offset: u64) -> Option<&'s str> {
    let after = symbols.partition_point(|(address, _, _)| *address <= offset);
    let before = symbols.get(after.saturating_sub(LOOK_BACK)..after)?;
    let covering = |offset: u64| {
        before.iter().rev().find(|(at, size, _)| offset.checked_sub(*at).is_some_and(|d| d < *size))
    };
    // A label within a function ends with the function.
    let nearest = before.last().filter(|(at, size, _)| *size == 0 && covering(*at).is_none());
    covering(offset).or(nearest).map(|(_, _, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_only_if_it_is_the_same_functions() {
        for (short, long, expected) in [
            ("work", "demo::work", true),
            ("call<u8>", "<F as demo::Call>::call", true),
            ("{closure#0}", "demo::work::{{closure}}", true),
            ("work", "demo::other", false),
            ("{closure#0}", "demo::work", false),
            ("", "demo::work", false),
        ] {
            assert_eq!(is_longer(short, long), expected, "{short} {long}");
        }
    }

    #[test]
    fn the_symbol_that_covers_the_offset() {
        let symbols = [(0x10, 0x20, "outer"), (0x18, 0, "label"), (0x40, 0, "assembler"), (0x60, 8, "last")];
        let check = |offset, expected| assert_eq!(name_at(&symbols, offset), expected, "{offset:#x}");
        check(0xf, None);
        check(0x10, Some("outer"));
        check(0x2f, Some("outer"));
        // Behind `outer`, and before anything else: nothing is made up.
        check(0x3f, None);
        check(0x40, Some("assembler"));
        check(0x5f, Some("assembler"));
        check(0x67, Some("last"));
        check(0x68, None);
    }
}
