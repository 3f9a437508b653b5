//! Every async task of this process: which there are, and what each of them awaits.
//!
//! Two sources, told apart in [`Snapshot::rung`]: tasks that registered themselves ([`spawn`],
//! [`Track::tracked`]; any executor, any build, any platform), and on Linux the tasks that a tokio runtime
//! owns, found and decoded from memory with the executable's own debug information. Nothing is stopped,
//! polled or locked for it, and nothing that could not be verified is stated.

mod clock;
mod inspector;
mod metrics;
mod model;
mod registry;
mod tracked;

pub use inspector::{Inspector, look};
pub use model::{Await, Chain, Options, Rung, Runtime, Snapshot, SourceLine, Task, TaskState, Worker};
pub use tracked::{Track, Tracked, spawn};
