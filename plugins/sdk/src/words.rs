//! Figures in words, for remarks and other running text.
//!
//! In fields and tables use the typed [`Value`](crate::Value)s instead: the host prints them its own way.

/// A size in bytes, in the largest unit that leaves a number of at least 1, by powers of 1024.
///
/// ```
/// assert_eq!(gmr_plugin::words::bytes(1023), "1023 B");
/// assert_eq!(gmr_plugin::words::bytes(1536), "1.5 KiB");
/// assert_eq!(gmr_plugin::words::bytes(3 << 30), "3.0 GiB");
/// ```
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let power = (bytes.ilog2() / 10) as usize;
    format!("{:.1} {}", bytes as f64 / 1024_f64.powi(power as i32), UNITS[power - 1])
}

/// A length of time given in nanoseconds, in its two largest units.
///
/// ```
/// assert_eq!(gmr_plugin::words::duration(1_500), "1.5 µs");
/// assert_eq!(gmr_plugin::words::duration(41_000_000), "41 ms");
/// assert_eq!(gmr_plugin::words::duration(12_300_000_000), "12.3 s");
/// assert_eq!(gmr_plugin::words::duration(13_860_000_000_000), "3h 51m");
/// assert_eq!(gmr_plugin::words::duration(273_600_000_000_000), "3d 4h");
/// ```
pub fn duration(nanoseconds: u64) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large}{large_unit}"),
        _ => format!("{large}{large_unit} {small}{small_unit}"),
    };
    match seconds {
        0 => below_a_second(nanoseconds),
        1..60 => format!("{} s", short(nanoseconds as f64 / 1e9)),
        60..3600 => two(seconds / 60, "m", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds / 60 % 60, "m"),
        _ => two(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

fn below_a_second(nanoseconds: u64) -> String {
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{} µs", short(nanoseconds as f64 / 1e3)),
        _ => format!("{} ms", short(nanoseconds as f64 / 1e6)),
    }
}

/// With one digit after the point, unless that is 0.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

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
