//! `/proc/self/maps`, reduced to what names code: mappings of files and executable ones. It takes no
//! stand on what is a module.

use std::ops::Range;

/// One line of `/proc/self/maps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub range: Range<u64>,
    pub readable: bool,
    pub executable: bool,
    /// Where in the file it begins.
    pub offset: u64,
    /// The file's path as the kernel prints it, without ` (deleted)`; empty for anonymous memory.
    pub path: String,
    /// The file is no longer at that path.
    pub deleted: bool,
}

impl Mapping {
    /// Whether a file (or the kernel's own vDSO) stands behind it.
    pub fn has_file(&self) -> bool {
        self.path.starts_with('/') || self.path == VDSO
    }
}

/// The kernel's name of the code that it maps into every process.
pub(crate) const VDSO: &str = "[vdso]";

/// The mappings that matter, in the order of their addresses. Lines that cannot be read are left out.
pub(crate) fn parse(text: &[u8]) -> Vec<Mapping> {
    text.split(|byte| *byte == b'\n').filter_map(parse_line).collect()
}

/// A line of `/proc/self/maps` that matters, borrowed from what was read: to be had without an allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'b> {
    pub range: Range<u64>,
    pub readable: bool,
    pub executable: bool,
    pub offset: u64,
    /// As the kernel prints it, which escapes a line feed as an octal number, but without ` (deleted)`.
    pub path: &'b [u8],
    pub deleted: bool,
}

fn parse_line(line: &[u8]) -> Option<Mapping> {
    let Line { range, readable, executable, offset, path, deleted } = Line::parse(line)?;
    // The kernel escapes a line feed, and nothing else, as an octal number.
    let path = String::from_utf8_lossy(path).replace("\\012", "\n");
    Some(Mapping { range, readable, executable, offset, path, deleted })
}

impl Line<'_> {
    /// `start-end perms offset device inode path`, see proc_pid_maps(5).
    pub fn parse(line: &[u8]) -> Option<Line<'_>> {
        let mut fields = line.splitn(6, |byte| *byte == b' ');
        let mut bounds = fields.next()?.splitn(2, |byte| *byte == b'-');
        let start = hexadecimal(bounds.next()?)?;
        let end = hexadecimal(bounds.next()?)?;
        let permissions = fields.next()?;
        let offset = hexadecimal(fields.next()?)?;
        let (_device, _inode) = (fields.next()?, fields.next()?);
        let path = fields.next().unwrap_or_default().trim_ascii_start();

        let executable = permissions.get(2) == Some(&b'x');
        let named = path.starts_with(b"/") || path == VDSO.as_bytes();
        if start >= end || !(executable || named) {
            return None;
        }
        let (path, deleted) = match path.strip_suffix(b" (deleted)") {
            Some(path) => (path, true),
            None => (path, false),
        };
        Some(Line {
            range: start..end,
            readable: permissions.first() == Some(&b'r'),
            executable,
            offset,
            path,
            deleted,
        })
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(Range<u64>, bool, u64, &str, bool)>) {
        let found = parse(line.as_bytes()).pop();
        let found = found.map(|m| (m.range, m.executable, m.offset, m.path, m.deleted));
        assert_eq!(found, expected.map(|(r, x, o, p, d)| (r, x, o, p.to_owned(), d)), "{line}");
    }

    #[test]
    fn lines() {
        check(
            "55d0-55e0 r-xp 00002000 fe:01 1234                       /usr/bin/a b",
            Some((0x55d0..0x55e0, true, 0x2000, "/usr/bin/a b", false)),
        );
        check(
            "1000-2000 r--p 00000000 00:01 7 /memfd:x (deleted)",
            Some((0x1000..0x2000, false, 0, "/memfd:x", true)),
        );
        check(
            "1000-2000 r-xp 00000000 00:00 0                          [vdso]",
            Some((0x1000..0x2000, true, 0, "[vdso]", false)),
        );
        check("1000-2000 rwxp 00000000 00:00 0 ", Some((0x1000..0x2000, true, 0, "", false)));
        check("1000-2000 r--p 0 0:0 5 /a\\012b", Some((0x1000..0x2000, false, 0, "/a\nb", false)));
    }

    #[test]
    fn what_names_no_code_is_left_out() {
        check("1000-2000 rw-p 00000000 00:00 0                          [heap]", None);
        check("1000-2000 rw-p 00000000 00:00 0 ", None);
    }

    #[test]
    fn nonsense_is_left_out() {
        for line in
            ["", "x", "2000-1000 r-xp 0 0:0 0 /a", "1000-zz r-xp 0 0:0 0 /a", "1000-2000", "1000-2000 r-xp"]
        {
            check(line, None);
        }
    }
}
