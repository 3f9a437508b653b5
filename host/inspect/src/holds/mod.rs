//! Who waits for what, and who holds it: the wait-for graph of threads and tasks.

mod confirm;
mod graph;
mod model;
#[cfg(stacks)]
pub(crate) mod threads;

pub use graph::{Circumstances, join};
pub use model::{
    Certainty, Cycle, Graph, Hold, Kind, Library, Member, Node, Object, Party, Progress, Role, Sightings,
    Wait, Want, Word,
};
