//! x86-64.

pub(crate) mod instructions;
pub(crate) mod system_calls;
