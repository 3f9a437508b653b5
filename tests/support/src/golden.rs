//! Golden files: text that a test compares with, line by line.

use std::path::Path;

/// Set, it makes [`assert_golden`] write what it would compare.
const UPDATE: &str = "UPDATE_GOLDEN";

/// Compares the text with that of the file, or renews the file if the variable `UPDATE_GOLDEN` is set.
#[track_caller]
pub fn assert_golden(file: &Path, text: &str) {
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        return;
    }
    let expected =
        std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    for (number, (own, expected)) in text.lines().zip(expected.lines()).enumerate() {
        assert_eq!(own, expected, "line {} of {}; {UPDATE}=1 renews it\n{text}", number + 1, file.display());
    }
    assert_eq!(text, expected, "{}; {UPDATE}=1 renews it", file.display());
}
