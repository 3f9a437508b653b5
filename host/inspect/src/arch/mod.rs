//! What differs between processor architectures: registers, prologues, signal frames, numbers of system calls.

pub(crate) mod aarch64;
pub(crate) mod x86_64;
