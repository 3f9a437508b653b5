//! Secrets inside a text: each rule marks byte ranges of the text as it was given, and those are replaced together.
//!
//! All rules go through the text once, so that a megabyte takes milliseconds.

mod arguments;
mod entries;
mod lexer;
mod logins;
mod private_keys;
mod tokens;
mod urls;
mod value;

use std::borrow::Cow;
use std::ops::Range;

pub(super) use arguments::arguments;
pub(super) use private_keys::{begins_private_key, ends_private_key};
pub(super) use value::{is_quantity, tells_nothing};

use super::{MASK, json, keys};

/// What must not be shown of a text.
#[derive(Default)]
struct Hidden {
    ranges: Vec<Range<usize>>,
}

impl Hidden {
    fn hide(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.ranges.push(range);
        }
    }

    /// The text with [`MASK`] in place of what is hidden, once for what touches each other.
    fn apply(mut self, text: &str) -> Cow<'_, str> {
        if self.ranges.is_empty() {
            return Cow::Borrowed(text);
        }
        self.ranges.sort_unstable_by_key(|range| range.start);
        let mut shown = String::with_capacity(text.len());
        let mut at = 0;
        for Range { start, end } in self.ranges {
            // Rather a character too much than a panic over half of one.
            let (start, end) = (text.floor_char_boundary(start), text.ceil_char_boundary(end));
            if start > at || shown.is_empty() {
                shown.push_str(&text[at.min(start)..start]);
                shown.push_str(MASK);
            }
            at = at.max(end);
        }
        shown.push_str(&text[at..]);
        if shown == text { Cow::Borrowed(text) } else { Cow::Owned(shown) }
    }
}

/// The text with the secrets inside it replaced by [`MASK`].
///
/// ```
/// use gmr_report::mask;
///
/// assert_eq!(mask::text("redis://:hunter2@cache"), "redis://:***@cache");
/// assert_eq!(mask::text("Authorization: Bearer eyJhbGciOi.J9"), "Authorization: ***");
/// assert_eq!(mask::text("nothing to hide"), "nothing to hide");
/// ```
pub fn text(text: &str) -> Cow<'_, str> {
    match json::masked_text(text) {
        Some(masked) => Cow::Owned(masked),
        None => plain(text),
    }
}

fn plain(text: &str) -> Cow<'_, str> {
    let mut hidden = Hidden::default();
    let is_sign = |byte: u8| b":=@<|%$/\\".contains(&byte);
    if !keys::may_be_secret(text) && !text.bytes().any(is_sign) && !text.contains(" -") {
        // Most texts: names, and sentences about other things. Tokens may be anywhere.
        tokens::find_all(text, &mut hidden);
        return hidden.apply(text);
    }
    private_keys::find(text, &mut hidden);
    urls::find(text, &mut hidden);
    logins::find(text, &mut hidden);
    arguments::find(text, &mut hidden);
    entries::find(text, &mut hidden);
    hidden.apply(text)
}
