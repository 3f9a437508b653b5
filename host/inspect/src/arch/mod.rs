//! Processor architectures: registers, prologues, calls, signal frames.
//!
//! Each has a folder in which the same names stand, and this is the only place that chooses one of them.
//! Numbers of system calls, which differ too, come from the crate `syscalls`.

#[cfg(any(target_arch = "aarch64", test))]
mod aarch64;
#[cfg(any(target_arch = "x86_64", test))]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::{instructions, registers, signal_frame};
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::{instructions, registers, signal_frame};

/// How much code before a return address has to be shown to `instructions::follows_call`.
pub(crate) const CALL_WINDOW: usize = 8;

/// How much code from where the frame pointer is set has to be shown to
/// `instructions::frame_pointer_distance`.
pub(crate) const PROLOGUE_WINDOW: usize = 96;

/// An instruction that goes elsewhere, and where to, from the begin of the code that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Branch {
    /// It comes back.
    Call(i64),
    /// It does not.
    Jump(i64),
}
