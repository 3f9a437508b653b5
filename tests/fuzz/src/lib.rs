//! Fuzz tests: a target, which is a test, is given inputs that nobody thought of, and a limit to the memory that one of
//! them may cost.
//!
//! Inputs are made from real ones, by changes that [`proptest`] chooses and makes smaller when a target fails. By
//! default each target gets a number of inputs that is the same in each run, within a second or so. `cargo xtask fuzz`
//! sets [`SECONDS`], and then each target gets new ones for that long.

mod bytes;
mod json;
mod memory;
mod run;

pub use bytes::{bytes, bytes_in_place, patched};
pub use json::{json, pairs};
pub use memory::within;
pub use run::SECONDS;
