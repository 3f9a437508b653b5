//! Registers of x86-64 by their DWARF numbers: names, the running thread's own, and those that a signal
//! interrupted.

/// System V ABI for x86-64, figure 3.36.
pub const COUNT: usize = 17;
pub const FRAME_POINTER: usize = 6;
pub const STACK_POINTER: usize = 7;
/// The column in which tables describe the return address.
pub const RETURN_ADDRESS: usize = 16;
/// Where the program counter is kept; here the same.
pub const PROGRAM_COUNTER: usize = 16;
/// Lost across a call: rax, rdx, rcx, rsi, rdi, r8 to r11.
pub const CALLER_SAVED: &[usize] = &[0, 1, 2, 4, 5, 8, 9, 10, 11];
/// What a system call's arguments come in: rdi, rsi, rdx, r10, r8, r9.
pub const ARGUMENTS: [usize; 6] = [5, 4, 1, 10, 8, 9];

/// A return address as a place in memory. Here it carries nothing else.
pub(crate) fn plain_address(address: u64) -> u64 {
    address
}

/// The link register may hold the return address of a function without a frame of its own. There is none
/// here.
pub(crate) const LINK_REGISTER: Option<usize> = None;

/// The registers inside the caller, into which this is folded. Those that a call may change are zero.
#[inline(always)]
pub(crate) fn current() -> [u64; COUNT] {
    let mut values = [0_u64; COUNT];
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
    values
}

/// The registers that a signal interrupted.
///
/// # Async-signal-safety
///
/// Reads the context alone.
pub(crate) fn interrupted(context: &libc::ucontext_t) -> [u64; COUNT] {
    const ORDER: [libc::c_int; COUNT] = [
        libc::REG_RAX,
        libc::REG_RDX,
        libc::REG_RCX,
        libc::REG_RBX,
        libc::REG_RSI,
        libc::REG_RDI,
        libc::REG_RBP,
        libc::REG_RSP,
        libc::REG_R8,
        libc::REG_R9,
        libc::REG_R10,
        libc::REG_R11,
        libc::REG_R12,
        libc::REG_R13,
        libc::REG_R14,
        libc::REG_R15,
        libc::REG_RIP,
    ];
    ORDER.map(|register| {
        context.uc_mcontext.gregs.get(register as usize).map_or(0, |value| value.cast_unsigned())
    })
}
