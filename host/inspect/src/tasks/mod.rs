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
//! # Who holds what
//!
//! With [`Options::holders`] a look also finds what tasks wait for, by the futures that they await, and what they hold, by
//! the types of their saved locals ([`Snapshot::sightings`]):
//!
//! | waits | for | held by |
//! |---|---|---|
//! | `Mutex`, `RwLock`, `Semaphore`, `OnceCell` | its semaphore, with the place in its queue | a guard, a permit |
//! | `send` into a bounded channel that is full | the channel | its receiver |
//! | `recv`, `changed`, a oneshot's receiver | the channel | a sender |
//! | `JoinHandle`, `JoinSet` | the end of tasks | these tasks |
//! | `Notify`, `Barrier` | it | nobody |
//!
//! Guards and channels of the standard library, of lock_api (parking_lot), crossbeam-channel and futures-channel are known,
//! too. A guard is found by value, in a struct, an enumeration, a tuple, an array, an `Option`, a `Vec`, a `Box`, and in
//! futures inside, but not in a map, behind an `Arc`, or in a message that nobody has received. Which locals are alive is told by the
//! drop flags that the compiler keeps beside them: where some are down, it is not told whose, and what is there is held
//! probably; the same goes for everything in a build with `panic = "abort"`, which has no such flags.
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
//! # What no runtime lists
//!
//! With a capture of the threads ([`Inspector::look_with_threads`]) there are also the futures that threads run by
//! `block_on`, as that of `#[tokio::main]`; the tasks of `LocalSet`s that such futures drive; and the tasks of runtimes
//! that threads have entered though nobody passed these in. A future of `block_on` is found by the variable that points to
//! it, or by its type where optimised code has no place for that variable. A `LocalSet` that no such future leads to is found
//! by a word of its thread's stack that points to it or to what it counts references to, as where a library without debug
//! information drives it. What a stack shows and cannot be read has a [`Note`].
//!
//! A task whose type is not described, as one that such a library spawns, is taken for a boxed future if its memory
//! proves that it is one.
//!
//! # What is known by types alone
//!
//! A future of a library that is generic over the application's functions tells which ([`Fact::MadeFor`]), if it is an async
//! function or block: a sync function's type has no name in the debug information. A future in an `Instrumented` of `tracing`
//! has the name of its span ([`Fact::Span`]), unless no subscriber wants that.
//!
//! # Many futures in one task
//!
//! Of futures side by side, as in a `FuturesUnordered` or a `join_all`, the first 64 are listed, and of the others those that are
//! like none before, at the most 64. The rest is counted ([`Fact::Alike`]), up to 16,384 and as far as one look has time for it.
//!
//! # What is not there
//!
//! Tasks of other executors than tokio's, and `current_thread` runtimes that nobody drives at present, unless they are registered
//! or passed in; roots that optimised code keeps in no place that can be told, of which there is a [`Note`];
//! what is behind a shared reference or an `Arc`, such as the future of a `Shared`.

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
