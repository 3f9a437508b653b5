//! A library whose initialiser waits until it is told to go on. The thread that loads it holds the dynamic loader's lock
//! meanwhile.

use std::ffi::CString;
use std::io::{PipeReader, PipeWriter, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{skip, wait_until};

/// Reads a byte from a descriptor that it is told when it is compiled, and says by another that it is about to.
const SOURCE: &str = "
#include <unistd.h>
__attribute__((constructor)) static void hang(void) {
    char byte = 0;
    if (write(BEGUN, &byte, 1) == 1) while (read(GO_ON, &byte, 1) < 0) {}
}
";

/// A thread that hangs in the library's initialiser as long as this lives.
pub struct HangingLibrary {
    file: PathBuf,
    go_on: PipeWriter,
    /// Open for the initialiser.
    _others: (PipeReader, PipeWriter, PipeReader),
}

impl HangingLibrary {
    /// Compiles the library into this folder and loads it on a thread of this name; returns when that hangs. `None` without
    /// a C compiler.
    pub fn load(folder: &str, thread: &str) -> Option<HangingLibrary> {
        let (begun, begins) = std::io::pipe().unwrap();
        let (waits, goes_on) = std::io::pipe().unwrap();
        let file = PathBuf::from(folder).join(format!("hanging-{}.so", std::process::id()));
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let compiling = Command::new(&compiler)
            .args(["-shared", "-fPIC", "-x", "c", "-", "-o"])
            .arg(&file)
            .arg(format!("-DBEGUN={}", begins.as_raw_fd()))
            .arg(format!("-DGO_ON={}", waits.as_raw_fd()))
            .stdin(Stdio::piped())
            .spawn();
        let mut compiling = match compiling {
            Ok(compiling) => compiling,
            Err(error) => {
                skip(format_args!("no C compiler ({}): {error}", compiler.display()));
                return None;
            }
        };
        compiling.stdin.take().unwrap().write_all(SOURCE.as_bytes()).unwrap();
        assert!(compiling.wait().unwrap().success());
        let path = CString::new(file.as_os_str().as_bytes()).unwrap();
        let load = move || {
            // SAFETY: its one initialiser writes to and reads from pipes.
            unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        };
        std::thread::Builder::new().name(thread.to_owned()).spawn(load).unwrap();
        let mut wait = libc::pollfd { fd: begun.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        wait_until("the initialiser has begun", || {
            // SAFETY: one entry, which lives through the call.
            unsafe { libc::poll(&raw mut wait, 1, 10) == 1 }
        });
        Some(HangingLibrary { file, go_on: goes_on, _others: (begun, begins, waits) })
    }

    /// Lets the initialiser return.
    pub fn release(mut self) {
        self.go_on.write_all(&[0]).unwrap();
        std::fs::remove_file(&self.file).unwrap();
        // The initialiser may be about to read.
        std::mem::forget(self);
    }
}
