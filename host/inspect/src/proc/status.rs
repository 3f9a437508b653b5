//! `/proc/PID/status` and `/proc/PID/task/TID/status`: effective ids, and the signals that a thread blocks.

use super::keys;

/// The second of the four ids after `Uid` or `Gid`: real, effective, saved, file system.
pub(crate) fn effective_id(status: &[u8], key: &str) -> Option<u32> {
    let ids = std::str::from_utf8(keys::after(status, key)?).ok()?;
    ids.split_whitespace().nth(1)?.parse().ok()
}

/// The signals that the thread's mask blocks, bit 0 for signal 1.
#[cfg(stacks)]
pub(crate) fn blocked_signals(status: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(keys::after(status, "SigBlk")?).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_id_is_the_second() {
        assert_eq!(effective_id(b"Uid:\t1\t2\t3\t4\n", "Uid"), Some(2));
        assert_eq!(effective_id(b"Uid:\t1\n", "Uid"), None);
    }

    #[cfg(stacks)]
    #[test]
    fn masks() {
        let check = |text: &[u8], expected| assert_eq!(blocked_signals(text), expected);
        check(b"Name:\tx\nSigBlk:\t0000000000400000\nSigIgn:\t0\n", Some(1 << 22));
        check(b"Name:\tx\n", None);
        check(b"Name:\tx\nSigBlk:\tmany\n", None);
    }
}
