//! A descriptor that is held for long, in a process that may close it without knowing.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{OFlags, Stat};

/// What a file is, by whatever path or descriptor it is reached: its device and its inode.
///
/// ```
/// use gmr_inspect::FileId;
///
/// let root = std::fs::File::open("/")?;
/// assert_eq!(FileId::at("/".as_ref()), FileId::of_open(&root));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// As the system says.
    #[allow(clippy::unnecessary_cast, reason = "device numbers are narrower on other systems")]
    pub fn of(stat: &Stat) -> FileId {
        FileId { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
    }

    /// What is at the path, behind links; `None` if nothing is.
    pub fn at(path: &Path) -> Option<FileId> {
        rustix::fs::stat(path).ok().map(|stat| FileId::of(&stat))
    }

    /// What is open there; `None` if the descriptor is closed.
    pub fn of_open(descriptor: impl AsFd) -> Option<FileId> {
        rustix::fs::fstat(descriptor).ok().map(|stat| FileId::of(&stat))
    }
}

/// A descriptor that is used, and closed at its end, only while it is still the one that was opened: the application may
/// have closed all descriptors that it does not know, as daemons do, and use the number for something of its own.
///
/// It is told by device, inode and flags. Each use takes two small system calls, and no memory.
///
/// ```
/// use gmr_inspect::HeldDescriptor;
///
/// let held = HeldDescriptor::new(std::fs::File::open("/")?.into())?;
/// assert!(held.get().is_some());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct HeldDescriptor {
    /// There until the end.
    descriptor: Option<OwnedFd>,
    id: FileId,
    flags: OFlags,
}

impl HeldDescriptor {
    /// Holds it.
    ///
    /// # Errors
    ///
    /// If the system does not tell what it is.
    pub fn new(descriptor: OwnedFd) -> io::Result<HeldDescriptor> {
        let id = FileId::of(&rustix::fs::fstat(&descriptor)?);
        let flags = rustix::fs::fcntl_getfl(&descriptor)?;
        Ok(HeldDescriptor { descriptor: Some(descriptor), id, flags })
    }

    /// What it was when it was opened.
    pub fn id(&self) -> FileId {
        self.id
    }

    /// The descriptor, unless it has been closed by someone else.
    pub fn get(&self) -> Option<BorrowedFd<'_>> {
        let descriptor = self.descriptor.as_ref()?.as_fd();
        let same = FileId::of_open(descriptor) == Some(self.id)
            && rustix::fs::fcntl_getfl(descriptor).is_ok_and(|flags| flags == self.flags);
        same.then_some(descriptor)
    }
}

impl Drop for HeldDescriptor {
    fn drop(&mut self) {
        let is_ours = self.get().is_some();
        if let Some(descriptor) = self.descriptor.take()
            && !is_ours
        {
            // Whoever has the number now keeps it.
            let _ = descriptor.into_raw_fd();
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsRawFd as _;

    #[test]
    fn a_number_that_has_become_anothers_is_neither_used_nor_closed() {
        let mut held = HeldDescriptor::new(File::open("/proc").unwrap().into()).unwrap();
        let number = held.get().unwrap().as_raw_fd();
        // As in an application that closes all descriptors, and then opens one of its own.
        let foreign = File::open("/").unwrap();
        rustix::io::dup2(&foreign, held.descriptor.as_mut().unwrap()).unwrap();
        assert!(held.get().is_none());
        drop(held);
        let path = format!("/proc/self/fd/{number}");
        assert_eq!(std::fs::read_link(path).unwrap().to_str(), Some("/"));
    }

    #[test]
    fn the_same_file_opened_otherwise_is_anothers() {
        let path_only = rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY, rustix::fs::Mode::empty());
        let mut held = HeldDescriptor::new(path_only.unwrap()).unwrap();
        rustix::io::dup2(File::open("/").unwrap(), held.descriptor.as_mut().unwrap()).unwrap();
        assert!(held.get().is_none());
        drop(held.descriptor.take());
    }

    #[test]
    fn its_own_is_closed() {
        let (held, other) = std::io::pipe().unwrap();
        drop(HeldDescriptor::new(other.into()).unwrap());
        assert_eq!(rustix::io::read(&held, &mut [0; 1]), Ok(0), "the writing end is gone");
    }
}
