//! The one document model: what sections build, formats print and the plugin interface mirrors.
//!
//! WebAssembly interfaces have no recursive types, so a section's body is a flat list of [`Block`]s, and that is also
//! what crosses the sandbox. Every type can grow: structures have constructors, and of each enumeration a kind that
//! this version does not know is read from JSON, kept and written back.

mod block;
mod detail;
mod encoding;
mod frame;
pub mod graph;
mod reason;
mod report;
mod section;
mod spelling;
mod thread_start;
mod trace;
mod unknown;
mod value;

pub use block::{Block, Field};
pub use detail::Detail;
pub use frame::{Call, Frame};
pub use reason::{
    CanaryFault, CurrentTaskFault, DebugInformationFault, IncompleteStack, LayoutFault, MemoryLimit,
    MemoryShortage, NoChain, NoStack, Operation, Reason, SymbolLimit, SystemError, TasksNote, ThreadsNote,
};
pub use report::{Header, Report, Trigger, TriggerKind};
pub use section::{NativeSection, Origin, Section};
pub use spelling::skeleton;
pub use thread_start::{fold_from, fold_inner, fold_outer, fold_start};
pub use trace::{Member, Trace, TraceKind};
pub use unknown::Unknown;
pub use value::Value;

pub(crate) use frame::Line;
