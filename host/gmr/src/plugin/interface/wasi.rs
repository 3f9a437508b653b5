//! WASI for one call, with nothing in it but the files and variables that are granted. Sockets and name look-ups are
//! refused.

use std::ffi::OsStr;
use std::path::Path;

use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use super::single_files::SingleFiles;
use super::subject::Identity;
use crate::plugin::Grant;
use crate::plugin::sandbox::output::Captured;

/// Random bytes that one call may ask for; seeds need 32.
const MAX_RANDOM_BYTES: u64 = 64 << 10;

/// The context, and which files of its directories can be seen.
pub fn context(identity: &Identity, output: &Captured) -> (WasiCtx, SingleFiles) {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(output.clone()).stderr(output.clone());
    wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
    wasi.max_random_size(MAX_RANDOM_BYTES);
    // Each call has a thread, so nothing is gained by a pool of others that would stay behind.
    wasi.allow_blocking_current_thread(true);
    for (name, value) in &identity.environment {
        wasi.env(name, value);
    }
    let files = preopen(&mut wasi, identity);
    (wasi.build(), files)
}

/// Opens what the grants name; what is not there is not there for the plugin either.
fn preopen(wasi: &mut WasiCtxBuilder, identity: &Identity) -> SingleFiles {
    let granted = identity.config.grants.iter().filter_map(|grant| match grant {
        Grant::Read(path) => Some(path.as_path()),
        _ => None,
    });
    let (directories, files): (Vec<&Path>, Vec<&Path>) =
        granted.partition(|path| identity.host_path(path).is_dir());
    for (path, name) in directories.iter().filter_map(|path| path.to_str().map(|name| (path, name))) {
        let _ = wasi.preopened_dir(identity.host_path(path), name, FsPerms::ReadOnly);
    }
    let mut single = SingleFiles::default();
    // In a directory that is granted as a whole, what is beside the file would be hidden.
    for file in files.iter().filter(|file| !directories.iter().any(|directory| file.starts_with(directory))) {
        let (Some(parent), Some(name)) = (file.parent(), file.file_name().and_then(OsStr::to_str)) else {
            continue;
        };
        if let Some(directory) = parent.to_str()
            && single.grant(directory, name)
        {
            let _ = wasi.preopened_dir(identity.host_path(parent), directory, FsPerms::ReadOnly);
        }
    }
    single
}
