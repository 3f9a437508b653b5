//! What browsers send: parts of forms, cookies with their attributes, and answers to challenges.

use super::Hidden;
use super::lexer::{end_of, end_of_line, is_key_byte, quoted};
use super::shape::tells_nothing;
use crate::mask::keys;

/// Marks what is secret in them.
pub(super) fn find(text: &str, hidden: &mut Hidden) {
    let mut boundary = Boundary { at: 0 };
    let mut at = 0;
    while at < text.len() {
        let end = end_of_line(text, at);
        let line = &text[at..text.floor_char_boundary(end.min(at + LONGEST_LINE))];
        if part_of_a_form(line).is_some_and(keys::is_secret) {
            part(text, end, &mut boundary, hidden);
        }
        cookie(line, at, hidden);
        answer(line, at, hidden);
        at = end + 1;
    }
}

/// How much of a line is looked at.
const LONGEST_LINE: usize = 4096;

/// The name of the part whose head this line is: `Content-Disposition: form-data; name="password"`.
fn part_of_a_form(line: &str) -> Option<&str> {
    let head = line.find("form-data;").map(|at| &line[at..])?;
    let name = head.find(" name=").map(|at| at + " name=".len())?;
    let name = &head[name..];
    let end = name.find([';', ' ']).unwrap_or(name.len());
    Some(name[..end].trim_matches('"'))
}

/// The line that ends a part. It is looked for once, however many parts there are before it.
struct Boundary {
    at: usize,
}

impl Boundary {
    fn behind(&mut self, text: &str, from: usize) -> usize {
        if self.at < from {
            self.at = text[from..].find("\n--").map_or(text.len(), |length| from + length);
        }
        self.at
    }
}

/// Hides what stands behind the head of a part.
fn part(text: &str, head: usize, boundary: &mut Boundary, hidden: &mut Hidden) {
    let start = end_of(text, head, |byte| byte.is_ascii_whitespace());
    let end = boundary.behind(text, head).max(start);
    let value = text[start..end].trim_end();
    if !tells_nothing(value) {
        hidden.hide(start..start + value.len());
    }
}

/// Behind a cookie of its own.
const COOKIE_ATTRIBUTES: &[&str] =
    &["domain=", "expires=", "httponly", "max-age=", "partitioned", "path=", "samesite=", "secure"];

/// The value of a cookie whose attributes follow: `session=hunter2; Path=/`.
fn cookie(line: &str, start: usize, hidden: &mut Hidden) {
    let mut parts = line.split("; ");
    let Some((name, value)) = parts.next().and_then(|cookie| cookie.split_once('=')) else { return };
    let name = name.trim_start();
    let is_attribute = |part: &str| {
        COOKIE_ATTRIBUTES.iter().any(|attribute| {
            part.get(..attribute.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(attribute))
        })
    };
    let is_cookie = !name.is_empty() && name.bytes().all(is_key_byte) && parts.any(is_attribute);
    if is_cookie && !tells_nothing(value) {
        let from = start + (line.find('=').unwrap_or_default() + 1);
        hidden.hide(from..from + value.len());
    }
}

/// Schemes whose credential is one of several parameters, and the parameters.
const ANSWERS: &[(&str, &[&str])] = &[
    ("digest ", &["cnonce=", "nonce=", "response="]),
    ("hawk ", &["ext=", "mac=", "nonce="]),
    ("scram-", &["data="]),
];

/// The answer to a challenge: `Digest username="me", response="hunter2"`.
fn answer(line: &str, start: usize, hidden: &mut Hidden) {
    let find = |text: &str, sought: &str| {
        text.as_bytes().windows(sought.len()).position(|here| here.eq_ignore_ascii_case(sought.as_bytes()))
    };
    for (scheme, parameters) in ANSWERS {
        let Some(begin) = find(line, scheme) else { continue };
        for parameter in *parameters {
            let Some(at) = find(&line[begin..], parameter).map(|at| begin + at + parameter.len()) else {
                continue;
            };
            let value = match quoted(line, at) {
                Some(value) => value.inner,
                None => at..end_of(line, at, |byte| !byte.is_ascii_whitespace() && byte != b','),
            };
            if !tells_nothing(&line[value.clone()]) {
                hidden.hide(start + value.start..start + value.end);
            }
        }
    }
}
