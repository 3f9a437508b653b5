//! The calling thread's own stack: its registers as they are here, and live memory above them.

use crate::unwind::{Live, REGISTER_COUNT, Registers, Unwinder, Walk};

/// Unwinds from this function on. The stack above it cannot change while it runs.
#[inline(never)]
pub(super) fn walk(unwinder: &mut Unwinder<'_>, memory: &mut Live) -> Walk {
    memory.clear();
    let registers = here();
    // Not a tail call: this frame must stand while the memory is read.
    std::hint::black_box(unwinder.walk(registers, memory, false))
}

/// The registers inside the caller, into which this is folded.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn here() -> Registers {
    let mut values = [0_u64; REGISTER_COUNT];
    // SAFETY: the code writes to `values` alone, within its 17 words, and to the scratch register.
    unsafe {
        std::arch::asm!(
            "mov [{values} + 8 * 3], rbx",
            "mov [{values} + 8 * 6], rbp",
            "mov [{values} + 8 * 7], rsp",
            "mov [{values} + 8 * 12], r12",
            "mov [{values} + 8 * 13], r13",
            "mov [{values} + 8 * 14], r14",
            "mov [{values} + 8 * 15], r15",
            "lea {scratch}, [rip]",
            "mov [{values} + 8 * 16], {scratch}",
            values = in(reg) values.as_mut_ptr(),
            scratch = out(reg) _,
            options(nostack, preserves_flags),
        );
    }
    Registers::of_all(values)
}

/// The registers inside the caller, into which this is folded.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn here() -> Registers {
    let mut values = [0_u64; REGISTER_COUNT];
    // SAFETY: the code writes to `values` alone, within its 33 words, and to the scratch register.
    unsafe {
        std::arch::asm!(
            "stp x19, x20, [{values}, #8 * 19]",
            "stp x21, x22, [{values}, #8 * 21]",
            "stp x23, x24, [{values}, #8 * 23]",
            "stp x25, x26, [{values}, #8 * 25]",
            "stp x27, x28, [{values}, #8 * 27]",
            "stp x29, x30, [{values}, #8 * 29]",
            "mov {scratch}, sp",
            "str {scratch}, [{values}, #8 * 31]",
            "adr {scratch}, .",
            "str {scratch}, [{values}, #8 * 32]",
            values = in(reg) values.as_mut_ptr(),
            scratch = out(reg) _,
            options(nostack, preserves_flags),
        );
    }
    Registers::of_all(values)
}
