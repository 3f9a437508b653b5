//! What runs a plugin and holds it to its limits.

pub mod call;
pub mod component;
pub mod deadline;
pub mod engine;
pub mod handle;
pub mod limits;
pub mod output;
pub mod parallel;
pub mod store;
pub mod trap;
