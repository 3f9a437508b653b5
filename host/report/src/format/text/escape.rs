//! Escaping of control characters, so that a terminal shows them instead of obeying.

use std::fmt::{self, Write};

/// One line: what would move the cursor, change colours, ring, turn the direction of writing, or stand there without being
/// seen, stands as its escape.
///
/// ```
/// use gmr_report::format::text::escape;
///
/// assert_eq!(escape("red\u{1b}[31m"), "red\\u{1b}[31m");
/// assert_eq!(escape("thr\u{200b}eads"), "thr\\u{200b}eads");
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
        let mut before = None;
        text.chars().try_for_each(|c| match (before.replace(c), c) {
            (_, '\n') => self.0.write_str("\\n"),
            (_, '\t') => self.0.write_str("\\t"),
            (_, '\r') => self.0.write_str("\\r"),
            (Some(symbol), '\u{fe0e}' | '\u{fe0f}') if has_styles(symbol) => self.0.write_char(c),
            (_, c) if obeyed(c) || unseen(c) => write!(self.0, "{}", c.escape_unicode()),
            (_, c) => self.0.write_char(c),
        })
    }
}

/// Each line of a text, escaped.
pub(super) fn escape_lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(escape)
}

/// Each line of preformatted text, escaped but for its tabs, which only move on.
pub(super) fn escape_preformatted(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| line.split('\t').map(escape).collect::<Vec<_>>().join("\t"))
}

/// Control characters, and Unicode's that turn the direction of writing or break lines.
fn obeyed(c: char) -> bool {
    let reorders =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || reorders || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Characters of which nothing is seen, so that two texts can look the same: Unicode's property
/// [`Default_Ignorable_Code_Point`](https://www.unicode.org/Public/17.0.0/ucd/DerivedCoreProperties.txt), and the annotation
/// marks that have no look either.
fn unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a selector behind it may say that it is shown as text or as an emoji: symbols beyond ASCII. Behind a letter,
/// or one of ASCII, such a selector changes nothing that is seen.
fn has_styles(c: char) -> bool {
    !c.is_ascii() && !c.is_alphanumeric() && !obeyed(c) && !unseen(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        assert_eq!(escape("a\u{1b}[2Jb\nc\u{202e}\u{9b}"), "a\\u{1b}[2Jb\\nc\\u{202e}\\u{9b}");
        assert_eq!(escape("größe 🦀"), "größe 🦀");
    }

    #[test]
    fn what_cannot_be_seen_is_shown() {
        for c in
            ['\u{ad}', '\u{200b}', '\u{200d}', '\u{2060}', '\u{2064}', '\u{feff}', '\u{180e}', '\u{3164}']
        {
            assert_eq!(escape(&format!("thr{c}eads")), format!("thr{}eads", c.escape_unicode()));
        }
        // Tags of every letter of ASCII, and selectors of variants.
        assert_eq!(escape("a\u{e0061}\u{e0100}"), "a\\u{e0061}\\u{e0100}");
        assert_eq!(escape("a\u{fe0f}"), "a\\u{fe0f}");
        assert_eq!(escape("⚠\u{fe0f}\u{fe0f}"), "⚠\u{fe0f}\\u{fe0f}");
        // Marks on letters are seen.
        assert_eq!(escape("e\u{301}"), "e\u{301}");
    }

    #[test]
    fn tabs_are_tabs_in_preformatted_text() {
        let lines: Vec<String> = escape_preformatted("VmPeak:\t  243248 kB\nred\u{1b}[31m\tr\r").collect();
        assert_eq!(lines, ["VmPeak:\t  243248 kB", "red\\u{1b}[31m\tr\\r"]);
        assert_eq!(escape("VmPeak:\t"), "VmPeak:\\t");
    }
}
