//! A plugin file's bytes, as they were at one moment: a file may be read while it is being written.
//!
//! Whoever may add to a plugin folder need not be allowed to read what the process may, nor to touch its devices. So a
//! link is followed within the folder only, and what there is is looked at before it is opened: a pipe, a device or a file
//! of /proc is not. No failure repeats what a file contains.

use std::fs::{File, FileType, Metadata};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::fingerprint::Fingerprint;
use super::folder;
use crate::plugin::beneath;

/// How often a file that changes all the time is looked at before the next event is waited for.
const ATTEMPTS: u32 = 5;

/// What a file is now, without reading it.
///
/// # Errors
///
/// Why it cannot be a plugin whatever it contains, with what it is if its content is why.
pub fn look(file: &Path) -> Result<Fingerprint, (Option<Fingerprint>, String)> {
    let metadata = open(file, beneath::LOOK).and_then(|opened| opened.metadata().map_err(words));
    let metadata = metadata.map_err(|reason| (None, reason))?;
    refuse_what_is_no_file(&metadata).map_err(|reason| (None, reason))?;
    let seen = Fingerprint::of(&metadata);
    // Files of /proc say that they are empty; of some, what is read is gone.
    let is_empty = if metadata.len() == 0 { Err("the file is empty".to_owned()) } else { Ok(()) };
    let content = is_empty.and_then(|()| folder::refuse_too_large(metadata.len()));
    content.map(|()| seen).map_err(|reason| (Some(seen), reason))
}

/// The file's bytes and what it was. `pause` waits for so long, or less if nobody wants the bytes any more.
///
/// # Errors
///
/// Why there are none, with what the file was if that is why.
pub fn read(
    file: &Path,
    pause: impl Fn(Duration),
) -> Result<(Fingerprint, Vec<u8>), (Option<Fingerprint>, String)> {
    for _ in 0..ATTEMPTS {
        let before = look(file)?;
        // It was written a moment ago, and may be half written: it is not read before it could be whole.
        if let Some(unsettled) = before.unsettled(SystemTime::now()) {
            pause(unsettled);
            continue;
        }
        match read_once(file).map_err(|reason| (None, reason))? {
            (bytes, after) if after == before => return Ok((after, bytes)),
            _ => pause(Duration::from_millis(1)),
        }
    }
    Err((None, "it is being written all the time".to_owned()))
}

/// The bytes, and what the file was when they were all read.
fn read_once(file: &Path) -> Result<(Vec<u8>, Fingerprint), String> {
    let opened = open(file, beneath::READ)?;
    // It may be another one by now.
    refuse_what_is_no_file(&opened.metadata().map_err(words)?)?;
    let mut bytes = Vec::new();
    (&opened).take(folder::MOST_BYTES + 1).read_to_end(&mut bytes).map_err(words)?;
    Ok((bytes, Fingerprint::of(&opened.metadata().map_err(words)?)))
}

/// Opens a file beneath the folder that its path names.
fn open(file: &Path, flags: OFlags) -> Result<File, String> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Err("it is no file".to_owned());
    };
    let opened = beneath::directory(folder).and_then(|folder| beneath::open(&folder, Path::new(name), flags));
    opened.map(File::from).map_err(|error| match error {
        Errno::XDEV => {
            "it is a link that leads out of its folder: put the file itself there, or a relative link to \
                        a file within the folder"
                .to_owned()
        }
        error => words(error.into()),
    })
}

fn words(error: std::io::Error) -> String {
    error.to_string()
}

fn refuse_what_is_no_file(metadata: &Metadata) -> Result<(), String> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(format!("it is {}, not a file", kind(metadata.file_type())))
}

fn kind(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[track_caller]
    fn check(folder: &Path, name: &str, expected: Result<&[u8], &str>) {
        let read = read(&folder.join(name), std::thread::sleep);
        let read = read.as_ref().map(|(_, bytes)| &bytes[..]).map_err(|(_, reason)| reason.as_str());
        assert_eq!(read, expected, "{name}");
    }

    #[test]
    fn files_of_the_folder_are_read_and_nothing_else_is_opened() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("secret"), "hunter2").unwrap();
        let folder = root.path().join("plugins");
        std::fs::create_dir_all(folder.join("..data")).unwrap();
        std::fs::write(folder.join("..data/in.wasm"), "content").unwrap();
        std::fs::write(folder.join("empty.wasm"), "").unwrap();
        std::fs::create_dir(folder.join("directory.wasm")).unwrap();
        let pipe = folder.join("pipe.wasm");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.join("socket.wasm")).unwrap();
        for (name, target) in [
            ("in.wasm", "..data/in.wasm"),
            ("out.wasm", "../secret"),
            ("absolute.wasm", "/proc/self/environ"),
            ("device.wasm", "/dev/null"),
        ] {
            symlink(target, folder.join(name)).unwrap();
        }
        let leads_out = "it is a link that leads out of its folder: put the file itself there, or a relative link to \
                         a file within the folder";
        check(&folder, "in.wasm", Ok(b"content"));
        check(&folder, "empty.wasm", Err("the file is empty"));
        check(&folder, "directory.wasm", Err("it is a directory, not a file"));
        check(&folder, "pipe.wasm", Err("it is a pipe, not a file"));
        check(&folder, "socket.wasm", Err("it is a socket, not a file"));
        check(&folder, "out.wasm", Err(leads_out));
        check(&folder, "absolute.wasm", Err(leads_out));
        check(&folder, "device.wasm", Err(leads_out));
        check(Path::new("/dev"), "null", Err("it is a device, not a file"));
        // A folder that is a link may lead anywhere: a file of /proc is not read even there.
        check(Path::new("/proc/self"), "environ", Err("the file is empty"));
    }

    #[test]
    fn a_file_that_is_written_all_the_time_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.wasm");
        std::fs::write(&file, "first").unwrap();
        // Each pause ends with another write, so that it is never settled.
        let pauses = std::cell::Cell::new(0);
        let read = super::read(&file, |_| {
            pauses.set(pauses.get() + 1);
            std::fs::write(&file, format!("{}", pauses.get())).unwrap();
        });
        assert_eq!(read.unwrap_err(), (None, "it is being written all the time".to_owned()));
        assert_eq!(pauses.get(), ATTEMPTS);
    }
}
