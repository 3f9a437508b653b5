//! A descriptor that is held for long, in a process that may close it without knowing.

use rustix::fs::{Dev, Stat};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

/// A descriptor that is used, and closed at its end, only while it is still the one that was opened: the application may
/// have closed all descriptors that it does not know, as daemons do, and use the number for something of its own.
///
/// ```
/// use gmr_inspect::emergency::HeldDescriptor;
///
/// let held = HeldDescriptor::new(std::fs::File::open("/")?.into())?;
/// assert!(held.get().is_some());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct HeldDescriptor {
    descriptor: ManuallyDrop<OwnedFd>,
    device: Dev,
    inode: u64,
}

impl HeldDescriptor {
    /// Holds it.
    ///
    /// # Errors
    ///
    /// If the kernel does not tell what it is.
    pub fn new(descriptor: OwnedFd) -> io::Result<HeldDescriptor> {
        let Stat { st_dev, st_ino, .. } = rustix::fs::fstat(&descriptor)?;
        Ok(HeldDescriptor { descriptor: ManuallyDrop::new(descriptor), device: st_dev, inode: st_ino })
    }

    /// The descriptor, if it is still what it was.
    pub fn get(&self) -> Option<BorrowedFd<'_>> {
        let now = rustix::fs::fstat(&*self.descriptor).ok()?;
        ((now.st_dev, now.st_ino) == (self.device, self.inode)).then(|| self.descriptor.as_fd())
    }
}

impl Drop for HeldDescriptor {
    fn drop(&mut self) {
        if self.get().is_some() {
            // SAFETY: it was not dropped before, and is not used after this, the end of its owner.
            unsafe { ManuallyDrop::drop(&mut self.descriptor) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd as _;

    #[test]
    fn a_number_that_has_become_anothers_is_neither_used_nor_closed() {
        let mut held = HeldDescriptor::new(std::fs::File::open("/proc").unwrap().into()).unwrap();
        let number = held.get().unwrap().as_raw_fd();
        // As in an application that closes all descriptors, and then opens one of its own.
        let foreign = std::fs::File::open("/").unwrap();
        rustix::io::dup2(&foreign, &mut held.descriptor).unwrap();
        assert!(held.get().is_none());
        drop(held);
        let path = format!("/proc/self/fd/{number}");
        assert_eq!(std::fs::read_link(path).unwrap().to_str(), Some("/"));
    }

    #[test]
    fn its_own_is_closed() {
        let (held, other) = std::io::pipe().unwrap();
        drop(HeldDescriptor::new(other.into()).unwrap());
        assert_eq!(rustix::io::read(&held, &mut [0; 1]), Ok(0), "the writing end is gone");
    }
}
