//! Signs of an assignment between a key and its value.

use crate::mask::text::lexer::{end_of, quoted, skip_blanks};
use crate::mask::text::shape::looks_like_data;
use crate::mask::text::value::Separator;

/// Other signs of an assignment than ASCII's `=` and `:`.
const ARROWS: &[&str] = &["-->", "->", "→", "⇒", "：", "＝"];

/// The sign of an assignment behind a key that ends here, its closing quote skipped, and where it ends.
pub(super) fn behind(text: &str, key_end: usize) -> Option<(Separator, usize)> {
    let bytes = text.as_bytes();
    let closed = end_of(text, key_end, |byte| b"\"'`\\)]".contains(&byte));
    let at = skip_blanks(text, closed);
    let rest = &bytes[at..];
    // Few keys have an arrow behind them.
    let may_be_arrow = rest.first().is_some_and(|&byte| byte == b'-' || !byte.is_ascii());
    if let Some(from) = may_be_arrow.then(|| arrow(text, key_end, closed, at)).flatten() {
        return Some((Separator::Equals, from));
    }
    match rest {
        [b'=', ..] => Some((Separator::Equals, end_of(text, at, |byte| b"=>~".contains(&byte)))),
        [b':' | b'+' | b'?' | b'!', b'=', ..] => Some((Separator::Equals, at + 2)),
        // Base64 in LDIF.
        [b':', b':', b' ', ..] => Some((Separator::Colon, at + 2)),
        [b':', b':' | b'/', ..] | [b':', b'\\', b'/', ..] => None,
        [b':', ..] => Some((Separator::Colon, at + 1)),
        [b'%', b'3', sign, next @ ..] if !next.starts_with(b"%2") => {
            b"DdAa".contains(sign).then_some((Separator::Encoded, at + 3))
        }
        _ => None,
    }
}

/// Behind an arrow that stands here. One of ASCII's has a blank before it and data behind it: behind a closing bracket it
/// has a type, and behind a pointer a member.
fn arrow(text: &str, key_end: usize, closed: usize, at: usize) -> Option<usize> {
    let arrow = ARROWS.iter().find(|arrow| text[at..].starts_with(**arrow))?;
    let from = at + arrow.len();
    let value = skip_blanks(text, from);
    let has_value = || looks_like_data(text, value) || quoted(text, value).is_some();
    let is_pointer = arrow.is_ascii() && (at == key_end || text[key_end..closed].contains(')'));
    (!is_pointer && (!arrow.is_ascii() || has_value())).then_some(from)
}
