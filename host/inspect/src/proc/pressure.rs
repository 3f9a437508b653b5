//! Pressure on a resource, in `/proc/pressure` and the control group's files: how long tasks stalled for want
//! of it.

use super::keys;
use std::time::Duration;

/// How long tasks stalled.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stall {
    /// Shares of the last 10, 60 and 300 seconds, in percent.
    pub averages: [f64; 3],
    /// In all.
    pub total: Duration,
}

/// The line of `some` or `full` tasks that stalled.
pub(crate) fn stall(text: &[u8], tasks: &str) -> Option<Stall> {
    parse(std::str::from_utf8(keys::after(text, tasks)?).ok()?)
}

/// `avg10=4.07 avg60=3.76 avg300=9.73 total=297307769`, the total in microseconds.
fn parse(text: &str) -> Option<Stall> {
    let value =
        |key: &str| text.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    let average = |key: &str| value(key)?.parse().ok();
    Some(Stall {
        averages: [average("avg10")?, average("avg60")?, average("avg300")?],
        total: Duration::from_micros(value("total")?.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lines_are_read() {
        let text =
            b"some avg10=1.50 avg60=0.00 avg300=0.25 total=7\nfull avg10=x avg60=0.00 avg300=0.25 total=7\n";
        let expected = Stall { averages: [1.5, 0.0, 0.25], total: Duration::from_micros(7) };
        assert_eq!(stall(text, "some"), Some(expected));
        assert_eq!((stall(text, "full"), stall(b"", "some")), (None, None));
    }
}
