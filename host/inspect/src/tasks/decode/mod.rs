//! From the bytes of a suspended future to the chain of what it awaits.
//!
//! For each type a [`Plan`] is made once from the debug information; running plans needs memory only. Every value
//! that steers a run is recorded, so that it can be read again and compared: a chain is believed only
//! if nothing moved. Bytes, nodes, depth and steps are bounded; what lies beyond a bound is said to be
//! missing. It refuses to follow shared references other than those named in `known`.

mod compile;
mod interpreter;
mod known;
mod output;
mod plan;
mod read_set;
mod relevance;

pub(super) use compile::Compiler;
pub(super) use interpreter::Run;
pub(super) use known::TRACKED;
pub(super) use output::{Branch, Fact, Node, Output, Progress};
pub(super) use plan::{PlanId, Plans, StateKind};
pub(super) use read_set::{ReadSet, word_at};
