//! A capture for an emergency: every thread of this process, looked at without allocating memory, without the dynamic
//! loader and without a lock, from buffers that were taken beforehand.
//!
//! The capture of [`threads`](crate::threads) allocates, opens files and starts threads. Where the allocator, the
//! loader or the thread that would do it is stuck, this one still answers: it makes system calls alone, reads stacks
//! and unwind tables through the kernel from memory, so that a bad address is an error, and keeps what it finds in
//! buffers whose size was fixed by [`Capture::prepare`]. What does not fit is counted.
//!
//! It does less therefore. Frames are addresses in modules, without names. Threads that run are not asked for their
//! stack, since the signal's own machinery may be what is stuck. Tables are read at each step instead of once, so that
//! a thousand threads take some hundred milliseconds.
//!
//! [`Watchdog`] tells when it is time for one.

#[cfg(unix)]
mod model;
mod watchdog;

#[cfg(stacks)]
mod capture;
#[cfg(stacks)]
mod frame_tables;
#[cfg(stacks)]
mod modules;
#[cfg(stacks)]
mod proc_files;
#[cfg(stacks)]
mod stack_pieces;
#[cfg(stacks)]
mod unwind;

#[cfg(not(stacks))]
#[path = "elsewhere.rs"]
mod capture;

pub use capture::Capture;
#[cfg(unix)]
pub use model::{Frame, Frames, Module, Resource, Stack, Thread, Wait};
#[cfg(unix)]
pub use watchdog::SignalNotice;
pub use watchdog::{Overdue, Waiter, Watchdog};
