//! An index of the executable's DWARF: its types, functions and lines.
//!
//! Two parts with different lives: a small [`Index`] of hashes and offsets that is kept, and [`Types`], which loads the
//! sections when something new is asked and is dropped after each look, with all its memory. Whatever the files hold,
//! nothing here panics or runs without end: what does not make sense is absent.

mod entry;
mod executable;
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
pub(super) use index::Index;
pub(super) use lookup::Types;
pub(super) use names::{display, without_generics};
pub(super) use shape::{Member, Shape, Type, Variant};
pub(super) use units::{EntryId, Source};
