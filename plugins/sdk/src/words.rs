//! Figures in words, for remarks and other running text.
//!
//! In fields and tables use the typed [`Value`](crate::Value)s instead: programs get them exactly.

pub use gmr_report::words::{bytes, duration};

/// A count with its noun, which takes an `s` in the plural, and commas between thousands.
///
/// ```
/// assert_eq!(gmr_plugin::words::count(1, "thread"), "1 thread");
/// assert_eq!(gmr_plugin::words::count(10_004, "task"), "10,004 tasks");
/// ```
pub fn count(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

/// A whole number with commas between thousands.
///
/// ```
/// assert_eq!(gmr_plugin::words::grouped(1_048_576), "1,048,576");
/// ```
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
