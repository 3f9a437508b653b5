//! Every async task of this process: which there are, and what each of them awaits.
//!
//! There are two sources, and [`Snapshot::rung`] says which were used: futures that registered themselves ([`spawn`],
//! [`Track::tracked`]; any executor, any build, any platform), and on Linux the tasks that a tokio runtime owns, found and
//! decoded in memory with the executable's own debug information. Nothing is stopped, polled or locked for it, and
//! nothing is stated that could not be verified.
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
//! let snapshot = inspector.look(&Options::default().with_deadline(Duration::from_millis(100)));
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
//! Version 1.28 or newer. Older ones count less: [`Runtime`] and [`Worker`] say since when a figure is there. Chains are
//! tested with tokio 1.28.0, with the last patch of each of its minor versions since 1.38, and with the newest one of when
//! this was released; on Rust 1.95, 1.99.1 and the nightly compiler of then; in all of the builds above and with thin and
//! fat link-time optimisation, `opt-level = "z"`, `panic = "abort"`, DWARF 4 and 5, and debug information that is
//! compressed, split (`.dwp`, `.dwo`) or in a separate file. With any other version or compiler a canary decides: see
//! [`Rung::Registered`].
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
pub(crate) mod engine;
#[cfg(target_os = "linux")]
mod found;
mod inspector;
mod merge;
mod model;
#[cfg(target_os = "linux")]
mod preparation;
mod registry;
mod spawn;
pub mod tokio;
mod tracked;
#[cfg(target_os = "linux")]
pub(crate) mod types;

#[cfg(target_os = "linux")]
pub use doctor::{Advice, Diagnosis, Finding, Level, Outlook, doctor};
pub use inspector::{Inspector, look};
pub use model::{
    Await, Blocking, CanaryFault, Chain, CurrentTaskFault, DebugInformationFault, Fact, LayoutFault, Note,
    Options, Particular, Polling, Reason, Root, Rung, Runtime, Snapshot, SourceLine, SystemError, Task,
    TaskState, Work, Worker,
};
pub use spawn::spawn;
pub use tracked::{Track, Tracked};
#[cfg(target_os = "linux")]
pub use types::MemoryCost;
