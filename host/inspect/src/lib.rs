//! Looks at the process that it runs in and returns plain values: every thread with its stack
//! ([`threads`]), every async task with what it awaits ([`tasks`]), loaded modules ([`modules`]).
//!
//! It knows nothing of reports: no text, no configuration, no files of its own. All unsafe code of the
//! project lives here, one operation a block.
//!
//! Stacks can be read on Linux with x86-64 and AArch64; `build.rs` names that condition `stacks`.

#[cfg(stacks)]
mod arch;
pub mod child_program;
pub mod debug_files;
mod detached;
pub mod emergency;
#[cfg(unix)]
mod held_descriptor;
pub mod holds;
pub mod memory;
pub mod modules;
pub mod private_descriptors;
mod proc;
pub mod proc_self;
pub mod process;
pub mod signals;
pub mod symbols;
pub mod tasks;
#[cfg(all(test, stacks))]
mod test_object;
#[cfg(target_os = "linux")]
mod thread_locals;
pub mod threads;
#[cfg(stacks)]
mod unwind;
#[cfg(stacks)]
mod variables;

#[cfg(unix)]
pub use held_descriptor::{FileId, HeldDescriptor};

/// The README's example is compiled and run like any other.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
