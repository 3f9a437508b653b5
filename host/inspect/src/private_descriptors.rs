//! A table of descriptors of a thread's own.
//!
//! Threads share their process's table of descriptors: one that the program closes behind a library's back is gone for it
//! too, and what the library then does to that number hits a stranger's file. A thread that lives by descriptors, such as
//! one that watches files, can leave that table.

/// Gives the calling thread an empty table of descriptors of its own; threads that it starts from then on share it. Returns
/// whether it has one now: the system may refuse (Linux before 5.9, other systems, a filter of system calls), and then
/// nothing has changed.
///
/// Descriptors of the process, standard error among them, do not exist for the thread any more, and nobody else can close
/// those that it opens. The numbers 0 to 2 are taken by `/dev/null` where that can be opened, so that what is printed there
/// by mistake reaches no descriptor of another duty.
///
/// Call it in a thread that runs code of one's own alone, before that has opened anything: whatever it held by number would
/// be closed.
///
/// ```
/// std::thread::spawn(|| {
///     if gmr_inspect::private_descriptors::separate() {
///         assert!(std::fs::File::open("/dev/null").is_ok());
///     }
/// })
/// .join()
/// .unwrap();
/// ```
pub fn separate() -> bool {
    let separated = close_all_in_a_table_of_its_own();
    if separated {
        (0..3).for_each(|_| occupy());
    }
    separated
}

#[cfg(target_os = "linux")]
fn close_all_in_a_table_of_its_own() -> bool {
    // SAFETY: concerns the calling thread's table alone, which is another one from then on: no descriptor that any other
    // thread knows is closed. That this thread holds none is asked of the caller, and without it calls fail, no more.
    unsafe { libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, libc::CLOSE_RANGE_UNSHARE) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn close_all_in_a_table_of_its_own() -> bool {
    false
}

/// Takes the lowest free number for good.
fn occupy() {
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC;
    if let Ok(null) = rustix::fs::open("/dev/null", flags, rustix::fs::Mode::empty()) {
        std::mem::forget(null);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd;

    #[test]
    fn what_one_table_closes_stays_open_in_the_other() {
        let ours = File::open("/proc/self/exe").unwrap();
        let number = ours.as_raw_fd();
        let (separated, theirs) = std::thread::spawn(move || {
            let separated = super::separate();
            (separated, std::fs::read_link(format!("/proc/thread-self/fd/{number}")).ok())
        })
        .join()
        .unwrap();
        if separated {
            assert_ne!(theirs, Some(std::env::current_exe().unwrap()));
        }
        assert_eq!(
            std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap(),
            std::env::current_exe().unwrap()
        );
    }
}
