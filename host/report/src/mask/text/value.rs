//! The extent of a secret behind its key: where a value ends in a line of YAML, in a query, in a `;` list, in a libpq
//! string or on a command line.
//!
//! Notations contradict each other: in one a blank ends a value, in the other it is part of it. Where the place does not
//! decide it, the longer value is hidden.

use std::ops::Range;

use super::lexer::{
    end_of, end_of_brackets, end_of_line, end_of_word, ends_line, is_assignment, is_blank, is_key_byte,
    quoted, skip_blanks,
};

/// What stands between a key and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    /// `=`, also with blanks around it.
    Equals,
    /// `:`, also with blanks around it.
    Colon,
    /// `%3D` or `%3A`, in a URL that is a parameter of another one.
    Encoded,
    /// A blank: `--password hunter2`.
    Blank,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) separator: Separator,
    /// The byte before the key, blanks and quotes skipped; 0 at the start.
    pub(super) before: u8,
    /// How many blanks the line begins with, if nothing else stands before the key.
    pub(super) indentation: Option<usize>,
    /// The quote that has begun before the key and not ended behind it.
    pub(super) quote: Option<u8>,
    /// Where this line ends. A line may have thousands of keys, and is searched for its end once.
    pub(super) line: usize,
}

/// The secret that begins here, quotes left out, and where to go on.
pub(super) struct Secret {
    pub(super) hidden: Range<usize>,
    pub(super) end: usize,
}

impl Secret {
    fn up_to(from: usize, end: usize) -> Secret {
        let end = end.max(from);
        Secret { hidden: from..end, end }
    }
}

/// The value that begins here or behind blanks.
pub(super) fn secret(text: &str, from: usize, place: Place) -> Secret {
    let bytes = text.as_bytes();
    let start = skip_blanks(text, from);
    let first = bytes.get(start).copied().unwrap_or(b'\n');
    let is_empty = first == b'\n' || first == b'\r';
    let is_block = (b"|>".contains(&first) || is_empty) && place.separator == Separator::Colon
        || is_empty && place.separator == Separator::Equals;
    if is_block && ends_line(text, end_of_mark(text, start)) {
        return indented(text, start, place);
    }
    if let Some(document) = here_document(text, start) {
        return document;
    }
    let is_parameter = place.separator == Separator::Equals && b"?&".contains(&place.before);
    if !is_parameter {
        // A letter before the quote is Python's or Rust's: `b'...'`.
        let prefixed = start + usize::from(first.is_ascii_alphabetic());
        if let Some(quoted) = quoted(text, start).or_else(|| quoted(text, prefixed)) {
            let end = if is_over(text, quoted.end) {
                quoted.inner.end
            } else {
                end_of_rest(text, quoted.end, place)
            };
            return Secret { hidden: quoted.inner.start..end, end: end.max(quoted.end) };
        }
        if let Some(end) = in_brackets(text, start) {
            return Secret::up_to(
                start,
                if is_over(text, end) { end } else { end_of_rest(text, end, place) },
            );
        }
    }
    let end = match place.separator {
        Separator::Encoded => end_of_parameter(text, start),
        Separator::Blank => end_of_argument(text, start, place),
        Separator::Colon => end_of_entry(text, start, place),
        Separator::Equals => behind_backslash(text, end_behind_equals(text, start, place), place),
    };
    match place.separator {
        Separator::Colon => {
            let last = text[start..end].trim_end_matches([' ', '\t', '}', ']', ')', ',']).len();
            let inner = Secret { hidden: start..start + last, end };
            if ends_line(text, end) { continued(text, inner, place) } else { inner }
        }
        _ => Secret::up_to(start, end),
    }
}

/// A value that ends its line with a backslash goes on in the next one.
fn behind_backslash(text: &str, end: usize, place: Place) -> usize {
    let mut end = end;
    while place.indentation.is_some()
        && ends_line(text, end)
        && end < text.len()
        && text[..end].ends_with('\\')
    {
        end = end_of_line(text, end_of(text, end, |byte| b"\r\n".contains(&byte)));
    }
    end
}

/// The lines behind `<<EOF` or `$(cat <<EOF`, up to the one that says `EOF`.
fn here_document(text: &str, start: usize) -> Option<Secret> {
    // As it is, or as what a shell's `cat` reads.
    let rest = text[start..].strip_prefix("$(cat ").unwrap_or(&text[start..]).strip_prefix("<<")?;
    let from = text.len() - rest.trim_start_matches(['-', '~', '"', '\'']).len();
    let name = &text[from..end_of(text, from, |byte| byte.is_ascii_alphanumeric() || byte == b'_')];
    let line = end_of_line(text, from);
    let is_mark = !name.is_empty() && line - from <= name.len() + 1;
    if !is_mark || line == text.len() {
        return None;
    }
    let mut at = line + 1;
    while at < text.len() && at < line + LONGEST_DOCUMENT {
        let end = end_of_line(text, at);
        if text[at..end].trim() == name {
            let last = text[..at].trim_end().len().max(line + 1);
            return Some(Secret { hidden: line + 1..last, end: last });
        }
        at = end + 1;
    }
    // No line says so: it is a value.
    None
}

/// How far the end of such a document is looked for.
const LONGEST_DOCUMENT: usize = 4096;

/// YAML's mark of a block: `|`, `>-`.
fn end_of_mark(text: &str, start: usize) -> usize {
    let end = end_of(text, start, |byte| b"|>+-0123456789".contains(&byte));
    skip_blanks(text, end)
}

/// The lines that follow and are indented more than the key's, or are items of its list.
fn indented(text: &str, start: usize, place: Place) -> Secret {
    let Some(indentation) = place.indentation else { return Secret::up_to(start, start) };
    let end = end_of_block(text, place.line, indentation);
    let first = end_of(text, place.line, |byte| byte.is_ascii_whitespace()).min(end);
    Secret::up_to(first, end)
}

/// A plain value whose next lines are indented more belongs together with them.
fn continued(text: &str, inner: Secret, place: Place) -> Secret {
    let Some(indentation) = place.indentation else { return inner };
    match end_of_block(text, inner.end, indentation) {
        end if end > inner.end => Secret::up_to(inner.hidden.start, end),
        _ => inner,
    }
}

/// Where the lines end that follow the one that ends here and are indented more than so many blanks.
pub(super) fn end_of_block(text: &str, line: usize, indentation: usize) -> usize {
    let bytes = text.as_bytes();
    let mut end = line;
    while end < text.len() {
        let next = end_of(text, end, |byte| byte == b'\r');
        let next = next + usize::from(bytes.get(next) == Some(&b'\n'));
        let first = skip_blanks(text, next);
        let is_item = bytes[first..].starts_with(b"- ");
        let is_empty = bytes.get(first).is_none_or(|byte| b"\r\n".contains(byte));
        if next == end || !(is_empty || first - next > indentation || is_item && first - next == indentation)
        {
            break;
        }
        end = end_of_line(text, first);
    }
    line + text[line..end].trim_end().len()
}

/// Whether a value that was in quotes or brackets is over behind them.
fn is_over(text: &str, at: usize) -> bool {
    let rest = &text.as_bytes()[at..];
    let is_delimiter = |byte: &u8| byte.is_ascii_whitespace() || b",;)]}&<>:|\\\"'`".contains(byte);
    match rest {
        [] => true,
        [b'.' | b'/', next, ..] => is_delimiter(next),
        [b'.', ..] => true,
        [first, ..] => is_delimiter(first),
    }
}

/// The end of what follows quotes or brackets at once.
fn end_of_rest(text: &str, at: usize, place: Place) -> usize {
    match place.separator {
        Separator::Equals => end_behind_equals(text, at, place).max(at),
        _ => end_of_word(text, at),
    }
}

/// Behind the brackets of `{a;b}`, `[a, b]`, and of a value with a name before them: `Some("...")`.
fn in_brackets(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let name = end_of(text, start, |byte| is_key_byte(byte) || byte == b':');
    let bracket = if name > start && bytes.get(name) == Some(&b' ') { name + 1 } else { name };
    match bytes.get(bracket)? {
        b'{' => {}
        b'[' | b'(' if bracket == name && (bracket == start || bytes[start].is_ascii_alphabetic()) => {}
        _ => return None,
    }
    Some(end_of_brackets(text, bracket))
}

/// The end of a parameter of a URL that is itself encoded as one.
fn end_of_parameter(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let ends = |&at: &usize| {
        bytes[at].is_ascii_whitespace() || b"&\"".contains(&bytes[at]) || bytes[at..].starts_with(b"%26")
    };
    (start..text.len()).find(ends).unwrap_or(text.len())
}

/// The end of an argument on a command line: a backslash keeps a blank in it.
fn end_of_argument(text: &str, start: usize, place: Place) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            _ if closes(text, at, place) => return at,
            b'\\' => at = after_character(text, at + 1),
            byte if byte.is_ascii_whitespace() => return at,
            _ => at += 1,
        }
    }
    text.len()
}

fn after_character(text: &str, at: usize) -> usize {
    at + text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
}

/// The end of a value behind a colon: the line's, or before the next entry in the same line.
fn end_of_entry(text: &str, start: usize, place: Place) -> usize {
    let bytes = text.as_bytes();
    let ends = |&at: &usize| match bytes[at] {
        b',' => is_assignment(text, skip_blanks(text, at + 1), b":"),
        _ => closes(text, at, place),
    };
    (start..place.line).find(ends).unwrap_or(place.line)
}

/// Words before a credential in the value of `Authorization` and its like.
const SCHEMES: &[&str] = &[
    "apikey",
    "aws4-hmac-sha256",
    "basic",
    "bearer",
    "digest",
    "hawk",
    "hmac",
    "key",
    "mutual",
    "negotiate",
    "ntlm",
    "oauth",
    "scram-sha-1",
    "scram-sha-256",
    "sharedkey",
    "token",
];

/// How far a value in the middle of a line is searched for the `;` that ends it.
const LONGEST_IN_LIST: usize = 1024;

/// The end of a value behind `=`.
fn end_behind_equals(text: &str, start: usize, place: Place) -> usize {
    let bytes = text.as_bytes();
    if b"?&#".contains(&place.before) {
        return first_in(start..place.line, |at| is_blank(bytes[at]) || ends_anywhere(text, at, place));
    }
    if place.before == b';' {
        return first_in(start..place.line, |at| bytes[at] == b';' || closes(text, at, place));
    }
    let limit =
        if place.indentation.is_some() { place.line } else { place.line.min(start + LONGEST_IN_LIST) };
    let before_next = first_in(start..limit, |at| match bytes[at] {
        b';' => is_list(text, at),
        _ => is_before_next(text, at, place) || ends_anywhere(text, at, place),
    });
    if bytes.get(before_next) == Some(&b';') || place.indentation.is_some() {
        return before_next;
    }
    let word = end_of_argument(text, start, place);
    let word = if before_next < limit { word.min(before_next) } else { word };
    if SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(&text[start..word])) {
        return end_of_argument(text, skip_blanks(text, word), place);
    }
    word
}

fn first_in(mut range: Range<usize>, ends: impl Fn(usize) -> bool) -> usize {
    let end = range.end;
    range.find(|&at| ends(at)).unwrap_or(end)
}

/// Whether the `;` here separates entries: another one follows, or nothing.
fn is_list(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    if at > 0 && bytes[at - 1] == b';' {
        return false;
    }
    let next = end_of(text, at + 1, |byte| is_blank(byte) || byte == b';');
    ends_line(text, next) || next_entry(text, next)
}

/// A key of several words and `=`, as connection strings have it: `User Id=`.
fn next_entry(text: &str, mut at: usize) -> bool {
    for _ in 0..3 {
        if is_assignment(text, at, b"=") {
            return true;
        }
        at = skip_blanks(text, end_of(text, at, is_key_byte));
    }
    false
}

/// Whether the next entry of a list follows, behind blanks or a comma as before this one.
fn is_before_next(text: &str, at: usize, place: Place) -> bool {
    match text.as_bytes()[at] {
        b',' if place.before == b',' => is_assignment(text, skip_blanks(text, at + 1), b"="),
        // Of several blanks the first.
        byte if is_blank(byte) && (at == 0 || !is_blank(text.as_bytes()[at - 1])) => {
            is_assignment(text, skip_blanks(text, at), b"=")
        }
        _ => false,
    }
}

/// Whether a parameter follows, or a string ends that began before the key.
fn ends_anywhere(text: &str, at: usize, place: Place) -> bool {
    text.as_bytes()[at] == b'&' && is_assignment(text, at + 1, b"=") || closes(text, at, place)
}

/// Whether the string that the key stands in ends here, at its quote or the backslash before it.
fn closes(text: &str, at: usize, place: Place) -> bool {
    let bytes = text.as_bytes();
    let Some(quote) = place.quote else { return false };
    let quote_at = at + usize::from(bytes[at] == b'\\');
    bytes.get(quote_at) == Some(&quote)
        && bytes
            .get(quote_at + 1)
            .is_none_or(|byte| byte.is_ascii_whitespace() || b",:;)]}>\\\"'".contains(byte))
}
