//! What a value looks like: data or a password, a number with its unit, or a word that says only whether there is a
//! secret.

use crate::mask::MASK;

/// Whether a word has letters and digits, as secrets do and sentences do not.
pub(super) fn looks_like_data(text: &str, start: usize) -> bool {
    let Some(near) = text.get(start..text.floor_char_boundary(start + LONGEST_WORD)) else { return false };
    is_data(near.split(char::is_whitespace).next().unwrap_or_default())
}

/// How much of a word is looked at.
const LONGEST_WORD: usize = 256;

pub(in crate::mask) fn is_data(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let has = |is_so: fn(char) -> bool| word.chars().any(is_so);
    let is_long = word.len() >= 24 && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    word.len() >= 6 && has(char::is_alphabetic) && (has(|c| c.is_ascii_digit()) || is_long)
}

/// Whether a word has what is asked of passwords, and what no name has: small letters, capitals and digits, and a digit
/// or a sign before a small letter. `Http2Stream` and `Base64Error` are names, paths and numbers are something else.
pub(super) fn is_random(word: &str) -> bool {
    let bytes = word.as_bytes();
    let has = |is_so: fn(&u8) -> bool| bytes.iter().any(is_so);
    let is_sign = |byte: u8| b"!@#$%^&*+~".contains(&byte);
    (8..LONGEST_WORD).contains(&word.len())
        && bytes.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_' || is_sign(byte))
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_digit)
        && bytes
            .windows(2)
            .any(|pair| (pair[0].is_ascii_digit() || is_sign(pair[0])) && pair[1].is_ascii_lowercase())
}

/// Values that say whether there is a secret, and not which.
const NO_SECRETS: &[&str] = &[
    "",
    "***",
    "absent",
    "disabled",
    "enabled",
    "false",
    "missing",
    "nil",
    "no",
    "none",
    "null",
    "off",
    "on",
    "redacted",
    "set",
    "true",
    "undefined",
    "unset",
    "yes",
];

/// Whether a value says no more than whether there is a secret.
pub(in crate::mask) fn tells_nothing(value: &str) -> bool {
    if is_count(value) {
        return true;
    }
    let value = value.trim_matches(|c: char| c.is_whitespace() || "\"'`,;()[]{}<>".contains(c));
    NO_SECRETS.iter().any(|word| word.eq_ignore_ascii_case(value)) || value.chars().all(|c| c == '*')
}

/// Whether a value is what stands for a table of secrets.
fn is_count(value: &str) -> bool {
    let count = value.strip_prefix(MASK).and_then(|rest| rest.strip_prefix(" ("));
    let digits =
        count.and_then(|rest| rest.strip_suffix(" entries)").or_else(|| rest.strip_suffix(" entry)")));
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a text is a number with or without a unit: `3600`, `1h 30m`, `4.5 KiB`, `PT30M`.
pub(in crate::mask) fn is_quantity(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'']);
    let value = value.strip_prefix("PT").or_else(|| value.strip_prefix('P')).unwrap_or(value);
    let value = value.trim_start_matches(['+', '-']);
    let mut letters = 0;
    let is_so = |c: char| {
        letters = if c.is_alphabetic() { letters + 1 } else { 0 };
        letters <= LONGEST_UNIT && (c.is_alphanumeric() || " .,:_%-".contains(c))
    };
    value.starts_with(|c: char| c.is_ascii_digit()) && value.chars().all(is_so)
}

/// The letters of `minutes` and `seconds`.
const LONGEST_UNIT: u32 = 7;
