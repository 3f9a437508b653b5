//! Lexical elements of configuration texts: blanks, quoted strings with their escapes, brackets, identifiers, lines.
//! Positions are byte offsets that lie between two characters.

use std::ops::Range;

/// Whether a byte may be part of a key: letters of any script, digits, `_`, `-`, `.`, `$`.
pub(super) fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.$".contains(&byte) || !byte.is_ascii()
}

/// Where the key that begins here ends. Arrows, dashes and quotes are of no alphabet, and signs of an assignment are wide
/// in texts from the East: they end it, too.
pub(super) fn end_of_key(text: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        at = end_of(text, at, |byte| byte.is_ascii() && is_key_byte(byte));
        match text[at..].chars().next() {
            Some(c) if !c.is_ascii() && c.is_alphanumeric() => at += c.len_utf8(),
            _ => return at,
        }
    }
}

/// Where the run of bytes that are so ends.
pub(super) fn end_of(text: &str, from: usize, is_so: impl Fn(u8) -> bool) -> usize {
    text.as_bytes()[from..].iter().position(|&byte| !is_so(byte)).map_or(text.len(), |run| from + run)
}

/// The end of the spaces and tabs that begin here.
pub(super) fn skip_blanks(text: &str, from: usize) -> usize {
    end_of(text, from, is_blank)
}

pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Where the white space that follows begins, or the text ends.
pub(super) fn end_of_word(text: &str, from: usize) -> usize {
    text[from..].find(char::is_whitespace).map_or(text.len(), |length| from + length)
}

/// Where the line ends: before its line feed.
pub(super) fn end_of_line(text: &str, from: usize) -> usize {
    text[from..].find(['\n', '\r']).map_or(text.len(), |length| from + length)
}

/// Whether the line ends here.
pub(super) fn ends_line(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_none_or(|byte| b"\r\n".contains(byte))
}

/// A quoted string.
pub(super) struct Quoted {
    /// What stands between the quotes.
    pub(super) inner: Range<usize>,
    /// Behind the closing quote; the text's end if there is none.
    pub(super) end: usize,
}

/// The quoted string that begins here. A quote inside it is doubled or has a backslash before it; quotes that
/// themselves have backslashes before them, as in JSON inside of JSON, end at one with as many.
pub(super) fn quoted(text: &str, from: usize) -> Option<Quoted> {
    let bytes = text.as_bytes();
    let inner = end_of(text, from, |byte| byte == b'\\');
    let slashes = inner - from;
    let quote = *bytes.get(inner).filter(|byte| b"\"'`".contains(byte))?;
    let start = inner + 1;
    let mut at = start;
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            let run = end_of(text, at, |byte| byte == b'\\') - at;
            if slashes > 0 && run == slashes && bytes.get(at + run) == Some(&quote) {
                return Some(Quoted { inner: start..at, end: at + run + 1 });
            }
            // Of an even number each is escaped by the one before it, and the next character is not.
            let escapes = slashes > 0 || run % 2 == 1;
            at += run + usize::from(escapes);
        } else if bytes[at] == quote && slashes == 0 {
            if bytes.get(at + 1) != Some(&quote) {
                return Some(Quoted { inner: start..at, end: at + 1 });
            }
            at += 2;
        } else {
            at += 1;
        }
    }
    Some(Quoted { inner: start.min(text.len())..text.len(), end: text.len() })
}

/// Behind the bracket that closes the one that stands here, strings in quotes skipped; the text's end if none does.
/// A closing one that is doubled at the end is part of the value, as ODBC has it.
pub(super) fn end_of_brackets(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    let mut open: Vec<u8> = Vec::new();
    while at < bytes.len() {
        match bytes[at] {
            b'(' => open.push(b')'),
            b'[' => open.push(b']'),
            b'{' => open.push(b'}'),
            closing @ (b')' | b']' | b'}') if open.last() == Some(&closing) => {
                if open.len() > 1 {
                    open.pop();
                } else if closing == b'}' && bytes.get(at + 1) == Some(&b'}') {
                    at += 1;
                } else {
                    return at + 1;
                }
            }
            b'"' => {
                at = quoted(text, at).map_or(bytes.len(), |quoted| quoted.end);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Whether a key and a sign of assignment begin here, as in `host=db` and `"host": "db"`.
pub(super) fn is_assignment(text: &str, from: usize, signs: &[u8]) -> bool {
    let start = end_of(text, from, |byte| b"\"'\\".contains(&byte));
    let end = end_of(text, start, is_key_byte);
    let after = skip_blanks(text, end_of(text, end, |byte| b"\"'\\".contains(&byte)));
    end > start
        && end - start <= LONGEST_KEY
        && text.as_bytes().get(after).is_some_and(|byte| signs.contains(byte))
}

/// Longer ones are data that looks like a key.
const LONGEST_KEY: usize = 64;
