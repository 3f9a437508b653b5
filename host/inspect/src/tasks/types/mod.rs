//! An index of the executable's DWARF: its types, functions and lines.
//!
//! Two parts with different lives: a small [`Index`] of hashes and offsets that is kept, and [`Types`], which loads the
//! sections when something new is asked and is dropped after each look, with all its memory. Whatever the files hold,
//! nothing here panics or runs without end: what does not make sense is absent.

mod entry;
mod executable;
#[cfg(stacks)]
mod function;
#[cfg(all(test, stacks))]
mod fuzz;
mod index;
mod lookup;
mod names;
mod scan;
mod scopes;
mod sections;
mod shape;
mod units;

pub(super) use executable::Contents;
pub use executable::MemoryCost;
#[cfg(stacks)]
pub(crate) use function::{Expression, Scope, Variable};
pub(crate) use index::{Index, Next};
pub(crate) use lookup::Types;
#[cfg(stacks)]
pub(super) use names::function_path;
pub(super) use names::{display, functions_in_arguments, without_generics};
pub(crate) use shape::{Member, Shape, Type, Variant};
pub(crate) use units::EntryId;
pub(crate) use units::Source;
