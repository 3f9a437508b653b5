//! Collected values in, sections out. What may stall or panic runs [`within`] a bound; nothing here
//! looks at the system by itself.

pub(crate) mod configuration;
pub(crate) mod green_threads;
pub(crate) mod package;
pub(crate) mod threads;
mod within;

pub(crate) use within::{Errand, words_of_panic};
