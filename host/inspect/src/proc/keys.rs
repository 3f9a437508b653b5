//! Files of lines with a key and a value, such as `VmRSS:   1620 kB` or `oom_kill 0`, and files of one
//! number.

/// The words after `key`.
pub(crate) fn after<'a>(text: &'a [u8], key: &str) -> Option<&'a [u8]> {
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let rest = line.strip_prefix(key.as_bytes())?;
        let value = match rest {
            [b':', value @ ..] => value,
            [b' ' | b'\t', ..] => rest,
            _ => return None,
        };
        Some(value.trim_ascii())
    })
}

/// The file's one number; `None` also for `max`, the kernel's word for no limit.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

/// The first number after `key`.
pub(crate) fn number_after(text: &[u8], key: &str) -> Option<u64> {
    number(after(text, key)?.split(u8::is_ascii_whitespace).next()?)
}

/// The size after `key`, which the kernel gives in units of 1024 bytes.
pub(crate) fn bytes_after(text: &[u8], key: &str) -> Option<u64> {
    number(after(text, key)?.strip_suffix(b"kB")?)?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &[u8] =
        b"Name:\tc\xffat\nVmRSS:\t    1620 kB\nVmRSSx:\t 1 kB\nThreads:\t1\nVmBad:\t lots\noom_kill 3\n";

    #[test]
    fn a_key_is_found_whole_and_its_number_read() {
        assert_eq!(bytes_after(STATUS, "VmRSS"), Some(1620 * 1024));
        assert_eq!(number_after(STATUS, "Threads"), Some(1));
        assert_eq!(number_after(STATUS, "oom_kill"), Some(3));
        assert_eq!(after(STATUS, "Name"), Some(&b"c\xffat"[..]));
        assert_eq!(number(b"17\n"), Some(17));
    }

    #[test]
    fn what_is_missing_or_no_number_is_none() {
        assert_eq!(bytes_after(STATUS, "VmR"), None);
        assert_eq!(bytes_after(STATUS, "VmBad"), None);
        assert_eq!(number_after(STATUS, "oom"), None);
        assert_eq!(after(STATUS, "Vm"), None, "a key is no beginning of another");
        assert_eq!(number(b"max\n"), None);
    }
}
