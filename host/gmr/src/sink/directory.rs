//! A directory of report files: each is private, whole when it appears under its name, and never takes the
//! place of another.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The word between the service's name and the time, as oslo.reports has it.
pub(crate) const WORD: &str = "gurumeditation";

/// A directory of reports.
pub(crate) struct Directory {
    path: PathBuf,
    service: String,
    keep: Option<u32>,
    /// How many reports this process has tried to write.
    written: u32,
}

impl Directory {
    pub(crate) fn new(path: PathBuf, service: &str, keep: Option<u32>) -> Directory {
        Directory { path, service: file_stem(service), keep, written: 0 }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a report under a name of its own: `shop_gurumeditation_20261122T140307Z_8675_1.txt`. Then
    /// removes the oldest ones if there are more than are to be kept.
    pub(crate) fn write(&mut self, text: &str, time: Timestamp, extension: &str) -> io::Result<PathBuf> {
        self.written += 1;
        let moment = time.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut file = tempfile::Builder::new()
            .prefix(".gurumeditation-")
            .suffix(".part")
            .permissions(std::fs::Permissions::from_mode(0o600))
            .tempfile_in(&self.path)?;
        file.write_all(text.as_bytes())?;
        let process = std::process::id();
        let path = loop {
            let name = format!("{}_{WORD}_{moment}_{process}_{}.{extension}", self.service, self.written);
            let path = self.path.join(name);
            match file.persist_noclobber(&path) {
                Ok(_) => break path,
                // Another process with this id, before a reboot or in another container.
                Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => {
                    file = taken.file;
                    self.written += 1;
                }
                Err(error) => return Err(error.error),
            }
        };
        self.remove_oldest();
        Ok(path)
    }

    fn remove_oldest(&self) {
        let Some(keep) = self.keep else { return };
        let Ok(entries) = self.path.read_dir() else { return };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut reports: Vec<_> = names.filter_map(|name| Some((self.age_of(&name)?, name))).collect();
        reports.sort();
        let surplus = reports.len().saturating_sub(keep as usize);
        for (_, name) in &reports[..surplus] {
            // Another process may have removed it first.
            let _ = std::fs::remove_file(self.path.join(name));
        }
    }

    /// The time and the number in a report's name; `None` for names that are not this service's reports.
    fn age_of(&self, name: &str) -> Option<(String, u32)> {
        let rest =
            name.strip_prefix(&self.service)?.strip_prefix('_')?.strip_prefix(WORD)?.strip_prefix('_')?;
        let (rest, _extension) = rest.split_once('.')?;
        let mut parts = rest.split('_');
        let (moment, process, number) = (parts.next()?, parts.next()?, parts.next()?);
        process.parse::<u32>().ok()?;
        (moment.len() == 16 && parts.next().is_none()).then_some((moment.to_owned(), number.parse().ok()?))
    }
}

/// A service's name without what a file name should not have.
pub(crate) fn file_stem(service: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-.".contains(c) { c } else { '-' };
    let stem: String = service.chars().map(plain).collect();
    stem.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = directory.read_dir().unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_private_and_never_replace_each_other() {
        let directory = tempfile::tempdir().unwrap();
        let time: Timestamp = "2026-11-22T14:03:07.412Z".parse().unwrap();
        let mut one = Directory::new(directory.path().to_owned(), "a/b", None);
        let mut other = Directory::new(directory.path().to_owned(), "a/b", None);
        let first = one.write("1", time, "txt").unwrap();
        let second = other.write("2", time, "txt").unwrap();
        let process = std::process::id();
        assert_eq!(
            names(directory.path()),
            [
                format!("a-b_gurumeditation_20261122T140307Z_{process}_1.txt"),
                format!("a-b_gurumeditation_20261122T140307Z_{process}_2.txt"),
            ]
        );
        assert_eq!(
            (std::fs::read_to_string(&first).unwrap(), std::fs::read_to_string(second).unwrap()),
            ("1".into(), "2".into())
        );
        assert_eq!(first.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let victim = directory.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        let reports = directory.path().join("reports");
        std::fs::create_dir(&reports).unwrap();
        let name = format!("s_gurumeditation_20261122T140307Z_{}_1.txt", std::process::id());
        std::os::unix::fs::symlink(&victim, reports.join(&name)).unwrap();
        let time: Timestamp = "2026-11-22T14:03:07Z".parse().unwrap();
        let written = Directory::new(reports.clone(), "s", None).write("report", time, "txt").unwrap();
        assert_ne!(written, reports.join(name));
        assert_eq!(std::fs::read_to_string(victim).unwrap(), "precious");
    }

    #[test]
    fn only_the_newest_of_this_service_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["s_gurumeditation_notes.txt", "t_gurumeditation_20200101T000000Z_1_1.txt", "other.txt"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let mut reports = Directory::new(directory.path().to_owned(), "s", Some(2));
        for second in 0..12 {
            let time = Timestamp::from_second(1_800_000_000 + second / 4).unwrap();
            reports.write("", time, "json").unwrap();
        }
        let process = std::process::id();
        assert_eq!(
            names(directory.path()),
            [
                "other.txt".to_owned(),
                format!("s_gurumeditation_20270115T080002Z_{process}_11.json"),
                format!("s_gurumeditation_20270115T080002Z_{process}_12.json"),
                "s_gurumeditation_notes.txt".to_owned(),
                "t_gurumeditation_20200101T000000Z_1_1.txt".to_owned(),
            ]
        );
    }

    #[test]
    fn a_missing_directory_is_an_error() {
        let mut reports = Directory::new("/nonexistent/reports".into(), "s", None);
        assert_eq!(
            reports.write("", Timestamp::UNIX_EPOCH, "txt").unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
}
