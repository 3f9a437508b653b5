//! The decoder of suspended futures: from a future's bytes to the chain of what it awaits.
//!
//! For each type a [`Plan`] is made once from the debug information ([`Compiler`]); following plans needs memory only
//! ([`Interpreter`]). Every value that steers a decoding is recorded, so that it can be read again and compared: a chain
//! is believed only if nothing moved. Bytes, nodes, depth and steps are bounded; what lies beyond a bound is said to be
//! missing. No shared reference is followed but those that a [`Library`] names and the one from a future to its socket.

mod compile;
mod crowd;
mod descriptor;
mod interpreter;
mod known;
mod output;
mod plan;
mod read_set;
mod relevance;
pub(super) mod sync;

pub(super) use compile::Compiler;
pub(super) use interpreter::{Interpreter, Missing};
pub(super) use known::{
    CROSSBEAM, FUTURES_UTIL, Libraries, Library, OWN, PARKING_LOT, STANDARD, TRACING, TRACKED, label,
};
pub(super) use output::{Branch, Detail, Node, Output, Progress, Spot};
pub(super) use plan::{Edge, Figure, Plan, PlanId, Plans, StateKind};
pub(super) use read_set::{ReadSet, word_at};
