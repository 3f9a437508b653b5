//! The files that this process writes reports to, known by device and inode: a path may be spelled in many ways, and a
//! report that changes a watched file must not ask for the next one.

use std::io;
use std::sync::{Mutex, PoisonError};

use gmr_inspect::FileId;
use rustix::fs::FileType;

/// Where reports of this process go. Each word is held for as long as a copy of it takes.
#[derive(Debug, Default)]
pub(crate) struct OwnOutput {
    stderr: Mutex<Option<FileId>>,
    directory: Mutex<Option<FileId>>,
}

impl OwnOutput {
    /// Looks which file standard error is now, if it is one: the program may have redirected it.
    pub(crate) fn look_at_stderr(&self) {
        let stat = rustix::fs::fstat(io::stderr()).ok();
        let file = stat.filter(|stat| FileType::from_raw_mode(stat.st_mode).is_file());
        set(&self.stderr, file.map(|stat| FileId::of(&stat)));
    }

    pub(super) fn set_directory(&self, directory: FileId) {
        set(&self.directory, Some(directory));
    }

    pub(crate) fn is_stderr(&self, file: FileId) -> bool {
        *self.stderr.lock().unwrap_or_else(PoisonError::into_inner) == Some(file)
    }

    pub(crate) fn is_directory(&self, file: FileId) -> bool {
        *self.directory.lock().unwrap_or_else(PoisonError::into_inner) == Some(file)
    }
}

fn set(word: &Mutex<Option<FileId>>, file: Option<FileId>) {
    *word.lock().unwrap_or_else(PoisonError::into_inner) = file;
}
