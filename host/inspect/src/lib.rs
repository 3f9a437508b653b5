//! Looks at the process that it runs in and returns plain values: every thread with its stack
//! ([`threads`]), every async task with what it awaits ([`tasks`]), loaded modules ([`modules`]).
//!
//! It knows nothing of reports: no text, no configuration, no files of its own. All unsafe code of the
//! project lives here, one operation a block.

pub mod memory;
pub mod process;
pub mod tasks;
pub mod threads;
