//! From addresses to functions, files and lines, inlined calls included.
//!
//! All addresses here are *offsets*: as the module's own file counts them, so that a stripped binary's
//! report can be looked up later, on another machine, with [`resolve_file`]. Debug information is opened
//! module by module, searched, and closed again before the next one is opened: none of it is kept.

mod dwarf;
mod excerpt;
#[cfg(all(test, stacks))]
mod fuzz;
mod note;
mod offline;
mod scratch_thread;
mod search;
mod symbol;
mod symbolizer;
mod table;
mod unit_root;

pub use note::{Damage, Limit, Note};
pub use offline::{ResolveError, resolve_file};
#[cfg(target_os = "linux")]
pub(crate) use search::demand;
pub use symbol::Symbol;
pub use symbolizer::Symbolizer;

/// A [`CodeAddress`](crate::modules::CodeAddress) as the module's own file counts it.
pub type CodeOffset = crate::modules::CodeAddress;
