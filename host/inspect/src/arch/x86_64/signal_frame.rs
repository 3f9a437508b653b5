//! The signal frame of Linux on x86-64: where the kernel saves the registers that a signal interrupts.

use super::registers::COUNT;

/// Unwind tables of signal trampolines restore all registers, so that they are followed like others'.
pub(crate) const TABLES_RESTORE_ALL: bool = true;

/// Each register's DWARF number and its distance in bytes from the stack pointer in the trampoline.
pub(crate) fn places() -> impl Iterator<Item = (usize, u64)> {
    // The stack pointer stands at `struct ucontext`; its registers begin at byte 40, in the order of
    // `struct sigcontext`: r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip.
    const ORDER: [usize; COUNT] = [8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16];
    ORDER.into_iter().enumerate().map(|(at, number)| (number, 40 + at as u64 * 8))
}
