//! AArch64.

pub(crate) mod system_calls;
