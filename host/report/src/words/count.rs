//! Counts of things, in words.

/// A count with its noun: `1 task`, `3 tasks`.
///
/// ```
/// assert_eq!(gmr_report::words::counted(1, "task"), "1 task");
/// assert_eq!(gmr_report::words::counted(0, "thread"), "0 threads");
/// ```
pub fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
