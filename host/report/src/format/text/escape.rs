//! Escaping of control characters, so that a terminal shows them instead of obeying.

use std::fmt::{self, Write};

/// One line: what would move the cursor, change colours, ring, or turn the direction of writing stands as
/// its escape.
///
/// ```
/// assert_eq!(gmr_report::format::text::escape("red\u{1b}[31m"), "red\\u{1b}[31m");
/// ```
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    // Writing to a string cannot fail.
    let _ = Escaped(&mut shown).write_str(text);
    shown
}

/// Passes text on, escaped like [`escape`], without an allocation.
pub(in crate::format) struct Escaped<'o>(pub &'o mut dyn Write);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c {
            '\n' => self.0.write_str("\\n"),
            '\t' => self.0.write_str("\\t"),
            '\r' => self.0.write_str("\\r"),
            c if obeyed(c) => write!(self.0, "{}", c.escape_unicode()),
            c => self.0.write_char(c),
        })
    }
}

/// Each line of a text, escaped.
pub(super) fn escape_lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(escape)
}

/// Control characters, and Unicode's invisible ones that turn the direction of writing or break lines.
fn obeyed(c: char) -> bool {
    let reorders = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || reorders || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        assert_eq!(escape("a\u{1b}[2Jb\nc\u{202e}\u{9b}"), "a\\u{1b}[2Jb\\nc\\u{202e}\\u{9b}");
        assert_eq!(escape("größe 🦀"), "größe 🦀");
    }
}
