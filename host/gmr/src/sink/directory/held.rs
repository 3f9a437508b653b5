//! A directory that is held open, so that it can be written to after `chroot`, and when it has been moved.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::sink::FileId;

/// The descriptor of a directory, and one more, which is given up when the process has no other left. Either is used and
/// closed only as long as it is what was opened: a program may close all descriptors that it does not know, and its next
/// file has the number.
pub(super) struct HeldDirectory {
    descriptor: Option<OwnedFd>,
    spare: Option<OwnedFd>,
    id: FileId,
}

impl HeldDirectory {
    pub(super) fn open(path: &Path) -> io::Result<HeldDirectory> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        let id = FileId::of(&rustix::fs::fstat(&descriptor)?);
        let mut held = HeldDirectory { descriptor: Some(descriptor), spare: None, id };
        held.take_spare();
        Ok(held)
    }

    pub(super) fn id(&self) -> FileId {
        self.id
    }

    /// The descriptor, unless it has been closed behind our back.
    pub(super) fn get(&self) -> Option<BorrowedFd<'_>> {
        self.ours(&self.descriptor)
    }

    fn ours<'d>(&self, descriptor: &'d Option<OwnedFd>) -> Option<BorrowedFd<'d>> {
        let descriptor = descriptor.as_ref()?.as_fd();
        let is = FileId::of(&rustix::fs::fstat(descriptor).ok()?);
        (is == self.id).then_some(descriptor)
    }

    /// Opens a new file in it, also if no descriptor is left.
    pub(super) fn create(&mut self, name: &str) -> Result<OwnedFd, Errno> {
        match self.create_once(name) {
            Err(Errno::MFILE | Errno::NFILE) => {
                self.give_up_spare();
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

    /// Makes up for a spare descriptor that was given up.
    pub(super) fn take_spare(&mut self) {
        if self.ours(&self.spare).is_none() {
            self.give_up_spare();
            self.spare =
                self.get().and_then(|descriptor| rustix::io::fcntl_dupfd_cloexec(descriptor, 3).ok());
        }
    }

    fn give_up_spare(&mut self) {
        let spare = self.spare.take();
        self.close(spare);
    }

    fn close(&self, descriptor: Option<OwnedFd>) {
        let is_ours = self.ours(&descriptor).is_some();
        if let Some(descriptor) = descriptor
            && !is_ours
        {
            // Whoever has the number now keeps it.
            let _ = descriptor.into_raw_fd();
        }
    }
}

impl Drop for HeldDirectory {
    fn drop(&mut self) {
        self.give_up_spare();
        let descriptor = self.descriptor.take();
        self.close(descriptor);
    }
}
