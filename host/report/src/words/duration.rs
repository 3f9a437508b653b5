//! Lengths of time, in words.

use std::fmt;
use std::time::Duration;

/// A length of time: `41 ms`, `33.1 s`, `3h 51m`; cut, never rounded up into the next unit.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(gmr_report::words::duration(Duration::from_millis(33_190)), "33.1 s");
/// ```
pub fn duration(time: Duration) -> String {
    InWords(time).to_string()
}

/// The same, to be written without an allocation.
pub(crate) struct InWords(pub Duration);

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let mut tenths = |nanoseconds: u128, length: u128, unit: &str| {
            let (whole, tenth) = (nanoseconds / length, nanoseconds % length * 10 / length);
            if whole < 10 && tenth > 0 {
                write!(f, "{whole}.{tenth} {unit}")
            } else {
                write!(f, "{whole} {unit}")
            }
        };
        match self.0.as_nanos() {
            0 => f.write_str("0 s"),
            n if n < 1_000 => write!(f, "{n} ns"),
            n if n < 1_000_000 => tenths(n, 1_000, "µs"),
            n if n < 1_000_000_000 => tenths(n, 1_000_000, "ms"),
            n if n < 60_000_000_000 => match n / 100_000_000 % 10 {
                0 => write!(f, "{seconds} s"),
                tenth => write!(f, "{seconds}.{tenth} s"),
            },
            _ => {
                let parts = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
                let counts = parts.map(|(length, unit)| (seconds / length, unit));
                let first = counts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
                counts[first..].iter().enumerate().take(2).try_for_each(|(at, (count, unit))| {
                    let within = [u64::MAX, 24, 60, 60][first + at];
                    if at == 0 { write!(f, "{count}{unit}") } else { write!(f, " {}{unit}", count % within) }
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (nanoseconds, expected) in [
            (0, "0 s"),
            (999, "999 ns"),
            (1_500, "1.5 µs"),
            (41_700_000, "41 ms"),
            (4_000_000, "4 ms"),
            (999_999_999, "999 ms"),
            (1_040_000_000, "1 s"),
            (33_190_000_000, "33.1 s"),
            (252_000_000_000, "4m 12s"),
            (13_860_000_000_000, "3h 51m"),
            (273_120_000_000_000, "3d 3h"),
            (86_400_000_000_000, "1d 0h"),
        ] {
            assert_eq!(duration(Duration::from_nanos(nanoseconds)), expected);
        }
    }
}
