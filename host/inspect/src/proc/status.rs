//! `/proc/PID/status` and `/proc/PID/task/TID/status`: effective ids, the signals that a thread blocks, and what a
//! process or thread is called in each namespace.

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

/// What the process or thread is called where this `/proc` belongs, and what it is called in its own namespace.
#[cfg(stacks)]
pub(crate) fn namespace_ids(status: &[u8]) -> Option<(u32, u32)> {
    let mut ids = std::str::from_utf8(keys::after(status, "NSpid")?).ok()?.split_whitespace();
    let outer = ids.next()?;
    Some((outer.parse().ok()?, ids.next_back().unwrap_or(outer).parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(stacks)]
    #[test]
    fn the_first_id_is_the_mounts_and_the_last_the_threads_own() {
        let check = |text: &[u8], expected| assert_eq!(namespace_ids(text), expected);
        check(b"Pid:\t9120\nNSpid:\t9120\n", Some((9120, 9120)));
        check(b"NSpid:\t9120\t31\t2\n", Some((9120, 2)));
        check(b"Pid:\t9120\n", None);
        check(b"NSpid:\tx\n", None);
    }

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
