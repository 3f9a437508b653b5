//! Descriptors that are closed behind a library's back, as a program does that becomes a daemon.

/// Closes every descriptor from this number on, whoever opened it.
///
/// # Panics
///
/// If the kernel cannot do that (Linux before 5.9).
pub fn close_all_from(first: u32) {
    // SAFETY: that descriptors vanish under those who hold them is what is tested; of this process's code only what is under
    // test and the caller hold any, and the caller asked for it.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}
