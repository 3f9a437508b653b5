//! Reading the kernel's small files whole.

use crate::proc::keys;
use crate::proc_self;
use std::io::Read;
use std::path::Path;

/// No file is read further: a process with more connections than fit has them cut, not the report late.
const MOST_BYTES: u64 = 4 << 20;

/// The file's content, cut at [`MOST_BYTES`]; `None` if it cannot be read.
pub(super) fn read(path: impl AsRef<Path>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    proc_self::open(path.as_ref()).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The file's one number; `None` also for `max`, the kernel's word for no limit.
pub(super) fn number(path: impl AsRef<Path>) -> Option<u64> {
    keys::number(&read(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_none() {
        assert_eq!(read("/proc/self/neither"), None);
    }
}
