//! Signal masks of this library's own threads.

/// Blocks every signal in the calling thread, so that none that is meant for the application is ever
/// delivered to it. For threads that a library starts; the application's own keep their masks.
pub fn block_all_in_this_thread() {
    let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the call fills the set it is given, which is large enough for one.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: `all` was filled above; no old mask is asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), std::ptr::null_mut()) };
}
