//! Pairs of a name and a value, in which the name says what the value is: `{"name": "DB_PASSWORD", "value": "..."}`.

use super::keys::words;

/// The last word of what has the name.
const NAMES: &[&str] = &[
    "env",
    "field",
    "header",
    "id",
    "k",
    "key",
    "n",
    "name",
    "option",
    "param",
    "parameter",
    "property",
    "setting",
    "var",
    "variable",
];

/// The last word of what has the value.
const VALUES: &[&str] =
    &["content", "data", "default", "inner", "raw", "string", "text", "v", "val", "value", "values"];

/// Whether a key is that of a pair's name: `name`, `ParameterKey`.
pub(super) fn is_name(key: &str) -> bool {
    last_word_is(key, NAMES)
}

/// Whether a key is that of a pair's value.
pub(super) fn is_value(key: &str) -> bool {
    last_word_is(key, VALUES)
}

fn last_word_is(key: &str, known: &[&str]) -> bool {
    // Most keys end otherwise, and need not be split.
    let ends = |known: &&&str| {
        let start = key.len().checked_sub(known.len());
        start.and_then(|start| key.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(known))
    };
    known.iter().any(|known| ends(&known))
        && words(key).last().is_some_and(|word| known.contains(&word.as_str()))
}
