//! Pairs in brackets: `("password", "hunter2")`, `{password, <<"hunter2">>}`, `define('DB_PASSWORD', 'hunter2')`.

use super::Hidden;
use super::lexer::{end_of, is_blank, is_key_byte, quoted, skip_blanks};
use super::shape::{looks_like_data, tells_nothing};
use crate::mask::keys;

/// Marks what stands behind a secret's name and a comma, where both are in brackets.
pub(super) fn find(text: &str, hidden: &mut Hidden) {
    let mut read = 0;
    for (comma, _) in text.match_indices(',') {
        if comma < read {
            continue;
        }
        let Some(is_quoted) = name_before(text, comma) else { continue };
        let start = skip_blanks(text, comma + 1);
        // `b"..."`, `Some("...")`, `<<"...">>`
        let opening = end_of(text, start, |byte| byte.is_ascii_alphabetic() || b"<(&:".contains(&byte));
        let value = quoted(text, opening).filter(|_| opening - start <= LONGEST_OPENING);
        let is_text = value.is_some();
        let (range, end) = value.map_or_else(
            || {
                let end = end_of(text, start, |byte| !b",)]}\"'\r\n".contains(&byte));
                (start..end, end)
            },
            |value| (value.inner, value.end),
        );
        read = end;
        let value = &text[range.clone()];
        let is_pair = text.as_bytes()[end_of(text, end, |byte| is_blank(byte) || byte == b'>')..]
            .first()
            .is_none_or(|byte| b")]}".contains(byte));
        let is_secret = looks_like_data(text, range.start) || is_pair && (is_quoted || is_text);
        // A list of names has no values, and what a call or an assignment has is another rule's.
        let is_plain = is_text || !value.contains(['(', '=']);
        if is_secret && is_plain && !keys::is_secret(value) && !tells_nothing(value) {
            hidden.hide(range);
        }
    }
}

const LONGEST_OPENING: usize = 16;
const LONGEST_NAME: usize = 64;

/// Whether a name of a secret stands before this comma and behind a bracket; and then, whether in quotes.
fn name_before(text: &str, comma: usize) -> Option<bool> {
    let bytes = text.as_bytes();
    let is_quote = |byte: u8| b"\"'\\".contains(&byte);
    let back = |from: usize, is_so: &dyn Fn(u8) -> bool| {
        let run = bytes[..from].iter().rev().take(LONGEST_NAME).take_while(|&&byte| is_so(byte)).count();
        from - run
    };
    let called = back(comma, &is_blank);
    // Behind `"password".to_owned()` and its like.
    let closed = match text[..called].strip_suffix("()") {
        Some(call) => {
            back(back(call.len(), &|byte| byte.is_ascii_lowercase() || byte == b'_'), &|byte| byte == b'.')
        }
        None => called,
    };
    let end = back(closed, &is_quote);
    let start = back(end, &is_key_byte);
    let before = back(start, &|byte| is_quote(byte) || byte == b':');
    let bracket = bytes[..before].last().is_some_and(|byte| b"([{".contains(byte));
    let name = text.get(start..end)?;
    (bracket && keys::is_secret(name)).then_some(end < closed)
}
