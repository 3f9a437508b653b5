//! A plugin file's bytes, as they were at one moment: a file may be read while it is being written.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::fingerprint::Fingerprint;
use super::folder;

/// How often a file that changes while it is read is read again before the next event is waited for.
const ATTEMPTS: u32 = 5;

/// A file's bytes, with what it was before and after they were read.
type Reading = (Fingerprint, Vec<u8>, Fingerprint);

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
        let (before, bytes, after) = read_once(file).map_err(|reason| (None, reason))?;
        if let Err(reason) = folder::refuse_too_large(bytes.len() as u64) {
            return Err((Some(after), reason));
        }
        match after.unsettled(SystemTime::now()) {
            None if before == after => return Ok((after, bytes)),
            // It was written a moment ago or meanwhile, and may be half written.
            unsettled => pause(unsettled.unwrap_or(Duration::from_millis(1))),
        }
    }
    Err((None, "it is being written all the time".to_owned()))
}

fn read_once(file: &Path) -> Result<Reading, String> {
    use std::os::unix::fs::OpenOptionsExt as _;
    // Not blocking: a pipe by this name would hold the loader up.
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let opened = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(file);
    let opened = opened.map_err(|error| error.to_string())?;
    read_to_end(&opened).map_err(|error| error.to_string())?.ok_or_else(|| "it is no file".to_owned())
}

fn read_to_end(file: &File) -> std::io::Result<Option<Reading>> {
    let before = file.metadata()?;
    if !before.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(folder::MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(Some((Fingerprint::of(&before), bytes, Fingerprint::of(&file.metadata()?))))
}
