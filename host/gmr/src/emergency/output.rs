//! Where an emergency report goes: a file of its own in the report directory, or standard error; through a buffer that
//! was there before.

use std::ffi::{CStr, CString};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Instant;

use gmr_inspect::HeldDescriptor;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::sink::{Stderr, WORD, file_stem};

/// As much as a pipe takes at once, some times over.
const BUFFER: usize = 16 << 10;

/// A service's name may be long, a file's has at most 255 bytes.
const NAME: usize = 320;

/// As many other reports may have the same second, process and number.
const ATTEMPTS: u32 = 100;

/// The report directory, open since the start: its path may lead elsewhere by now, or nowhere.
pub(super) struct ReportDirectory {
    path: CString,
    held: Option<HeldDescriptor>,
    service: String,
    extension: &'static str,
    /// How many files this process has tried to write.
    written: u32,
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// A planted link is not followed, and no file is taken that is there.
const NEW: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl ReportDirectory {
    /// The directory need not exist yet.
    pub(super) fn new(path: &Path, service: &str, extension: &'static str) -> ReportDirectory {
        // Relative to where the process is now, like the path that was given; a zero byte in it cannot be opened.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let path = CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
        let mut directory =
            ReportDirectory { path, held: None, service: file_stem(service), extension, written: 0 };
        directory.open();
        directory
    }

    pub(super) fn path(&self) -> &CStr {
        &self.path
    }

    fn open(&mut self) {
        let opened = rustix::fs::open(&self.path, DIRECTORY, Mode::empty());
        self.held = opened.ok().and_then(|directory| HeldDescriptor::new(directory).ok());
    }

    /// A new file: `shop_gurumeditation_20261122T140307Z_8675_1_emergency.txt`, mode 0600.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn create(&mut self, time: Timestamp) -> Result<OwnedFd, Errno> {
        if self.held.as_ref().and_then(HeldDescriptor::get).is_none() {
            self.open();
        }
        let directory = self.held.as_ref().and_then(HeldDescriptor::get).ok_or(Errno::NOENT)?;
        let moment = TimeZone::UTC.to_datetime(time);
        let process = std::process::id();
        for _ in 0..ATTEMPTS {
            self.written = self.written.wrapping_add(1);
            let mut name = [0; NAME];
            let written = write!(
                &mut name[..],
                "{}_{WORD}_{:04}{:02}{:02}T{:02}{:02}{:02}Z_{process}_{}_emergency.{}\0",
                self.service,
                moment.year(),
                moment.month(),
                moment.day(),
                moment.hour(),
                moment.minute(),
                moment.second(),
                self.written,
                self.extension,
            );
            let name = CStr::from_bytes_until_nul(&name).ok().filter(|_| written.is_ok());
            let name = name.ok_or(Errno::NAMETOOLONG)?;
            match rustix::fs::openat(directory, name, NEW, Mode::RUSR | Mode::WUSR) {
                Err(Errno::EXIST) => {}
                opened => return opened,
            }
        }
        Err(Errno::EXIST)
    }
}

/// Where the bytes go.
pub(super) enum Sink {
    File(OwnedFd),
    Stderr(Stderr),
}

/// Writes through a buffer, and fails never: what a sink does not take is lost.
pub(super) struct Output<'b> {
    sink: Sink,
    buffer: &'b mut [u8],
    filled: usize,
    /// How many bytes were written to it.
    total: u64,
}

impl<'b> Output<'b> {
    pub(super) fn new(sink: Sink, buffer: &'b mut [u8]) -> Output<'b> {
        Output { sink, buffer, filled: 0, total: 0 }
    }

    pub(super) fn buffer() -> Box<[u8]> {
        // Filled, so that its memory is there when it is needed.
        vec![0xff; BUFFER].into_boxed_slice()
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn stderr(deadline: Instant) -> Sink {
        Sink::Stderr(Stderr::begin_without_allocation(deadline))
    }
}

impl Sink {
    fn take(&mut self, bytes: &[u8]) {
        match self {
            Sink::Stderr(stderr) => {
                // Whole texts were put into the buffer.
                bytes.utf8_chunks().for_each(|chunk| stderr.write(chunk.valid()));
            }
            Sink::File(file) => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    match rustix::io::write(file.as_fd(), rest) {
                        Ok(taken @ 1..) => rest = rest.get(taken..).unwrap_or_default(),
                        Err(Errno::INTR) => {}
                        Ok(0) | Err(_) => break,
                    }
                }
            }
        }
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.total += bytes.len() as u64;
        if bytes.len() > self.buffer.len() - self.filled {
            self.flush()?;
        }
        match self.buffer.get_mut(self.filled..self.filled + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.filled += bytes.len();
            }
            None => self.sink.take(bytes),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.take(self.buffer.get(..self.filled).unwrap_or_default());
        self.filled = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn files(directory: &Path) -> Vec<String> {
        let names = directory.read_dir().unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_private_new_and_marked() {
        let temporary = tempfile::tempdir().unwrap();
        let time: Timestamp = "2026-11-22T14:03:07.412Z".parse().unwrap();
        let process = std::process::id();
        let name = |number| format!("a-b_gurumeditation_20261122T140307Z_{process}_{number}_emergency.txt");
        let victim = temporary.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, temporary.path().join(name(1))).unwrap();
        let mut directory = ReportDirectory::new(temporary.path(), "a/b", "txt");
        let mut buffer = vec![0; 8];
        let mut output = Output::new(Sink::File(directory.create(time).unwrap()), &mut buffer);
        for text in ["one", "and more than the buffer has room for", "end"] {
            writeln!(output, "{text}").unwrap();
        }
        output.flush().unwrap();
        assert_eq!(output.total(), 46);
        assert_eq!(files(temporary.path()), [name(1), name(2), "victim".to_owned()]);
        let written = temporary.path().join(name(2));
        assert_eq!(
            std::fs::read_to_string(&written).unwrap(),
            "one\nand more than the buffer has room for\nend\n"
        );
        assert_eq!(written.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(victim).unwrap(), "precious");
    }

    #[test]
    fn a_directory_that_was_moved_is_still_the_one() {
        let temporary = tempfile::tempdir().unwrap();
        let (before, after) = (temporary.path().join("before"), temporary.path().join("after"));
        let mut late = ReportDirectory::new(&before, "s", "json");
        assert_eq!(late.create(Timestamp::UNIX_EPOCH).unwrap_err(), Errno::NOENT);
        std::fs::create_dir(&before).unwrap();
        let mut held = ReportDirectory::new(&before, "s", "json");
        std::fs::rename(&before, &after).unwrap();
        held.create(Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(files(&after).len(), 1);
        std::fs::create_dir(&before).unwrap();
        late.create(Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(files(&before).len(), 1, "it is made later");
    }
}
