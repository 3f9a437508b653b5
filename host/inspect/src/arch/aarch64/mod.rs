//! AArch64: registers, prologues, signal frames. On the other architecture the patterns of machine code alone
//! are compiled, for their tests.

pub(crate) mod instructions;
#[cfg(target_arch = "aarch64")]
pub(crate) mod registers;
#[cfg(target_arch = "aarch64")]
pub(crate) mod signal_frame;
