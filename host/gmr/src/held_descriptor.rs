//! A descriptor that is held for long. A program may close all descriptors that it does not know, as daemons do, and its next
//! file has the number: so it is used and closed only as long as it is what was opened.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};

use crate::sink::FileId;

pub(crate) struct HeldDescriptor {
    descriptor: Option<OwnedFd>,
    id: FileId,
}

impl HeldDescriptor {
    /// # Errors
    ///
    /// If the system does not tell what it is.
    pub(crate) fn new(descriptor: OwnedFd) -> io::Result<HeldDescriptor> {
        let id = FileId::of(&rustix::fs::fstat(&descriptor)?);
        Ok(HeldDescriptor { descriptor: Some(descriptor), id })
    }

    pub(crate) fn id(&self) -> FileId {
        self.id
    }

    /// The descriptor, unless it has been closed behind our back.
    pub(crate) fn get(&self) -> Option<BorrowedFd<'_>> {
        let descriptor = self.descriptor.as_ref()?.as_fd();
        (FileId::of_open(descriptor) == Some(self.id)).then_some(descriptor)
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
