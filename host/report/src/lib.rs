#![doc = include_str!("../README.md")]
//!
//! # Where is what
//!
//! The model stands at the top: a [`Report`] has [`Section`]s, a section [`Block`]s, and so on. [`format`](mod@format) writes and
//! reads it, [`words`] says values as people say them, [`mask`] knows what is a secret, [`diff`] compares and
//! [`resolve`] looks names up.
//!
//! Values only. A report can be kept, compared, sent elsewhere and printed again; nothing in it refers to the process
//! that it speaks of.

pub mod diff;
pub mod example;
pub mod flatten;
pub mod format;
pub mod mask;
mod model;
pub mod resolve;
pub mod schema;
pub mod wit;
pub mod words;

pub use format::Format;
pub use model::*;
