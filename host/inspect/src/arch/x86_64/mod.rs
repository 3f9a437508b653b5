//! x86-64: registers, prologues, signal frames. Of another architecture than the one that is compiled for, the patterns of machine
//! code alone are there, for their tests.

pub(crate) mod instructions;
#[cfg(target_arch = "x86_64")]
pub(crate) mod registers;
#[cfg(target_arch = "x86_64")]
pub(crate) mod signal_frame;
