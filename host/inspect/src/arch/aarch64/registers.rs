//! Registers of AArch64 by their DWARF numbers: names, the running thread's own, and those that a signal
//! interrupted.

/// DWARF for the Arm 64-bit architecture, table 1; the program counter has no number in tables.
pub const COUNT: usize = 33;
pub const FRAME_POINTER: usize = 29;
pub const STACK_POINTER: usize = 31;
pub const RETURN_ADDRESS: usize = 30;
pub const PROGRAM_COUNTER: usize = 32;
/// Lost across a call: x0 to x18 and the link register.
pub const CALLER_SAVED: &[usize] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 30];
/// What a system call's arguments come in: x0 to x5.
pub const ARGUMENTS: [usize; 6] = [0, 1, 2, 3, 4, 5];

/// A return address without the signature that pointer authentication puts into its upper bits.
pub(crate) fn plain_address(signed: u64) -> u64 {
    // User space has 48 bits of address unless a program asks for more.
    signed & 0x0000_ffff_ffff_ffff
}

/// The link register may hold the return address of a function without a frame of its own.
pub(crate) const LINK_REGISTER: Option<usize> = Some(30);

/// The registers inside the caller, into which this is folded. Those that a call may change are zero.
#[inline(always)]
pub(crate) fn current() -> [u64; COUNT] {
    let mut values = [0_u64; COUNT];
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
    values
}

/// The registers that a signal interrupted.
///
/// # Async-signal-safety
///
/// Reads the context alone.
pub(crate) fn interrupted(context: &libc::ucontext_t) -> [u64; COUNT] {
    let machine = &context.uc_mcontext;
    let mut values = [0; COUNT];
    for (place, value) in values.iter_mut().zip(machine.regs.into_iter().chain([machine.sp, machine.pc])) {
        *place = value;
    }
    values
}
