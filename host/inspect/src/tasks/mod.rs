//! Every async task of this process: which there are, and what each of them awaits.

mod model;

pub use model::{Await, Chain, Options, Rung, Runtime, Snapshot, SourceLine, Task, TaskState, Worker};
