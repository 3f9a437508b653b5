//! Private keys in their armors: PEM, OpenSSH, OpenPGP, SSH2, PuTTY.

use super::Hidden;
use super::lexer::end_of;

/// Marks all that stands between the lines that begin and end a private key, and those lines.
pub(super) fn find(text: &str, hidden: &mut Hidden) {
    if let Some(start) = text.find(PUTTY) {
        // Its last line is a sum over the rest.
        hidden.hide(start..text.len());
    }
    let mut shown_from = 0;
    for (at, _) in text.match_indices(BEGIN) {
        if at < shown_from || !is_mark(text, at, BEGIN) {
            continue;
        }
        let start = text[..at].trim_end_matches(' ').trim_end_matches('-').len();
        let ends = text[at..].match_indices(END).map(|(end, _)| at + end);
        let end = ends.into_iter().find(|&end| is_mark(text, end, END));
        shown_from = end.map_or(text.len(), |end| {
            let name = end_of(text, end, |byte| byte.is_ascii_alphanumeric() || byte == b' ');
            end_of(text, name, |byte| byte == b'-' || byte == b' ')
        });
        hidden.hide(start..shown_from);
    }
}

const BEGIN: &str = "BEGIN ";
const END: &str = "END ";
const PUTTY: &str = "PuTTY-User-Key-File-";

/// Kinds of keys whose armor has a name.
const SECRET_KEYS: &[&str] = &["PRIVATE KEY", "SECRET KEY", "STATIC KEY"];

/// Whether a line begins a private key: `-----BEGIN RSA PRIVATE KEY-----`.
pub(in crate::mask) fn begins_private_key(line: &str) -> bool {
    line.find(BEGIN).is_some_and(|at| is_mark(line, at, BEGIN)) || line.contains(PUTTY)
}

/// Whether a line ends a private key.
pub(in crate::mask) fn ends_private_key(line: &str) -> bool {
    line.find(END).is_some_and(|at| is_mark(line, at, END)) || line.starts_with("Private-MAC:")
}

/// Whether dashes stand before this word, and the name of a private key behind it.
fn is_mark(text: &str, at: usize, word: &str) -> bool {
    let before = text[..at].strip_suffix(' ').unwrap_or(&text[..at]);
    if !before.ends_with("--") {
        return false;
    }
    let start = at + word.len();
    let name = end_of(text, start, |byte| byte.is_ascii_alphanumeric() || byte == b' ');
    let name = text[start..name].to_ascii_uppercase();
    SECRET_KEYS.iter().any(|key| name.contains(key))
}
