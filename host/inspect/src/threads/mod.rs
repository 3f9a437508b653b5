//! Every thread of this process, with its stack, without stopping the process.
//!
//! For each thread the least intrusive way that works is taken:
//!
//! 1. the calling thread's stack is read directly;
//! 2. a thread asleep in a system call is read from outside and notices nothing;
//! 3. a running thread is sent a signal, copies its own stack in the handler, and goes on: microseconds;
//! 4. of any other thread the facts are listed, with the reason why it has no stack.
//!
//! Names are looked up after the last thread has been read. Nothing is ever unwound in a signal handler.
//!
//! # Limits
//!
//! - A signal interrupts some system calls in spite of `SA_RESTART` (`epoll_wait`, `poll`, `select`,
//!   `nanosleep`, timed waits on a futex or semaphore, reads with a timeout): they return `EINTR`. A thread
//!   that goes to sleep in the moment between being seen running and being signalled may see that. Threads
//!   already asleep are not signalled, unless their frame pointer cannot be told from outside or the
//!   kernel hides what they do.
//! - A process that is not dumpable (`PR_SET_DUMPABLE`) and is not root may not read
//!   `/proc/self/task/*/syscall`: every thread gets the signal then.
//! - Where `process_vm_readv` is refused (seccomp), memory is read through `/proc/self/mem`, of which [`prepare`]
//!   keeps one descriptor; where that file is refused too, only the calling thread's stack is read. Where
//!   `rt_tgsigqueueinfo` and `tgkill` are, running threads have none. A sandbox that ends the process at
//!   `process_vm_readv`, instead of refusing it, ends it at the first capture.
//! - Of a stack of more than 1024 frames both ends are kept, and how many are between. It is followed for a fifth
//!   of a second at the most.
//! - Unwind tables are read from the modules' files: a file system that does not answer holds up the capture
//!   beyond its deadline. Names are looked up on a thread of its own (`gmr-symbols`), which ends before the capture
//!   returns, or is left behind when [`Options::symbol_deadline`] has passed; names are missing then until it comes back.
//! - A program that calls `std::process::exit` on another thread than the main one while it is captured may end by
//!   `SIGSEGV` instead, with standard libraries in which Rust's issue 161018 is not mended yet, unless [`prepare`] was
//!   called on the main thread.
//! - Of more than 128 threads, and where the process may use a second processor, a second thread (`gmr-threads`)
//!   takes its share of the reading for some milliseconds. The work is the same; the threads are seen at more
//!   nearly one moment.
//! - Line tables are enough for names, files and lines: `debug = "line-tables-only"` is many times cheaper
//!   than full debug information. Split debug information and compressed symbol tables of Fedora's kind
//!   (`.gnu_debugdata`) are not read.
//! - Elsewhere than on Linux with x86-64 or AArch64 there is the calling thread's stack alone.

#[cfg(stacks)]
pub(crate) mod evidence;
mod listing;
mod model;
#[cfg(target_os = "linux")]
mod of_frames;
mod reason;

#[cfg(stacks)]
pub(crate) mod linux;
#[cfg(stacks)]
use linux as platform;

#[cfg(not(stacks))]
mod elsewhere;
#[cfg(not(stacks))]
use elsewhere as platform;

mod prepare;
mod system_unwinder;

pub use prepare::{PrepareError, Prepared, prepare};

use crate::symbols::Symbolizer;

#[cfg(target_os = "linux")]
pub(crate) use of_frames::OfFrames;

pub use crate::modules::{CodeAddress, ModuleName};
pub use crate::proc::stat::State;
pub use crate::symbols::Symbol;
pub use listing::Listing;
pub use model::{Capture, Frame, Method, Options, Quality, Resource, Stack, Thread, Wait};
pub use reason::{Incomplete, Missing, Note, Operation};

/// Looks at every thread. Takes as long as [`Options::deadline`] at the most, and with names as long as
/// [`Options::symbol_deadline`]; usually some tens of microseconds a thread. Safe to call from any thread at
/// any time except from a signal handler; calls on several threads at a time take turns where they must.
///
/// ```
/// use gmr_inspect::threads::{Options, Stack, capture};
///
/// let capture = capture(&Options::default());
/// let with_stack = capture.threads.iter().filter(|thread| matches!(thread.stack, Stack::Captured { .. }));
/// println!("{} of {} stacks", with_stack.count(), capture.threads.len());
/// # assert!(!capture.threads.is_empty());
/// ```
pub fn capture(options: &Options) -> Capture {
    capture_with(options, &mut Symbolizer::new(options.symbol_budget_bytes))
}

/// As [`capture`], with a symbolizer that the caller keeps from one capture to the next: what it has looked
/// up once it need not look up again, which is nearly everything in a process whose threads wait. Its
/// budget counts, not [`Options::symbol_budget_bytes`].
///
/// ```
/// use gmr_inspect::symbols::Symbolizer;
/// use gmr_inspect::threads::{Options, capture_with};
///
/// let options = Options::default();
/// let mut symbolizer = Symbolizer::new(options.symbol_budget_bytes);
/// let first = capture_with(&options, &mut symbolizer);
/// let second = capture_with(&options, &mut symbolizer);
/// # assert!(!first.threads.is_empty() && !second.threads.is_empty());
/// ```
pub fn capture_with(options: &Options, symbolizer: &mut Symbolizer) -> Capture {
    capture_listed(&list(), options, symbolizer)
}

/// As [`capture_with`], of the threads of a list that was made just now, and of the calling one.
///
/// ```
/// use gmr_inspect::symbols::Symbolizer;
/// use gmr_inspect::threads::{Options, capture_listed, list};
///
/// let options = Options::default();
/// let listing = list();
/// let capture = capture_listed(&listing, &options, &mut Symbolizer::new(options.symbol_budget_bytes));
/// assert!(!capture.threads.is_empty());
/// ```
pub fn capture_listed(listing: &Listing, options: &Options, symbolizer: &mut Symbolizer) -> Capture {
    platform::capture(listing, options, symbolizer)
}

/// The threads of this process; empty elsewhere than on Linux. It takes about a microsecond a thread.
///
/// ```
/// let listing = gmr_inspect::threads::list();
/// # #[cfg(target_os = "linux")]
/// assert!(listing.ids().contains(&std::process::id()));
/// ```
pub fn list() -> Listing {
    platform::list()
}
