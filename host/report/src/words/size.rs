//! Sizes in bytes, in words.

/// A size: `512 B`, `1.2 GiB`; powers of 1024.
///
/// ```
/// assert_eq!(gmr_report::words::bytes(1_288_490_189), "1.2 GiB");
/// ```
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if size < 1024 {
        return format!("{size} B");
    }
    let mut scaled = size as f64;
    let mut unit = "";
    for next in UNITS {
        // What would be printed as 1024.0 belongs to the next unit.
        if scaled < 1023.95 {
            break;
        }
        (scaled, unit) = (scaled / 1024.0, next);
    }
    format!("{scaled:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        for (size, expected) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_048_575, "1.0 MiB"), (u64::MAX, "16.0 EiB")]
        {
            assert_eq!(bytes(size), expected);
        }
    }
}
