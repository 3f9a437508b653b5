//! A thread's CPU time by its clock: exact to the nanosecond and a tenth of the cost of reading a file. It
//! tells whether a thread has run, not for how long in which mode.
//!
//! A virtual machine's kernel may subtract what its host took away. A run of microseconds counts as none then
//! if the host took the processor in the very moment that the run was measured; for that to show a wrong
//! stack, the whole run would have to lie between two looks at the clock, which are microseconds apart too.

use std::time::Duration;

/// The clock of another thread, as `pthread_getcpuclockid` makes it of the kernel's thread id: the id
/// inverted above three bits that say "one thread" (4) and "as the scheduler measures it" (2).
fn of(id: u32) -> Option<libc::clockid_t> {
    let id = i32::try_from(id).ok()?;
    Some((!id << 3) | 6)
}

/// For how long a thread of this process has had a processor, up to this moment if it has one. `None` if
/// there is no such thread, or the kernel refuses.
pub(crate) fn read(id: u32) -> Option<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: room for one time.
    let result = unsafe { libc::clock_gettime(of(id)?, &raw mut time) };
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
    (result == 0).then(|| Duration::new(seconds, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::super::current_thread::id as own_id;
    use super::*;

    #[test]
    fn it_goes_on_while_a_thread_runs_and_stands_while_it_waits() {
        let own = own_id();
        let before = read(own).unwrap();
        while read(own).unwrap() == before {}

        let (say, hear) = std::sync::mpsc::channel();
        let (keep, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            say.send(own_id()).unwrap();
            let _ = wait.recv();
        });
        let other = hear.recv().unwrap();
        // It takes a moment to fall asleep; then it stands.
        while {
            let before = read(other).unwrap();
            std::thread::yield_now();
            read(other).unwrap() != before
        } {}
        drop(keep);
        thread.join().unwrap();
        assert!(read(u32::MAX).is_none());
    }

    #[test]
    fn it_is_the_clock_that_the_library_names() {
        let mut clock = 0;
        // SAFETY: takes nothing.
        let own = unsafe { libc::pthread_self() };
        // SAFETY: room for one clock's name.
        assert_eq!(unsafe { libc::pthread_getcpuclockid(own, &raw mut clock) }, 0);
        assert_eq!(of(own_id()), Some(clock));
    }
}
