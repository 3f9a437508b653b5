//! Private keys in their armors, PEM, OpenSSH, OpenPGP, SSH2 and PuTTY, and vaults of Ansible.

use super::Hidden;
use super::lexer::end_of;

/// Marks all that stands between the lines that begin and end a private key, and those lines.
pub(super) fn find(text: &str, hidden: &mut Hidden) {
    if let Some(start) = text.find(PUTTY) {
        // Its last line is a sum over the rest.
        hidden.hide(start..text.len());
    }
    vaults(text, hidden);
    let mut shown_from = 0;
    for at in marks(text, BEGIN) {
        if at < shown_from {
            continue;
        }
        let start = text[..at].trim_end_matches(' ').trim_end_matches('-').len();
        let end = marks(&text[at..], END).next().map(|end| at + end);
        shown_from = end.map_or(text.len(), |end| {
            let name = end_of(text, end, |byte| byte.is_ascii_alphanumeric() || byte == b' ');
            end_of(text, name, |byte| byte == b'-' || byte == b' ')
        });
        hidden.hide(start..shown_from);
    }
}

/// What Ansible has encrypted: open to who has the one password of many files. Its lines have one word each.
fn vaults(text: &str, hidden: &mut Hidden) {
    const VAULT: &str = "$ANSIBLE_VAULT;";
    let mut read = 0;
    for (start, _) in text.match_indices(VAULT) {
        if start < read {
            continue;
        }
        let is_part = |line: &&str| !line.trim().is_empty() && !line.trim().contains([' ', ':', '=']);
        let lines = text[start..].split_inclusive('\n').take_while(is_part);
        read = start + lines.map(str::len).sum::<usize>().max(VAULT.len());
        hidden.hide(start..text[..read].trim_end().len());
    }
}

/// Where this word begins or ends a key.
fn marks<'t>(text: &'t str, word: &'static str) -> impl Iterator<Item = usize> + 't {
    let bytes = text.as_bytes();
    let behind = move |(dash, _): (usize, &str)| dash + 1 + usize::from(bytes.get(dash + 1) == Some(&b' '));
    text.match_indices('-').map(behind).filter(move |&at| is_mark(text, at, word))
}

const BEGIN: &str = "BEGIN ";
const END: &str = "END ";
const PUTTY: &str = "PuTTY-User-Key-File-";

/// Kinds of keys whose armor has a name.
const SECRET_KEYS: &[&str] = &["PGP MESSAGE", "PRIVATE KEY", "SECRET KEY", "STATIC KEY"];

/// Whether a line begins a private key: `-----BEGIN RSA PRIVATE KEY-----`.
pub(in crate::mask) fn begins_private_key(line: &str) -> bool {
    marks(line, BEGIN).next().is_some() || line.contains(PUTTY)
}

/// Whether a line ends a private key.
pub(in crate::mask) fn ends_private_key(line: &str) -> bool {
    marks(line, END).next().is_some() || line.starts_with("Private-MAC:")
}

/// Whether this word stands here in letters of either case, dashes before it, and the name of a private key behind it.
fn is_mark(text: &str, at: usize, word: &str) -> bool {
    let is_here = text.get(at..at + word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word));
    let before = text[..at].strip_suffix(' ').unwrap_or(&text[..at]);
    if !is_here || !before.ends_with("--") {
        return false;
    }
    let start = at + word.len();
    let name = end_of(text, start, |byte| byte.is_ascii_alphanumeric() || byte == b' ');
    let name = text[start..name].to_ascii_uppercase();
    SECRET_KEYS.iter().any(|key| name.contains(key))
}
