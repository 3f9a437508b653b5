//! The signal frame of Linux on AArch64: where the kernel saves the registers that a signal interrupts.

use super::registers::COUNT;

/// The unwind tables of the vDSO's signal trampoline tell where the frame pointer and the return address are,
/// and of no other register: the frame is read instead.
pub(crate) const TABLES_RESTORE_ALL: bool = false;

/// Each register's DWARF number and its distance in bytes from the stack pointer in the trampoline.
pub(crate) fn places() -> impl Iterator<Item = (usize, u64)> {
    // The stack pointer stands at `siginfo_t` (128 bytes), then `struct ucontext`, whose `sigcontext` begins
    // at byte 176 with the fault address; x0 to x30, sp and pc follow in the order of their numbers.
    (0..COUNT).map(|number| (number, 128 + 176 + 8 + number as u64 * 8))
}
