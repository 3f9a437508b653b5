//! Collected values in, sections out. What may stall or panic runs in a bounded call; nothing
//! here looks at the system by itself.

pub(crate) mod configuration;
pub(crate) mod diagnosis;
pub(crate) mod green_threads;
pub(crate) mod masked;
pub(crate) mod memory;
pub(crate) mod package;
pub(crate) mod threads;
