//! `/proc/loadavg`: the system's load.

/// The load over 1, 5 and 15 minutes.
pub(crate) fn parse(text: &[u8]) -> Option<[f64; 3]> {
    let mut words = std::str::from_utf8(text).ok()?.split_whitespace().map(|word| word.parse().ok());
    Some([words.next()??, words.next()??, words.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_three_numbers_or_none() {
        assert_eq!(parse(b"0.41 1.5 2.00 1/123 4567\n"), Some([0.41, 1.5, 2.0]));
        assert_eq!(parse(b"0.41 high 2.00"), None);
        assert_eq!(parse(b""), None);
    }
}
