//! Threads by the C library alone. One that Rust's library starts registers the destructor of a thread-local variable
//! first of all, for which it takes the dynamic loader's lock; and a thread that hangs in a library's initialiser may
//! hold that for ever.

use super::Run;
use rustix::time::{ClockId, clock_gettime};
use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::Duration;

/// As large as those of Rust's own threads.
const STACK_BYTES: usize = 2 << 20;

/// A thread, which goes on by itself when this is dropped.
pub(super) struct Thread(libc::pthread_t);

// SAFETY: the C library takes the name of a thread from any thread; only one owner joins or detaches it.
unsafe impl Send for Thread {}

/// What the new thread gets: its name and its work.
struct Start {
    name: &'static CStr,
    work: Arc<dyn Run>,
}

extern "C" fn run(start: *mut libc::c_void) -> *mut libc::c_void {
    // SAFETY: `start` leaked this box for the one thread that runs this.
    let Start { name, work } = *unsafe { Box::from_raw(start.cast::<Start>()) };
    // A thread without its name does its work as well.
    let _ = rustix::thread::set_name(name);
    // Catches panics.
    work.run();
    std::ptr::null_mut()
}

/// # Errors
///
/// What the system says.
pub(super) fn start(name: &'static CStr, work: Arc<dyn Run>) -> io::Result<Thread> {
    let done = |error: i32| if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) };
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the pointer is to memory of the right size, which the call initialises.
    done(unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) })?;
    // SAFETY: they were initialised by the call before. A size that is refused leaves the usual one.
    unsafe { libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), STACK_BYTES) };
    let start = Box::into_raw(Box::new(Start { name, work }));
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    // SAFETY: the attributes are initialised, `thread` has room for a name, and `run` takes what `start` points to, which
    // belongs to the new thread from here on.
    let created =
        done(unsafe { libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), run, start.cast()) });
    // SAFETY: they were initialised above and are not used any more.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    if let Err(error) = created {
        // SAFETY: no thread has been made that would own it.
        drop(unsafe { Box::from_raw(start) });
        return Err(error);
    }
    // SAFETY: the call that has succeeded has written it.
    Ok(Thread(unsafe { thread.assume_init() }))
}

impl Thread {
    /// Waits until the thread is gone, but not longer than so; then it is let go.
    pub(super) fn join(self, patience: Duration) {
        let now = clock_gettime(ClockId::Realtime);
        let sum =
            Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0)) + patience;
        let until = libc::timespec {
            tv_sec: libc::time_t::try_from(sum.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: sum.subsec_nanos().into(),
        };
        // SAFETY: the thread was neither joined nor detached, since both consume its one owner; a null pointer says that
        // its result is not wanted, and `until` lives through the call.
        let joined = unsafe { libc::pthread_timedjoin_np(self.0, std::ptr::null_mut(), &raw const until) };
        if joined == 0 {
            std::mem::forget(self);
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // SAFETY: it was neither joined nor detached: a join that succeeds forgets the owner.
        unsafe { libc::pthread_detach(self.0) };
    }
}
