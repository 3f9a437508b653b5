//! Every async task of this process: which there are, and what each of them awaits.
//!
//! Two sources, told apart in [`Snapshot::rung`]: tasks that registered themselves ([`spawn`],
//! [`Track::tracked`]; any executor, any build, any platform), and on Linux the tasks that a tokio runtime
//! owns, found and decoded from memory with the executable's own debug information. Nothing is stopped,
//! polled or locked for it, and nothing that could not be verified is stated.
//!
//! ```
//! use std::time::Duration;
//!
//! use gmr_inspect::tasks::{Inspector, Options, Track};
//!
//! let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
//! let inspector = Inspector::new([runtime.handle().clone()]);
//! inspector.prepare();
//!
//! runtime.spawn(std::future::pending::<()>().tracked("waits for ever"));
//! let snapshot = inspector.look(&Options { deadline: Duration::from_millis(100), ..Options::default() });
//! for task in &snapshot.tasks {
//!     println!("{} {:?} {:?} {:?}", task.id, task.name, task.state, task.chain);
//! }
//! ```
//!
//! # What the build needs
//!
//! | the executable has | what is shown |
//! |---|---|
//! | types of everything (`debug = 2`), inside, split off or in a separate file | all |
//! | types of the application and of this package, none of other dependencies | all but some names inside of dependencies |
//! | lines only, or nothing | registered tasks without chains, tokio's figures |
//!
//! The second is recommended: a program of 38 tasks has 27 MB instead of 42, and shows the same:
//!
//! ```toml
//! [profile.release]
//! debug = 2
//!
//! [profile.release.package."*"]
//! debug = false
//!
//! [profile.release.package.gmr-inspect]
//! debug = 2
//! ```
//!
//! # Which tokio
//!
//! Version 1.45 or newer; cargo has one of them in a program. Chains are tested with the oldest and, when this was released,
//! the newest one, on Rust 1.95 and the nightly compiler of then, in all of the builds above and with thin and fat
//! link-time optimisation, `opt-level = "z"`, `panic = "abort"`, DWARF 4 and 5, and debug information that is compressed,
//! split (`.dwp`, `.dwo`) or in a separate file. With others a canary decides: see [`Rung::Registered`].
//!
//! # What is not there
//!
//! Futures that no runtime lists (what `block_on` runs, a `LocalSet`'s tasks, other executors) unless they are
//! registered; what is behind a shared reference or an `Arc`, such as the future of a `Shared`.

mod clock;
#[cfg(target_os = "linux")]
mod decode;
#[cfg(target_os = "linux")]
mod doctor;
#[cfg(target_os = "linux")]
mod engine;
#[cfg(target_os = "linux")]
mod found;
mod inspector;
mod merge;
mod model;
#[cfg(target_os = "linux")]
mod preparation;
mod registry;
pub mod tokio;
mod tracked;
#[cfg(target_os = "linux")]
mod types;

#[cfg(target_os = "linux")]
pub use doctor::{Advice, Diagnosis, Finding, Level, Outlook, doctor};
pub use inspector::{Inspector, look};
pub use model::{
    Await, Blocking, CanaryFault, Chain, CurrentTaskFault, DebugInformationFault, Fact, LayoutFault, Note,
    Options, Particular, Polling, Reason, Rung, Runtime, Snapshot, SourceLine, SystemError, Task, TaskState,
    Work, Worker,
};
pub use tokio::spawn;
pub use tracked::{Track, Tracked};
