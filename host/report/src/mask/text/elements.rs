//! Elements of XML and HTML whose values stand in other elements or attributes than their names:
//! `<key>password</key><string>hunter2</string>`, `<password value="hunter2"/>`, `<credentials><key>hunter2</key></credentials>`.
//! A value between the tags of its name is found by `entries.rs`.

use std::ops::Range;

use super::Hidden;
use super::lexer::{end_of, quoted};
use super::shape::tells_nothing;
use crate::mask::{keys, pairs};

/// How far the value may be from its name, and a closing tag from the opening one.
const LONGEST: usize = 1024;

/// Marks what such elements have for values.
pub(super) fn find(text: &str, hidden: &mut Hidden) {
    let mut named = None;
    let mut read = 0;
    for (at, _) in text.match_indices('<') {
        if at < read {
            continue;
        }
        let Some(tag) = tag(text, at) else { continue };
        let local = tag.name.rsplit(':').next().unwrap_or_default();
        let is_secret = keys::is_secret(local);
        if is_secret || tag.has(|key, value| key == "type" && value == "password") {
            tag.value(text, hidden);
        }
        if tag.is_empty {
            continue;
        }
        let content = content(text, tag.end);
        if is_secret && text[content.clone()].trim().is_empty() {
            read = nested(text, &tag, hidden);
        } else if pairs::is_value(local) && named.take().is_some_and(|name| at - name < LONGEST) {
            let inner = character_data(text, tag.end).unwrap_or(content);
            read = inner.end;
            if !tells_nothing(&text[inner.clone()]) {
                hidden.hide(inner);
            }
        } else if tag.has(|key, value| pairs::is_name(key) && keys::is_secret(value))
            || pairs::is_name(local) && keys::is_secret(text[content].trim())
        {
            named = Some(at);
        }
    }
}

/// An opening tag.
struct Tag<'t> {
    name: &'t str,
    /// What stands between the name and the end.
    rest: Range<usize>,
    text: &'t str,
    end: usize,
    is_empty: bool,
}

fn tag(text: &str, at: usize) -> Option<Tag<'_>> {
    let name_end = end_of(text, at + 1, |byte| byte.is_ascii_alphanumeric() || b":_-.".contains(&byte));
    let name = &text[at + 1..name_end];
    let end = end_of(text, name_end, |byte| byte != b'>' && byte != b'<');
    let is_tag = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.as_bytes().get(end) == Some(&b'>')
        && end - at < LONGEST;
    let is_empty = text[..end].ends_with('/');
    is_tag.then_some(Tag { name, rest: name_end..end, text, end: end + 1, is_empty })
}

impl Tag<'_> {
    /// Whether one of the attributes is so.
    fn has(&self, is_so: impl Fn(&str, &str) -> bool) -> bool {
        let attributes = self.text[self.rest.clone()].split_ascii_whitespace();
        let mut pairs = attributes.filter_map(|attribute| attribute.trim_end_matches('/').split_once('='));
        pairs.any(|(key, value)| is_so(key, value.trim_matches(['"', '\''])))
    }

    /// Marks the attribute that has the value.
    fn value(&self, text: &str, hidden: &mut Hidden) {
        const ATTRIBUTES: [&str; 2] = [" value=", " content="];
        let rest = &text[self.rest.clone()];
        let found =
            ATTRIBUTES.iter().find_map(|key| rest.find(key).map(|at| self.rest.start + at + key.len()));
        if let Some(value) = found.and_then(|from| quoted(&text[..self.end], from))
            && !tells_nothing(&text[value.inner.clone()])
        {
            hidden.hide(value.inner);
        }
    }
}

/// What stands before the next tag.
fn content(text: &str, from: usize) -> Range<usize> {
    from..end_of(text, from, |byte| byte != b'<')
}

/// The inside of `<![CDATA[...]]>`.
fn character_data(text: &str, from: usize) -> Option<Range<usize>> {
    const BEGIN: &str = "<![CDATA[";
    let start = end_of(text, from, |byte| byte.is_ascii_whitespace());
    let inner = text[start..].strip_prefix(BEGIN).map(|_| start + BEGIN.len())?;
    Some(inner..text[inner..].find("]]>").map_or(text.len(), |length| inner + length))
}

/// Marks all between the tags of a secret that has elements below it; returns where to go on.
fn nested(text: &str, tag: &Tag<'_>, hidden: &mut Hidden) -> usize {
    if let Some(inner) = character_data(text, tag.end) {
        hidden.hide(inner.clone());
        return inner.end;
    }
    let near = &text[tag.end..text.floor_char_boundary(tag.end + LONGEST)];
    let closing = near.match_indices("</").map(|(at, _)| at).find(|&at| near[at + 2..].starts_with(tag.name));
    match closing {
        Some(end) if !tells_nothing(&near[..end]) => {
            hidden.hide(tag.end..tag.end + end);
            tag.end + end
        }
        _ => tag.end,
    }
}
