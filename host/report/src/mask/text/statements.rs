//! Secrets among the values of SQL's `INSERT` and the arguments of its functions for passwords.

use super::Hidden;
use super::entries::PRAGMAS;
use super::lexer::{end_of, end_of_brackets, is_key_byte, quoted, skip_blanks};
use super::shape::tells_nothing;
use crate::mask::keys;

/// Marks them.
pub(super) fn find(text: &str, hidden: &mut Hidden) {
    if !text.contains('(') {
        return;
    }
    let mut read = 0;
    for (bracket, _) in text.match_indices('(') {
        if bracket < read {
            continue;
        }
        let name = name_before(text, bracket);
        let is_one = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        if is_one(FUNCTIONS) || is_one(PRAGMAS) && is_behind(text, bracket, name, "pragma") {
            read = arguments(text, bracket, hidden);
        } else if let Some(end) = insert(text, bracket, hidden) {
            read = end;
        }
    }
}

/// Functions of which any text may be a password.
const FUNCTIONS: &[&str] = &[
    "aes_decrypt",
    "aes_encrypt",
    "crypt",
    "decrypt",
    "decryptbypassphrase",
    "encrypt",
    "encryptbypassphrase",
    "hmac",
    "md5",
    "old_password",
    "password",
    "pgp_sym_decrypt",
    "pgp_sym_encrypt",
    "pwdencrypt",
    "sha1",
    "sha2",
    "sha256",
    "sha512",
];

/// Whether this word stands before the name before a bracket.
fn is_behind(text: &str, bracket: usize, name: &str, word: &str) -> bool {
    let before = text[..bracket].trim_end().strip_suffix(name).map_or("", str::trim_end);
    before.get(before.len().saturating_sub(word.len())..).is_some_and(|here| here.eq_ignore_ascii_case(word))
}

const LONGEST_NAME: usize = 64;
/// How long the list of columns may be, in bytes.
const LONGEST_COLUMNS: usize = 4096;

/// The word before a bracket, blanks between them skipped.
fn name_before(text: &str, bracket: usize) -> &str {
    let near = &text[text.ceil_char_boundary(bracket.saturating_sub(LONGEST_NAME))..bracket];
    let near = near.trim_end_matches([' ', '"', '`', ']']);
    let start = near.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
    near.get(start..).unwrap_or_default()
}

/// Marks each text in quotes up to the bracket that closes; returns where that is.
fn arguments(text: &str, bracket: usize, hidden: &mut Hidden) -> usize {
    let end = end_of_brackets(text, bracket);
    let mut at = bracket + 1;
    while at < end {
        at = end_of(text, at, |byte| !b"\"'".contains(&byte));
        let Some(argument) = (at < end).then(|| quoted(text, at)).flatten() else { break };
        if !tells_nothing(&text[argument.inner.clone()]) {
            hidden.hide(argument.inner);
        }
        at = argument.end;
    }
    end.max(at)
}

/// `INSERT INTO users (name, password) VALUES ('me', 'hunter2')`, also with a `SELECT` of such values. Returns where it
/// ends if these brackets have its columns.
fn insert(text: &str, bracket: usize, hidden: &mut Hidden) -> Option<usize> {
    let near = text.floor_char_boundary(bracket + LONGEST_COLUMNS);
    let columns = text[bracket + 1..near].split([')', '\'', '(']).next()?;
    let close = bracket + 1 + columns.len();
    let rest = text.get(close + 1..)?.trim_start();
    let is_keyword =
        |word: &&&str| rest.get(..word.len()).is_some_and(|next| next.eq_ignore_ascii_case(word));
    let keyword = ["values", "select"].iter().find(is_keyword)?;
    let is_secret = |column: &str| keys::is_secret(column.trim_matches(|c: char| !c.is_alphanumeric()));
    let columns: Vec<bool> = columns.split(',').map(is_secret).collect();
    if !columns.contains(&true) || !is_into(text, bracket) {
        return None;
    }
    let mut row = skip_blanks(text, text.len() - rest.len() + keyword.len());
    if *keyword == "select" {
        return Some(self::row(text, row, &columns, hidden));
    }
    row = end_of(text, row, |byte| byte.is_ascii_whitespace());
    while text.as_bytes().get(row) == Some(&b'(') {
        let end = self::row(text, row + 1, &columns, hidden);
        row = end_of(text, end, |byte| byte.is_ascii_whitespace() || byte == b',' || byte == b')');
    }
    Some(row)
}

/// Whether `INTO` and the name of a table stand before a bracket.
fn is_into(text: &str, bracket: usize) -> bool {
    let near = &text[text.ceil_char_boundary(bracket.saturating_sub(4 * LONGEST_NAME))..bracket];
    let is_part = |c: char| c.is_ascii() && is_key_byte(c as u8) || "\"`[]".contains(c);
    let before = near.trim_end().trim_end_matches(is_part).trim_end();
    before.get(before.len().saturating_sub(4)..).is_some_and(|word| word.eq_ignore_ascii_case("into"))
}

/// Marks the values of a row in the columns of secrets; returns where the row ends.
fn row(text: &str, from: usize, columns: &[bool], hidden: &mut Hidden) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut column) = (from, 0);
    loop {
        let start = end_of(text, at, |byte| byte.is_ascii_whitespace());
        // `N'...'` and `E'...'` are texts, too.
        let prefixed = start + usize::from(bytes.get(start).is_some_and(u8::is_ascii_alphabetic));
        let value = quoted(text, start).or_else(|| quoted(text, prefixed));
        let (inner, end) = value.map_or_else(
            || {
                let end = end_of_expression(text, start);
                (start..end, end)
            },
            |value| (value.inner, value.end),
        );
        if columns.get(column) == Some(&true) && !tells_nothing(&text[inner.clone()]) {
            hidden.hide(inner);
        }
        at = end_of(text, end, |byte| byte != b',' && byte != b')');
        if bytes.get(at) != Some(&b',') {
            return at;
        }
        (at, column) = (at + 1, column + 1);
    }
}

/// Where a value without quotes ends: a call's brackets belong to it.
fn end_of_expression(text: &str, start: usize) -> usize {
    let end = end_of(text, start, |byte| !b",()".contains(&byte));
    if text.as_bytes().get(end) == Some(&b'(') { end_of_brackets(text, end) } else { end }
}
