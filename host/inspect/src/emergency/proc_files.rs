//! Files of `/proc/self`, by a descriptor of that directory which is held from the beginning: it is there after a
//! `chroot`, and with a spare one beside it where the process has no descriptors left.

use crate::HeldDescriptor;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;
use std::ffi::CStr;
use std::io::{self, Write as _};
use std::mem::MaybeUninit;

/// The directory `/proc/self`, and a descriptor to give up for a file where no other is left.
#[derive(Debug)]
pub(super) struct ProcFiles {
    directory: HeldDescriptor,
    spare: Option<HeldDescriptor>,
}

const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);

/// Room for `task/4294967295/syscall` and its like.
type Path = [u8; 48];

impl ProcFiles {
    pub fn open() -> io::Result<ProcFiles> {
        let directory = open_directory()?;
        let spare = spare(&directory);
        Ok(ProcFiles { directory, spare })
    }

    /// Makes sure that both are still ours.
    pub fn begin(&mut self) {
        if self.directory.get().is_none()
            && let Ok(directory) = open_directory()
        {
            self.directory = directory;
        }
        self.spare =
            self.spare.take().filter(|spare| spare.get().is_some()).or_else(|| spare(&self.directory));
    }

    /// Gives all ids of threads to `each`, in the kernel's order, which is that of their start.
    pub fn threads(&mut self, mut each: impl FnMut(u32)) -> Result<(), Errno> {
        // Some thirty entries at a time.
        let mut entries = [MaybeUninit::uninit(); 1024];
        let directory = self.file(c"task")?;
        let mut entries = RawDir::new(&directory, &mut entries);
        while let Some(entry) = entries.next() {
            if let Some(id) = entry?.file_name().to_str().ok().and_then(|name| name.parse().ok()) {
                each(id);
            }
        }
        self.close(directory);
        Ok(())
    }

    /// The beginning of a file of a thread's, as much as `into` takes.
    pub fn read_of_thread<'b>(&mut self, id: u32, name: &str, into: &'b mut [u8]) -> Result<&'b [u8], Errno> {
        let mut path: Path = [0; 48];
        write!(&mut path[..], "task/{id}/{name}\0").map_err(|_| Errno::NAMETOOLONG)?;
        let file = self.file(CStr::from_bytes_until_nul(&path).map_err(|_| Errno::NAMETOOLONG)?)?;
        let read = rustix::io::read(&file, &mut *into);
        self.close(file);
        into.get(..read?).ok_or(Errno::IO)
    }

    /// Gives each line of `maps` to `each`, without its line feed. `buffer` has room for the longest one.
    pub fn lines_of_maps(&mut self, buffer: &mut [u8], mut each: impl FnMut(&[u8])) -> Result<(), Errno> {
        let file = self.file(c"maps")?;
        let mut filled = 0;
        let result = loop {
            let read = match rustix::io::read(&file, &mut buffer[filled..]) {
                Ok(0) => break Ok(()),
                Ok(read) => read,
                Err(Errno::INTR) => continue,
                Err(errno) => break Err(errno),
            };
            filled += read;
            let mut begin = 0;
            while let Some(length) = buffer[begin..filled].iter().position(|byte| *byte == b'\n') {
                each(&buffer[begin..begin + length]);
                begin += length + 1;
            }
            buffer.copy_within(begin..filled, 0);
            filled -= begin;
            // A line that is longer than the buffer is none of the kernel's.
            if filled == buffer.len() {
                filled = 0;
            }
        };
        self.close(file);
        result
    }

    /// What a descriptor of this process is.
    pub fn target_of_descriptor<'b>(&self, number: i32, into: &'b mut [u8]) -> Option<&'b [u8]> {
        let mut path: Path = [0; 48];
        write!(&mut path[..], "fd/{number}\0").ok()?;
        let path = CStr::from_bytes_until_nul(&path).ok()?;
        let length = rustix::fs::readlinkat_raw(self.directory.get()?, path, &mut *into).ok()?;
        into.get(..length)
    }

    fn file(&mut self, path: &CStr) -> Result<OwnedFd, Errno> {
        let directory = self.directory.get().ok_or(Errno::BADF)?;
        match rustix::fs::openat(directory, path, READ, Mode::empty()) {
            Err(Errno::MFILE | Errno::NFILE) if self.spare.take().is_some() => {
                rustix::fs::openat(directory, path, READ, Mode::empty())
            }
            opened => opened,
        }
    }

    fn close(&mut self, file: OwnedFd) {
        drop(file);
        if self.spare.is_none() {
            self.spare = spare(&self.directory);
        }
    }
}

fn open_directory() -> io::Result<HeldDescriptor> {
    HeldDescriptor::new(rustix::fs::open(c"/proc/self", READ | OFlags::DIRECTORY, Mode::empty())?)
}

fn spare(directory: &HeldDescriptor) -> Option<HeldDescriptor> {
    HeldDescriptor::new(rustix::io::fcntl_dupfd_cloexec(directory.get()?, 0).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_and_short_reads_come_out_whole() {
        let expected = std::fs::read("/proc/self/maps").unwrap();
        let longest = expected.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap();
        let mut buffer = vec![0; longest + 1];
        let mut lines = 0;
        ProcFiles::open()
            .unwrap()
            .lines_of_maps(&mut buffer, |line| {
                lines += 1;
                assert!(line.contains(&b'-') && !line.contains(&b'\n'), "{line:?}");
            })
            .unwrap();
        assert!(lines > 10);
    }
}
