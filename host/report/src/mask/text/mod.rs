//! Secrets inside a text: each rule marks byte ranges of the text as it was given, and those are replaced together.
//!
//! All rules go through the text once, so that a megabyte takes milliseconds.

mod arguments;
mod elements;
mod encoded;
mod entries;
mod forms;
mod lexer;
mod logins;
mod private_keys;
mod shape;
mod statements;
mod tables;
mod tokens;
mod traits;
mod tuples;
mod urls;
mod value;

use std::borrow::Cow;
use std::ops::Range;

pub(super) use arguments::arguments;
pub(super) use private_keys::{begins_private_key, ends_private_key};
pub(super) use shape::{is_data, is_quantity, tells_nothing};

use super::{MASK, json};
use traits::{NOT_ASCII, Traits};

/// What must not be shown of a text.
#[derive(Default)]
struct Hidden {
    ranges: Vec<Range<usize>>,
}

/// So many passwords of a text are looked for in all of it.
const MOST_REPEATED: usize = 8;

impl Hidden {
    fn hide(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.ranges.push(range);
        }
    }

    /// Hides what looks like a password wherever else in the text it stands, too. Only the first ones: they are searched
    /// for one after the other.
    fn repeat(&mut self, text: &str) {
        let values = self.ranges.iter().filter_map(|range| text.get(range.clone()));
        let values = values.map(|value| value.trim_matches(|c: char| !c.is_alphanumeric()));
        let mut values: Vec<&str> =
            values.filter(|value| shape::is_random(value)).take(MOST_REPEATED).collect();
        values.sort_unstable();
        values.dedup();
        for value in values {
            let places = text.match_indices(value).map(|(at, _)| at..at + value.len());
            self.ranges.extend(places);
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
    let traits = Traits::of(text);
    let mut hidden = Hidden::default();
    let has_options = traits.has(b'-') && text.contains(" -");
    if !traits.names_secret && !traits.has_any(b":=@<>|%$/\\") && !has_options {
        // Most texts: names, and sentences about other things. Tokens may be anywhere.
        tokens::find_all(text, traits, &mut hidden);
        return hidden.apply(text);
    }
    mark(text, traits, &mut hidden);
    encoded::find(text, traits, &mut hidden);
    hidden.repeat(text);
    hidden.apply(text)
}

/// Marks what is secret in a text that stands for itself. A rule is asked where the text has what each of its forms has.
fn mark(text: &str, traits: Traits, hidden: &mut Hidden) {
    if traits.has_any(b"-$") {
        private_keys::find(text, hidden);
    }
    if traits.has(b'%') || traits.has_all(b":/") {
        urls::find(text, hidden);
    }
    logins::find(text, traits, hidden);
    arguments::find(text, traits, hidden);
    if traits.names_secret || traits.has_any(b"?&%") || traits.has(NOT_ASCII) {
        entries::find(text, hidden);
    } else {
        // Without a secret's name and a URL's parameters only the tokens among its words are left to be found.
        tokens::find_all(text, traits, hidden);
    }
    if traits.has(b'=') {
        forms::find(text, hidden);
    }
    if traits.names_secret {
        tables::find(text, hidden);
        tuples::find(text, hidden);
        elements::find(text, hidden);
        statements::find(text, hidden);
    }
}
