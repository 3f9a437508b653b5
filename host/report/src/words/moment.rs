//! Points in time, in words.

use jiff::Timestamp;

/// A point in time in UTC, to the millisecond, cut.
///
/// ```
/// let moment = "2026-11-22T14:03:07.412999Z".parse().unwrap();
/// assert_eq!(gmr_report::words::moment(moment), "2026-11-22T14:03:07.412Z");
/// ```
pub fn moment(moment: Timestamp) -> String {
    format!("{moment:.3}")
}
