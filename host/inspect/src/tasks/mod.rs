//! Every async task of this process: which there are, and what each of them awaits.
//!
//! Two sources, told apart in [`Snapshot::rung`]: tasks that registered themselves ([`spawn`],
//! [`Track::tracked`]; any executor, any build, any platform), and on Linux the tasks that a tokio runtime
//! owns, found and decoded from memory with the executable's own debug information. Nothing is stopped,
//! polled or locked for it, and nothing that could not be verified is stated.

mod clock;
#[cfg(target_os = "linux")]
mod debug_info;
#[cfg(target_os = "linux")]
mod decode;
#[cfg(target_os = "linux")]
mod doctor;
mod inspector;
mod merge;
mod metrics;
mod model;
#[cfg(target_os = "linux")]
mod preparation;
mod registry;
mod tracked;
#[cfg(target_os = "linux")]
mod walk;

#[cfg(target_os = "linux")]
pub use doctor::{Diagnosis, Level, Outlook, doctor};
pub use inspector::{Inspector, look};
pub use model::{Await, Chain, Options, Rung, Runtime, Snapshot, SourceLine, Task, TaskState, Worker};
pub use tracked::{Track, Tracked, spawn};
