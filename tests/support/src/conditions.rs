//! Conditions that a program brings about in itself and for which safe Rust has no words: forks, libraries that are loaded
//! and removed, blocked signals, privileges given up.

use std::ffi::{CString, c_int, c_void};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// Which of the two processes a [`fork`] has returned in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    /// The one that called it, with the other's process id.
    Parent(i32),
    /// The new one. It has the calling thread alone.
    Child,
}

/// Forks. As in any program with threads, what another thread held in that moment stays held in the child.
///
/// # Errors
///
/// If the system refuses another process.
pub fn fork() -> io::Result<Fork> {
    // SAFETY: takes nothing. The programs that call it do what the child may do: end, execute, or what the tests look at.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        child => Ok(Fork::Parent(child)),
    }
}

/// Ends the process at once: no destructor, no handler of the end.
pub fn end_now(code: i32) -> ! {
    // SAFETY: ends the process without running anything more of it.
    unsafe { libc::_exit(code) }
}

/// A library that the dynamic loader has loaded; dropping it unloads it.
#[derive(Debug)]
pub struct Library(*mut c_void);

// SAFETY: the loader's handles belong to the process; it has a lock of its own.
unsafe impl Send for Library {}

impl Library {
    /// Loads it, which runs its constructors under the loader's lock.
    ///
    /// # Errors
    ///
    /// If the loader refuses the file.
    pub fn load(path: &Path) -> io::Result<Library> {
        let name = CString::new(path.as_os_str().as_bytes())?;
        // SAFETY: the path ends with a zero and lives until the call is over. The tests' own libraries are what is loaded.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
        if handle.is_null() {
            return Err(io::Error::other(format!("the loader refuses {}", path.display())));
        }
        Ok(Library(handle))
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: the handle is what `dlopen` returned, and this is its only end.
        unsafe { libc::dlclose(self.0) };
    }
}

/// Blocks these signals in the calling thread and in those that it starts from then on; all of them if there are none.
///
/// # Errors
///
/// If a number is no signal's.
pub fn block_signals(signals: &[c_int]) -> io::Result<()> {
    let mut set = empty_set();
    if signals.is_empty() {
        // SAFETY: the set is this function's own.
        unsafe { libc::sigfillset(&raw mut set) };
    }
    for &signal in signals {
        // SAFETY: the set is this function's own; a number that is no signal's is refused.
        if unsafe { libc::sigaddset(&raw mut set, signal) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    // SAFETY: reads the set and writes nothing back.
    match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

fn empty_set() -> libc::sigset_t {
    // SAFETY: a set of signals is numbers only, and all bits zero is the empty one on Linux.
    unsafe { std::mem::zeroed() }
}

/// Starts so many threads called `crowd` that wait for ever. They have no alternate stack and small ones: with what the
/// standard library gives to each, the kernel's limit of mappings is reached long before that of threads.
///
/// # Errors
///
/// If the system refuses one of them.
pub fn start_crowd(count: u32) -> io::Result<()> {
    extern "C" fn wait(_: *mut c_void) -> *mut c_void {
        // SAFETY: the kernel reads a name that ends with a zero.
        unsafe { libc::prctl(libc::PR_SET_NAME, c"crowd".as_ptr()) };
        loop {
            // SAFETY: takes nothing; it returns after each signal.
            unsafe { libc::pause() };
        }
    }
    // SAFETY: attributes are numbers and null pointers until they are initialised, on the next line.
    let mut attributes: libc::pthread_attr_t = unsafe { std::mem::zeroed() };
    // SAFETY: the attributes are this function's own.
    unsafe { libc::pthread_attr_init(&raw mut attributes) };
    // SAFETY: the attributes are initialised; the size is that of four pages.
    unsafe { libc::pthread_attr_setstacksize(&raw mut attributes, 16 << 10) };
    for _ in 0..count {
        let mut thread = 0;
        // SAFETY: the attributes are initialised, and what runs uses nothing of this function's.
        let error = unsafe {
            libc::pthread_create(&raw mut thread, &raw const attributes, wait, std::ptr::null_mut())
        };
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
    }
    Ok(())
}

static CAUGHT: AtomicU32 = AtomicU32::new(0);

/// Catches this signal from now on, whoever caught it before, and counts it.
///
/// # Errors
///
/// If the number is no signal's, or that of one that cannot be caught.
pub fn catch_signal(signal: c_int) -> io::Result<()> {
    extern "C" fn count(_: c_int) {
        CAUGHT.fetch_add(1, Ordering::Relaxed);
    }
    let handler = count as extern "C" fn(c_int);
    // SAFETY: the handler does nothing but add to a number.
    let former = unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    if former == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// How often a signal of [`catch_signal`] has come.
pub fn caught_signals() -> u32 {
    CAUGHT.load(Ordering::Relaxed)
}

/// Makes descriptor 2 another one of this file.
///
/// # Errors
///
/// If the kernel refuses it.
pub fn replace_stderr(file: &File) -> io::Result<()> {
    // SAFETY: takes two open descriptors' numbers; that of standard error belongs to the whole program.
    let result = unsafe { libc::dup2(file.as_raw_fd(), libc::STDERR_FILENO) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Makes the whole process that of another user and group.
///
/// # Errors
///
/// If the process may not.
pub fn become_user(id: u32) -> io::Result<()> {
    // SAFETY: takes an integer.
    let group = unsafe { libc::setgid(id) };
    // SAFETY: takes an integer.
    let user = unsafe { libc::setuid(id) };
    if group == 0 && user == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
