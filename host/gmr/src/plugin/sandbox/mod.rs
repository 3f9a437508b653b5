//! The sandbox: what runs a plugin's calls and holds them to their limits, of which time is [`deadline`]'s.

pub mod call;
pub mod compiled;
pub mod component;
pub mod deadline;
pub mod engine;
pub mod explanation;
#[cfg(test)]
mod fuzz;
pub mod handle;
pub mod limits;
pub mod output;
pub mod parallel;
pub mod refusal;
pub mod store;
pub mod trap;
pub mod walk;
