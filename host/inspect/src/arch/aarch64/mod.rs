//! AArch64: registers, prologues, signal frames. On the other architecture the patterns of machine code alone
//! are compiled, for their tests.
//!
//! More threads are asked by signal here than on x86-64: a thread that waits in one of std's locks is in the C library's
//! `syscall`, which keeps its return address in a register that only a signal can tell; those waits start anew by
//! themselves. A vDSO without unwind tables is left by the link register, and marked.
//!
//! Tested on Debian's kernel in `qemu-system-aarch64`, with the test programs cross-compiled into its initramfs. Emulation
//! in user mode would not serve: its `/proc` tells of the emulator. On a machine as slow as that the ten seconds for names
//! may pass in a program with all its debug information; the stacks are right then and nameless, and the notes say so.

pub(crate) mod instructions;
#[cfg(target_arch = "aarch64")]
pub(crate) mod registers;
#[cfg(target_arch = "aarch64")]
pub(crate) mod signal_frame;
