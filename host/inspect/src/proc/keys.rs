//! Reads the kernel's small files whole and picks numbers out of them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// No file is read further: a process with more connections than fit has them cut, not the report late.
const MOST_BYTES: u64 = 4 << 20;

/// The file as text, cut at [`MOST_BYTES`]; `None` if it cannot be read.
pub(crate) fn text(path: impl AsRef<Path>) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The file's one number; `None` also for `max`, the kernel's word for no limit.
pub(crate) fn number(path: impl AsRef<Path>) -> Option<u64> {
    text(path)?.trim().parse().ok()
}

/// The words after `key`, in a file of lines such as `VmRSS:   1620 kB` or `oom_kill 0`.
pub(crate) fn after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(key)?;
        rest.strip_prefix(':')
            .or_else(|| rest.starts_with(char::is_whitespace).then_some(rest))
            .map(str::trim)
    })
}

/// The number after `key`.
pub(crate) fn number_after(text: &str, key: &str) -> Option<u64> {
    after(text, key)?.split_whitespace().next()?.parse().ok()
}

/// The size after `key`, which the kernel gives in units of 1024 bytes.
pub(crate) fn bytes_after(text: &str, key: &str) -> Option<u64> {
    let words = after(text, key)?;
    words.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str =
        "Name:\tcat\nVmRSS:\t    1620 kB\nVmRSSx:\t 1 kB\nThreads:\t1\nVmBad:\t lots\noom_kill 3\n";

    #[test]
    fn a_key_is_found_whole_and_its_number_read() {
        assert_eq!(bytes_after(STATUS, "VmRSS"), Some(1620 * 1024));
        assert_eq!(number_after(STATUS, "Threads"), Some(1));
        assert_eq!(number_after(STATUS, "oom_kill"), Some(3));
        assert_eq!(after(STATUS, "Name"), Some("cat"));
    }

    #[test]
    fn what_is_missing_or_no_number_is_none() {
        assert_eq!(bytes_after(STATUS, "VmR"), None);
        assert_eq!(bytes_after(STATUS, "VmBad"), None);
        assert_eq!(number_after(STATUS, "oom"), None);
        assert_eq!(text("/proc/self/neither"), None);
    }
}
