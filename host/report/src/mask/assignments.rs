//! Secrets in query strings and connection strings: `key=value`.

use super::MASK;
use super::words::is_secret_key;

/// Replaces the value of every `key=value` whose key is a secret's: in query strings and in connection
/// strings.
pub(super) fn assignments(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(equals) = rest.find('=') {
        let (before, after) = (&rest[..equals], &rest[equals + 1..]);
        let key = before.rsplit(|c: char| !(c.is_alphanumeric() || "_-.".contains(c))).next().unwrap_or("");
        shown.push_str(&rest[..=equals]);
        rest = after;
        if is_secret_key(key) {
            let end = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => after[1..].find(quote).map_or(after.len(), |at| at + 2),
                _ => after.find(|c: char| c.is_whitespace() || ";&,".contains(c)).unwrap_or(after.len()),
            };
            if end > 0 {
                shown.push_str(MASK);
            }
            rest = &after[end..];
        }
    }
    shown.push_str(rest);
    shown
}
