//! Durations and sizes as people write them.

use std::time::Duration;

use jiff::fmt::friendly::SpanParser;

/// Reads `1` and `0.25` (seconds), `250ms`, `2s`, `1.5 min`, `1h 30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let duration = match text.parse() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => SpanParser::new().parse_unsigned_duration(text).ok(),
    };
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| format!("must be a positive duration such as 1, 0.25 or \"250ms\", not `{text}`"))
}

/// Reads `65536`, `64KiB`, `16 MiB`, `1GiB` (powers of 1024) or `64kB`, `16 MB`, `1GB` (of 1000).
#[cfg(feature = "plugin")]
pub(super) fn size(text: &str) -> Result<u64, String> {
    let refuse = || format!("must be a size such as 65536 or \"16 MiB\", not `{text}`");
    let trimmed = text.trim();
    let digits = trimmed.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match trimmed[digits.len()..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err(refuse()),
    };
    let number: u64 = digits.trim().parse().map_err(|_| refuse())?;
    number.checked_mul(factor).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_have_a_unit() {
        for (text, milliseconds) in [
            ("1", 1000),
            ("0.25", 250),
            ("1e-1", 100),
            ("250ms", 250),
            (" 250 ms ", 250),
            ("5000us", 5),
            ("2s", 2000),
            ("0.5s", 500),
            ("1m", 60_000),
            ("1.5 min", 90_000),
            ("1h", 3_600_000),
            ("1h 30m", 5_400_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "0", "0s", "-1", "-1s", "1s ago", "inf", "NaN", "1 day", "1e300", "soon", "s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    #[cfg(feature = "plugin")]
    fn sizes_are_bytes_or_have_a_unit() {
        for (text, bytes) in [
            ("65536", 65536),
            ("7B", 7),
            ("64KiB", 64 << 10),
            ("16 MiB", 16 << 20),
            ("1GiB", 1 << 30),
            ("64kB", 64_000),
            ("16 MB", 16_000_000),
            ("1GB", 1_000_000_000),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5 MiB", "1 QiB", "18446744073709551615 KiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
