//! What the executable's own debug information says of types, functions and lines.
//!
//! Two lives: a small [`Index`] of hashes and offsets that is kept, and [`Types`], which loads the sections
//! when something new is asked and is dropped after each look, with all its memory. Whatever the files
//! hold, nothing here panics or runs on: what does not make sense is absent.

mod entry;
mod executable;

mod index;
mod lookup;
mod names;
mod scan;
mod sections;
mod units;

pub(super) use executable::Contents;
pub(super) use index::Index;
pub(super) use lookup::{Member, Shape, Type, Types, Variant};
pub(super) use names::{display, without_generics};
pub(super) use units::Source;

type Reader<'s> = gimli::EndianSlice<'s, gimli::NativeEndian>;

/// An entry of the debug information: of which unit, how many bytes after its start.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub(super) struct EntryId {
    pub(super) unit: u32,
    pub(super) offset: u32,
}
