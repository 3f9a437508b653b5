//! `/proc/PID/mountinfo`: mounted file systems.

/// A mounted file system.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Where it is mounted.
    pub path: String,
    /// What is mounted, such as `/dev/vda1`.
    pub source: String,
    /// Its type, such as `ext4`.
    pub kind: String,
    /// It cannot be written, or not here.
    pub read_only: bool,
}

/// The first `most` mounts of the file, without those whose line is odd.
pub(crate) fn parse(text: &[u8], most: usize) -> Vec<Line> {
    String::from_utf8_lossy(text).lines().filter_map(line).take(most).collect()
}

/// `26 24 0:24 / /dev/pts rw,relatime shared:1 - devpts devpts rw,mode=600`: an unknown number of fields
/// stand before the dash (proc_pid_mountinfo(5)).
fn line(line: &str) -> Option<Line> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(4);
    let (path, options) = (left.next()?, left.next()?);
    let mut right = right.split(' ');
    let (kind, source, of_super) = (right.next()?, right.next()?, right.next().unwrap_or_default());
    let read_only = [options, of_super].iter().any(|options| options.split(',').any(|option| option == "ro"));
    let (path, source) = (unescape(path), unescape(source));
    Some(Line { path, source, kind: kind.to_owned(), read_only })
}

/// The kernel writes blanks, tabs, line feeds and backslashes as three octal digits.
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(text.to_owned(), |text, (code, character)| text.replace(code, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_around_the_optional_ones() {
        let mount =
            line("36 35 98:0 / /mnt/a\\040b ro,noatime master:1 shared:2 - ext3 /dev/root rw,errors=x")
                .unwrap();
        assert_eq!((mount.path.as_str(), mount.kind.as_str()), ("/mnt/a b", "ext3"));
        assert_eq!((mount.source.as_str(), mount.read_only), ("/dev/root", true));
        assert!(!line("36 35 98:0 / /mnt rw - ext3 /dev/root rw,errors=ro-remount").unwrap().read_only);
        assert_eq!(line("36 35 98:0 / /mnt rw ext3"), None);
    }

    #[test]
    fn a_line_that_is_odd_costs_no_other_and_no_more_are_read_than_wanted() {
        let text = b"odd\n1 0 0:1 / /a rw - ext4 /dev/a rw\n2 0 0:2 / /\xff rw - ext4 /dev/b ro\n";
        let found = parse(text, 9);
        assert_eq!(found.iter().map(|line| &*line.path).collect::<Vec<_>>(), ["/a", "/\u{fffd}"]);
        assert_eq!(parse(text, 1).len(), 1);
    }
}
