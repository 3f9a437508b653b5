//! A directory that is held open, so that it can be written to after `chroot`, and when it has been moved.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use gmr_inspect::{FileId, HeldDescriptor};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

/// The descriptor of a directory, and one more, which is given up when the process has no other left.
pub(super) struct HeldDirectory {
    directory: HeldDescriptor,
    spare: Option<HeldDescriptor>,
}

impl HeldDirectory {
    pub(super) fn open(path: &Path) -> io::Result<HeldDirectory> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = HeldDescriptor::new(rustix::fs::openat(CWD, path, flags, Mode::empty())?)?;
        let mut held = HeldDirectory { directory, spare: None };
        held.take_spare();
        Ok(held)
    }

    pub(super) fn id(&self) -> FileId {
        self.directory.id()
    }

    /// The descriptor, unless it has been closed behind our back.
    pub(super) fn get(&self) -> Option<BorrowedFd<'_>> {
        self.directory.get()
    }

    /// Opens a new file in it, also if no descriptor is left.
    pub(super) fn create(&mut self, name: &str) -> Result<OwnedFd, Errno> {
        match self.create_once(name) {
            Err(Errno::MFILE | Errno::NFILE) => {
                self.spare = None;
                self.create_once(name)
            }
            created => created,
        }
    }

    fn create_once(&self, name: &str) -> Result<OwnedFd, Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = self.get().ok_or(Errno::BADF)?;
        rustix::fs::openat(directory, name, flags, Mode::RUSR | Mode::WUSR)
    }

    /// Makes up for a spare descriptor that was given up or closed.
    pub(super) fn take_spare(&mut self) {
        if self.spare.as_ref().is_none_or(|spare| spare.get().is_none()) {
            let duplicate = |directory| rustix::io::fcntl_dupfd_cloexec(directory, 0).ok();
            self.spare = self.get().and_then(duplicate).and_then(|spare| HeldDescriptor::new(spare).ok());
        }
    }
}
