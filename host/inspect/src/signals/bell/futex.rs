//! The bell as a futex.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rustix::thread::futex;

/// Wakes the one thread that waits for it.
///
/// ```
/// let bell = gmr_inspect::signals::Bell::new()?;
/// bell.ring();
/// bell.wait(); // returns at once: it has been rung
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Bell {
    /// 1 if it has been rung since the last wait.
    rung: AtomicU32,
    /// Whether somebody may sleep on that. A signal that comes again and again while a report is made must cost its thread
    /// no system call each time.
    waiting: AtomicBool,
}

impl Bell {
    /// A bell that nobody has rung.
    ///
    /// # Errors
    ///
    /// None on Linux; elsewhere, if the system refuses a pipe.
    pub fn new() -> io::Result<Bell> {
        Ok(Bell::default())
    }

    /// Wakes the thread that waits, or the next one that will.
    ///
    /// # Async-signal-safety
    ///
    /// A store and a load of memory, and where somebody waits a system call, which does not touch `errno`.
    pub fn ring(&self) {
        // In one order with the waiter's store and load: one of the two sees the other.
        self.rung.store(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) {
            // Even if it has been rung already: who did that may have been stopped before this call. It fails for no
            // reason that could be mended, since the word exists.
            let _ = futex::wake(&self.rung, futex::Flags::PRIVATE, 1);
        }
    }

    /// Returns when it has been rung since the last wait; now and then without that, as when a signal comes.
    pub fn wait(&self) {
        self.waiting.store(true, Ordering::SeqCst);
        if self.rung.load(Ordering::SeqCst) == 0 {
            // Whatever ended it, the caller looks whether there is something to do.
            let _ = futex::wait(&self.rung, futex::Flags::PRIVATE, 0, None);
        }
        self.waiting.store(false, Ordering::SeqCst);
        self.rung.swap(0, Ordering::AcqRel);
    }
}
