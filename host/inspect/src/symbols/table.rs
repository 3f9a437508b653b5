//! Function names from symbol tables: all that a binary without debug information has.

use super::symbol::Symbol;
use crate::debug_files::ObjectBytes;
use object::{Object as _, ObjectSymbol as _, SymbolKind};
use std::borrow::Cow;

/// Gives each entry without a function name the one of the symbol that its offset lies in, and the ones at
/// the indices in `short` (ascending) their paths. Files and lines stay as debug information gave them.
pub(super) fn complete(file: &ObjectBytes, offsets: &[u64], short: &[usize], found: &mut [Vec<Symbol>]) {
    let Some(object) = file.object() else { return };
    let symbols = || {
        let symbols = object.symbols().chain(object.dynamic_symbols());
        let functions = symbols.filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition());
        functions.filter_map(|symbol| Some((symbol.address(), symbol.size(), symbol.name().ok()?)))
    };
    let names = names_at(symbols, offsets);
    for (index, (name, entry)) in names.into_iter().zip(&mut *found).enumerate() {
        let is_short = short.binary_search(&index).is_ok();
        if !is_short && entry.last().is_some_and(|symbol| !symbol.function.is_empty()) {
            continue;
        }
        let Some(name) = name else { continue };
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

/// A symbol's address, size and name.
type Named<'s> = (u64, u64, &'s str);

/// The names of the innermost symbols that cover the offsets, which are sorted. A symbol without a size (assembler code)
/// covers everything up to the next one.
///
/// The symbols are gone through as they stand in the file, twice at the most, and none is kept but one or two for each
/// offset: a large program has half a million.
fn names_at<'s, I: Iterator<Item = Named<'s>>>(
    symbols: impl Fn() -> I,
    offsets: &[u64],
) -> Vec<Option<&'s str>> {
    // The last symbol that begins at or before an offset, and the last of those that reach over it.
    let mut before: Vec<Option<Named<'_>>> = vec![None; offsets.len()];
    let mut covering = before.clone();
    for symbol in symbols() {
        let (start, size, _) = symbol;
        let first = offsets.partition_point(|offset| *offset < start);
        if let Some(before) = before.get_mut(first) {
            *before = (*before).max(Some(symbol));
        }
        cover(&mut covering, symbol, first, |index| offsets.get(index).is_some_and(|at| at - start < size));
    }
    for index in 1..before.len() {
        before[index] = before[index].max(before[index - 1]);
    }
    // A label within a function ends with the function.
    let labels = before
        .iter()
        .zip(&covering)
        .map(|(before, covering)| before.filter(|(_, size, _)| *size == 0 && covering.is_none()));
    let mut labels: Vec<Option<Named<'_>>> = labels.collect();
    if labels.iter().any(Option::is_some) {
        for (start, size, _) in symbols() {
            let covers = |label: &Option<Named<'_>>| {
                label.is_some_and(|(at, _, _)| at.checked_sub(start).is_some_and(|distance| distance < size))
            };
            labels.iter_mut().filter(|label| covers(label)).for_each(|label| *label = None);
        }
    }
    let named = covering.into_iter().zip(labels).map(|(covering, label)| covering.or(label));
    named.map(|named| named.map(|(_, _, name)| name)).collect()
}

/// Enters a symbol for the offsets from `first` on that it covers.
fn cover<'s>(
    covering: &mut [Option<Named<'s>>],
    symbol: Named<'s>,
    first: usize,
    covers: impl Fn(usize) -> bool,
) {
    let covered = (first..covering.len()).take_while(|index| covers(*index));
    for index in covered {
        covering[index] = covering[index].max(Some(symbol));
    }
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
        let symbols = [(0x40, 0, "assembler"), (0x10, 0x20, "outer"), (0x60, 8, "last"), (0x18, 0, "label")];
        let expected = [
            (0xf, None),
            (0x10, Some("outer")),
            (0x20, Some("outer")),
            (0x2f, Some("outer")),
            // Behind `outer`, and before anything else: nothing is made up.
            (0x3f, None),
            (0x40, Some("assembler")),
            (0x5f, Some("assembler")),
            (0x67, Some("last")),
            (0x68, None),
        ];
        let offsets = expected.map(|(offset, _)| offset);
        assert_eq!(names_at(|| symbols.into_iter(), &offsets), expected.map(|(_, name)| name));
        for (offset, name) in expected {
            assert_eq!(names_at(|| symbols.into_iter(), &[offset]), [name], "{offset:#x}");
        }
        let nested = [(0x10, 0x20, "outer"), (0x18, 4, "inner"), (0x18, 4, "same")];
        assert_eq!(
            names_at(|| nested.into_iter(), &[0x17, 0x18, 0x1c]),
            [Some("outer"), Some("same"), Some("outer")]
        );
        assert_eq!(names_at(|| nested.into_iter(), &[]), []);
    }
}
