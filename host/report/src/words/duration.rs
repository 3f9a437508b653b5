//! Lengths of time, in words.

use std::time::Duration;

/// A length of time: `41 ms`, `33.1 s`, `3h 51m`; cut, never rounded up into the next unit.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(gmr_report::words::duration(Duration::from_millis(33_190)), "33.1 s");
/// ```
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let tenths = |nanoseconds: u128, unit: u128| {
        let (whole, tenth) = (nanoseconds / unit, nanoseconds % unit * 10 / unit);
        if whole < 10 && tenth > 0 { format!("{whole}.{tenth}") } else { whole.to_string() }
    };
    match time.as_nanos() {
        0 => "0 s".to_owned(),
        n if n < 1_000 => format!("{n} ns"),
        n if n < 1_000_000 => format!("{} µs", tenths(n, 1_000)),
        n if n < 1_000_000_000 => format!("{} ms", tenths(n, 1_000_000)),
        n if n < 60_000_000_000 => match n / 100_000_000 % 10 {
            0 => format!("{seconds} s"),
            tenth => format!("{seconds}.{tenth} s"),
        },
        _ => {
            let parts = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
            let counts = parts.map(|(length, unit)| (seconds / length, unit));
            let first = counts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
            let shown = counts[first..].iter().enumerate().take(2).map(|(at, (count, unit))| {
                let within = [u64::MAX, 24, 60, 60][first + at];
                format!("{}{unit}", if at == 0 { *count } else { count % within })
            });
            shown.collect::<Vec<_>>().join(" ")
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
