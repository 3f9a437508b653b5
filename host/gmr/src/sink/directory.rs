//! A directory of report files: each is private, whole when it appears under its name, and never takes the
//! place of another.
//!
//! The directory is opened at install and held; one that takes its place later is opened instead. What the disk does not
//! take in time is left to a thread of its own.

mod file_name;
mod held;
mod retention;

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

pub(crate) use file_name::{WORD, file_stem, is_report_file};
use gmr_inspect::FileId;
use held::HeldDirectory;
use jiff::Timestamp;
use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::OwnOutput;
use super::bounded_write::Writer;

/// A directory of reports.
pub(crate) struct Directory {
    path: PathBuf,
    /// Locked by whoever writes; the writer lets in one at a time.
    files: Arc<Mutex<Files>>,
    writer: Writer,
}

/// The files in it.
struct Files {
    path: PathBuf,
    service: String,
    keep: Option<u32>,
    /// How many reports this process has tried to write.
    written: u32,
    /// The names of the last ones, as many as may be kept.
    ours: VecDeque<String>,
    /// `None` as long as there was none.
    held: Option<HeldDirectory>,
    output: Arc<OwnOutput>,
}

impl Directory {
    /// Opens the directory, if it is there by the deadline; it may be made later. `output` is told which one it is.
    pub(crate) fn new(
        path: PathBuf,
        service: &str,
        keep: Option<u32>,
        output: Arc<OwnOutput>,
        deadline: Instant,
    ) -> Directory {
        // The process may change its directory later.
        let path = std::path::absolute(&path).unwrap_or(path);
        let files = Files {
            path: path.clone(),
            service: file_stem(service),
            keep,
            written: 0,
            ours: VecDeque::new(),
            held: None,
            output,
        };
        let directory = Directory { path, files: Arc::new(Mutex::new(files)), writer: Writer::default() };
        // A report finds out what is wrong with it, and says so.
        let _ = directory.run(deadline, |files| files.hold().map(drop));
        directory
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a report under a name of its own: `shop_gurumeditation_20261122T140307Z_8675_1.txt`. Then
    /// removes the oldest ones if there are more than are to be kept.
    ///
    /// # Errors
    ///
    /// What the system says, or that it did not take the report by the deadline: it may appear later then.
    pub(crate) fn write(
        &self,
        text: Arc<str>,
        time: Timestamp,
        extension: &'static str,
        deadline: Instant,
    ) -> io::Result<PathBuf> {
        self.run(deadline, move |files| {
            let name = files.write(&text, time, extension)?;
            files.remove_oldest(&name, deadline);
            Ok(files.path.join(name))
        })
    }

    fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        write: impl FnOnce(&mut Files) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let files = self.files.clone();
        self.writer.run(deadline, move || write(&mut files.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Files {
    /// The directory that the path leads to now, or the one that is held if it leads nowhere, as after `chroot`.
    fn hold(&mut self) -> io::Result<&mut HeldDirectory> {
        let open = self.held.as_ref().filter(|held| held.get().is_some()).map(HeldDirectory::id);
        let there = rustix::fs::stat(&self.path).map(|stat| FileId::of(&stat)).ok();
        if open.is_none() || there.is_some_and(|there| Some(there) != open) {
            match HeldDirectory::open(&self.path) {
                Ok(held) => self.held = Some(held),
                Err(error) if open.is_none() => return Err(error),
                Err(_) => {}
            }
        }
        let Some(held) = &mut self.held else { return Err(Errno::NOENT.into()) };
        // Told before anything in it changes.
        self.output.set_directory(held.id());
        Ok(held)
    }

    /// Returns the name.
    fn write(&mut self, text: &str, time: Timestamp, extension: &str) -> io::Result<String> {
        let mut written = self.written + 1;
        let service = self.service.clone();
        let held = self.hold()?;
        let (unfinished, file) = create(held)?;
        let directory = held.get().ok_or(Errno::BADF)?;
        let name = write_all(&file, text.as_bytes()).and_then(|()| {
            loop {
                let name = file_name::of(&service, time, written, extension);
                match rename_to_new(directory, &unfinished, &name) {
                    // Another process with this id, before a reboot or in another container.
                    Err(Errno::EXIST) => written += 1,
                    renamed => return renamed.map(|()| name),
                }
            }
        });
        if name.is_err() {
            let _ = rustix::fs::unlinkat(directory, &unfinished, AtFlags::empty());
        }
        drop(file);
        held.take_spare();
        self.written = written;
        Ok(name?)
    }

    fn remove_oldest(&mut self, name: &str, deadline: Instant) {
        let Some(keep) = self.keep else { return };
        self.ours.push_back(name.to_owned());
        let ours = |name: &str| self.ours.iter().any(|other| other == name);
        if let Some(directory) = self.held.as_ref().and_then(HeldDirectory::get) {
            retention::remove_oldest(directory, (&self.service, keep), name, ours, deadline);
        }
        let surplus = self.ours.len().saturating_sub(keep as usize);
        self.ours.drain(..surplus);
    }
}

/// A new file for its owner alone, and its passing name.
fn create(directory: &mut HeldDirectory) -> Result<(String, OwnedFd), Errno> {
    loop {
        // Each of these states has keys of its own.
        let name = file_name::unfinished(RandomState::new().hash_one(std::process::id()));
        match directory.create(&name) {
            Err(Errno::EXIST) => {}
            created => return created.map(|file| (name, file)),
        }
    }
}

fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(0) => return Err(Errno::NOSPC),
            Ok(taken) => bytes = &bytes[taken..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Renames, but never replaces.
fn rename_to_new(directory: BorrowedFd<'_>, from: &str, to: &str) -> Result<(), Errno> {
    #[cfg(target_os = "linux")]
    match rustix::fs::renameat_with(directory, from, directory, to, rustix::fs::RenameFlags::NOREPLACE) {
        // A file system or a kernel that cannot do it.
        Err(Errno::INVAL | Errno::NOSYS | Errno::PERM) => {}
        renamed => return renamed,
    }
    rustix::fs::linkat(directory, from, directory, to, AtFlags::empty())?;
    rustix::fs::unlinkat(directory, from, AtFlags::empty())
}

#[cfg(test)]
mod tests;
