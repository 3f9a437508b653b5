//! `/proc/PID/task/TID/schedstat`: how long and how often a thread has had a processor.

use std::time::Duration;

/// What `schedstat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedstat {
    pub on_processor: Duration,
    /// How often it got a processor.
    pub runs: u64,
}

/// Nanoseconds on processors, nanoseconds waiting for one, how often it got one. `None` on kernels that keep
/// no such figures, where all are zero: a thread that exists has run.
pub(crate) fn parse(bytes: &[u8]) -> Option<Schedstat> {
    let mut figures =
        std::str::from_utf8(bytes).ok()?.split_ascii_whitespace().map_while(|word| word.parse().ok());
    let (on_processor, waiting, runs): (u64, u64, u64) = (figures.next()?, figures.next()?, figures.next()?);
    let is_kept = (on_processor, waiting, runs) != (0, 0, 0) && figures.next().is_none();
    is_kept.then_some(Schedstat { on_processor: Duration::from_nanos(on_processor), runs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_figures_or_nothing() {
        let expected = Schedstat { on_processor: Duration::from_nanos(1500), runs: 7 };
        assert_eq!(parse(b"1500 20 7\n"), Some(expected));
        for nothing in [&b"0 0 0\n"[..], b"", b"1500 20", b"1500 20 x", b"1500 20 7 8", b"\xff 1 2"] {
            assert_eq!(parse(nothing), None);
        }
    }
}
