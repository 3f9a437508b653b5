//! Escaping of control characters, so that a terminal shows them instead of obeying.

/// One line: what would move the cursor, change colours, ring, or turn the direction of writing stands as
/// its escape.
///
/// ```
/// assert_eq!(gmr_report::format::text::escape("red\u{1b}[31m"), "red\\u{1b}[31m");
/// ```
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            c if obeyed(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
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
