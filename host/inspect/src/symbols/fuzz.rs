//! Fuzz test of the search for symbols: damaged debug information, line programs and symbol tables.

use super::search::search;
use crate::debug_files::ObjectFile;
use crate::test_object::objects;
use gmr_test_fuzz::{bytes_in_place, within};
use std::cell::Cell;

/// The most that one input may take: sections decompressed, units parsed, rows of lines.
const MEMORY: u64 = 64 << 20;

#[test]
fn symbols() {
    let named = Cell::new(0);
    let offsets: Vec<u64> = (0..0x3000).step_by(0x31).chain([u64::MAX - 1]).collect();
    bytes_in_place("symbols", 300, objects(), |bytes| {
        let Some(file) = ObjectFile::from_bytes(bytes.to_vec()) else { return };
        let (found, _) = within(MEMORY, || search(&file, &offsets, 16 << 20, &[], None));
        assert!(found.is_empty() || found.len() == offsets.len());
        for symbol in found.iter().flatten() {
            assert!(!symbol.function.is_empty() && symbol.line != Some(0), "{symbol:?}");
        }
        named.set(named.get() + found.iter().flatten().filter(|symbol| symbol.line.is_some()).count());
    });
    assert!(objects().is_empty() || named.get() > 1000, "{} functions and lines were found", named.get());
}
