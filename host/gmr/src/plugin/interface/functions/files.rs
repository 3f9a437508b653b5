//! `files`: files of the host, read only. Granted by path. A path is resolved beneath the directory that the grant names, by the kernel, so that
//! neither `..` nor a link nor a rename at the wrong moment leads out of it.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::Mode;
use rustix::io::Errno;
use wasmtime::Result;

use crate::plugin::Grant;
use crate::plugin::beneath::{self, READ};
use crate::plugin::interface::bindings::wit::files::{FileError, Host};
use crate::plugin::sandbox::store::State;

impl Host for State {
    fn read(&mut self, path: String) -> Result<Result<Vec<u8>, FileError>> {
        self.limiter.count_host_call()?;
        Ok(self.open(&path).and_then(|file| bytes(file, self.limiter.limits().input_bytes)))
    }

    fn text(&mut self, path: String) -> Result<Result<String, FileError>> {
        Ok(self.read(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn names(&mut self, path: String) -> Result<Result<Vec<String>, FileError>> {
        self.limiter.count_host_call()?;
        Ok(self.open(&path).and_then(|directory| names(directory, self.limiter.limits().items)))
    }
}

impl State {
    /// Opens what the plugin asks for, if one of its grants covers it.
    fn open(&self, path: &str) -> Result<OwnedFd, FileError> {
        let wanted: PathBuf = Path::new(path).components().collect();
        let denied = || FileError::Denied(self.identity.denial(&Grant::Read(wanted.clone())));
        if !wanted.is_absolute() || wanted.components().any(|part| part == Component::ParentDir) {
            return Err(denied());
        }
        let granted = self.identity.config.grants.iter().find_map(|grant| match grant {
            Grant::Read(granted) => wanted.strip_prefix(granted).ok().map(|below| (granted, below)),
            _ => None,
        });
        let (granted, below) = granted.ok_or_else(denied)?;
        let granted = self.identity.host_path(granted);
        if below.as_os_str().is_empty() {
            // The path that the operator wrote may itself lead over links.
            return rustix::fs::open(&*granted, READ, Mode::empty()).map_err(failed);
        }
        open_beneath(&granted, below)
    }
}

fn open_beneath(granted: &Path, below: &Path) -> Result<OwnedFd, FileError> {
    let directory = beneath::directory(granted).map_err(failed)?;
    beneath::open(&directory, below, READ).map_err(failed)
}

fn failed(error: Errno) -> FileError {
    match error {
        Errno::NOENT | Errno::NOTDIR => FileError::NotFound,
        // A way that leads out, or has no end.
        Errno::XDEV | Errno::LOOP => FileError::Failed("a link leads out of what is granted".to_owned()),
        Errno::ISDIR => FileError::NotAFile,
        error => FileError::Failed(error.to_string()),
    }
}

fn bytes(file: OwnedFd, limit: u64) -> Result<Vec<u8>, FileError> {
    let file = File::from(file);
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(FileError::NotAFile);
    }
    let mut bytes = Vec::new();
    // Files in /proc do not tell their size, so it is counted while reading.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| FileError::Failed(error.to_string()))?;
    if bytes.len() as u64 > limit { Err(FileError::TooLarge) } else { Ok(bytes) }
}

fn names(directory: OwnedFd, limit: u32) -> Result<Vec<String>, FileError> {
    let entries = rustix::fs::Dir::new(directory).map_err(failed)?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        match entry.file_name().to_string_lossy() {
            name if name == "." || name == ".." => {}
            _ if names.len() == limit as usize => return Err(FileError::TooLarge),
            name => names.push(name.into_owned()),
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn read(granted: &Path, below: &str) -> Result<Vec<u8>, String> {
        let opened = open_beneath(granted, Path::new(below)).and_then(|file| bytes(file, 10));
        opened.map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn nothing_leads_out_of_a_granted_directory() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        let granted = outside.path().join("granted");
        std::fs::create_dir_all(granted.join("below")).unwrap();
        std::fs::write(granted.join("below/file"), "0123456789").unwrap();
        symlink("below/file", granted.join("inward")).unwrap();
        symlink("../secret", granted.join("upward")).unwrap();
        symlink(outside.path().join("secret"), granted.join("absolute")).unwrap();
        symlink(outside.path(), granted.join("directory")).unwrap();

        assert_eq!(read(&granted, "below/file").unwrap(), b"0123456789");
        assert_eq!(read(&granted, "inward").unwrap(), b"0123456789");
        for way_out in ["upward", "absolute", "directory/secret", "../secret", "below/../../secret"] {
            assert!(read(&granted, way_out).unwrap_err().contains("leads out"), "{way_out}");
        }
        assert!(read(&granted, "neither").unwrap_err().contains("NotFound"));
        assert!(read(&granted, "below").unwrap_err().contains("NotAFile"));
    }

    #[test]
    fn a_file_is_read_up_to_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ten"), "0123456789").unwrap();
        std::fs::write(directory.path().join("eleven"), "0123456789a").unwrap();
        assert_eq!(read(directory.path(), "ten").unwrap().len(), 10);
        assert!(read(directory.path(), "eleven").unwrap_err().contains("TooLarge"));
    }

    #[test]
    fn a_pipe_does_not_hold_the_report_up() {
        let directory = tempfile::tempdir().unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            directory.path().join("pipe"),
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        assert!(read(directory.path(), "pipe").unwrap_err().contains("NotAFile"));
    }
}
