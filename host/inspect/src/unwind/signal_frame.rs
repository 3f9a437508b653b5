//! What the kernel saved when it delivered a signal, read from the stack. For trampolines without unwind
//! tables (musl's on x86-64) and for those whose tables give less than everything (the aarch64 vDSO).

use super::registers::{COUNT, Registers};
use super::stack_memory::StackMemory;

/// Each register's DWARF number and its distance in bytes from the stack pointer in the trampoline.
#[cfg(target_arch = "x86_64")]
fn places() -> impl Iterator<Item = (usize, u64)> {
    // The stack pointer stands at `struct ucontext`; its registers begin at byte 40, in the order of
    // `struct sigcontext`: r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip.
    const ORDER: [usize; COUNT] = [8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16];
    ORDER.into_iter().enumerate().map(|(at, number)| (number, 40 + at as u64 * 8))
}

/// Each register's DWARF number and its distance in bytes from the stack pointer in the trampoline.
#[cfg(target_arch = "aarch64")]
fn places() -> impl Iterator<Item = (usize, u64)> {
    // The stack pointer stands at `siginfo_t` (128 bytes), then `struct ucontext`, whose `sigcontext` begins
    // at byte 176 with the fault address; x0 to x30, sp and pc follow in the order of their numbers.
    (0..COUNT).map(|number| (number, 128 + 176 + 8 + number as u64 * 8))
}

/// All registers of the code that was interrupted.
pub(super) fn interrupted(stack_pointer: u64, memory: &mut impl StackMemory) -> Option<Registers> {
    let mut values = [0; COUNT];
    for (number, distance) in places() {
        *values.get_mut(number)? = memory.word(stack_pointer.checked_add(distance)?)?;
    }
    Some(Registers::of_all(values))
}
