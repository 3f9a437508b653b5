//! Texts that are written in another notation's characters: in XML's (`&quot;`), in a URL's (`%22`), in the escapes of a
//! string (`\n`, `\u0022`). They are read as what they stand for, and what is a secret there is marked here.

use std::ops::Range;

use super::traits::Traits;
use super::{Hidden, mark};

/// How often a text is read so: a URL may be a parameter of another one that stands in JSON.
const DEPTH: u32 = 2;

/// Marks what is a secret in the text that this one stands for.
pub(super) fn find(text: &str, traits: Traits, hidden: &mut Hidden) {
    decoded(text, traits, hidden, DEPTH);
}

fn decoded(text: &str, traits: Traits, hidden: &mut Hidden, depth: u32) {
    if !traits.has_any(b"&%\\") {
        return;
    }
    for notation in [entity, percent, escape] {
        let Some(read) = Read::of(text, notation) else { continue };
        let (mut inner, traits) = (Hidden::default(), Traits::of(&read.text));
        mark(&read.text, traits, &mut inner);
        if depth > 1 {
            decoded(&read.text, traits, &mut inner, depth - 1);
        }
        inner.ranges.into_iter().for_each(|range| hidden.hide(read.origin(&range)));
    }
}

/// What a text stands for.
struct Read {
    text: String,
    /// Behind each character that was written in several: where, and where in the text that was read.
    places: Vec<(usize, usize)>,
}

/// A character that is written in several at the start of a text, and how many bytes those are.
type Notation = fn(&str) -> Option<(char, usize)>;

impl Read {
    /// None if nothing is written so.
    fn of(text: &str, notation: Notation) -> Option<Read> {
        let mut read = Read { text: String::new(), places: Vec::new() };
        let mut at = 0;
        for (found, _) in text.match_indices(['&', '%', '\\']) {
            if found < at {
                continue;
            }
            let Some((character, length)) = notation(&text[found..]) else { continue };
            read.text.push_str(&text[at..found]);
            read.text.push(character);
            at = found + length;
            read.places.push((read.text.len(), at));
        }
        read.text.push_str(&text[at..]);
        (!read.places.is_empty()).then_some(read)
    }

    /// Where a part of what was read is written.
    fn origin(&self, range: &Range<usize>) -> Range<usize> {
        self.place(range.start)..self.place(range.end)
    }

    fn place(&self, at: usize) -> usize {
        let next = self.places.partition_point(|(place, _)| *place <= at);
        match next.checked_sub(1).map(|before| self.places[before]) {
            Some((place, origin)) => origin + (at - place),
            None => at,
        }
    }
}

/// Of XML and HTML.
fn entity(text: &str) -> Option<(char, usize)> {
    const NAMED: &[(&str, char)] = &[("amp", '&'), ("apos", '\''), ("gt", '>'), ("lt", '<'), ("quot", '"')];
    const LONGEST: usize = 9;
    let rest = text.strip_prefix('&')?;
    let end = rest.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = &rest[..end];
    let named = NAMED.iter().find(|(known, _)| *known == name).map(|(_, character)| *character);
    let numbered = || match name.strip_prefix('#')?.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => name[1..].parse().ok(),
    };
    let character = named.or_else(|| numbered().and_then(char::from_u32))?;
    Some((character, end + 2))
}

/// Of URLs (RFC 3986). Other characters than ASCII's stay as they are.
fn percent(text: &str) -> Option<(char, usize)> {
    let digits = text.strip_prefix('%')?.get(..2)?;
    let byte = u8::from_str_radix(digits, 16).ok().filter(u8::is_ascii)?;
    Some((char::from(byte), 3))
}

/// Of strings in JSON (RFC 8259) and most languages. A quote with a backslash before it stays: it ends no string.
fn escape(text: &str) -> Option<(char, usize)> {
    let rest = text.strip_prefix('\\')?;
    let simple = match rest.bytes().next()? {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let character = char::from_u32(u32::from_str_radix(rest.get(1..5)?, 16).ok()?)?;
            return Some((character, 6));
        }
        b'x' => {
            let byte = u8::from_str_radix(rest.get(1..3)?, 16).ok().filter(u8::is_ascii)?;
            return Some((char::from(byte), 4));
        }
        _ => return None,
    };
    Some((simple, 2))
}
