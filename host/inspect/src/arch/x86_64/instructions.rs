//! What machine code says about the stack where tables do not: the frame pointer's distance from the stack
//! pointer, whether an address follows a call, stubs and signal trampolines.
//!
//! Patterns that compilers emit are matched; anything else is `None`. Nothing is disassembled in general.

/// How much code before a return address has to be shown to [`follows_call`].
pub(crate) const CALL_WINDOW: usize = 8;

/// How much code from where the frame pointer is set has to be shown to [`frame_pointer_distance`].
pub(crate) const PROLOGUE_WINDOW: usize = 96;

#[cfg(any(target_arch = "x86_64", test))]
pub(crate) mod x86_64 {
    //! x86-64, Intel's manual volume 2 for the encodings.

    struct Code<'c>(&'c [u8]);

    impl Code<'_> {
        fn skip(&mut self, prefix: &[u8]) -> bool {
            match self.0.strip_prefix(prefix) {
                Some(rest) => {
                    self.0 = rest;
                    true
                }
                None => false,
            }
        }

        fn number(&mut self) -> Option<i32> {
            let (bytes, rest) = self.0.split_first_chunk::<4>()?;
            self.0 = rest;
            Some(i32::from_le_bytes(*bytes))
        }
    }

    const SUB_RSP_32: &[u8] = &[0x48, 0x81, 0xec];
    /// `mov qword ptr [rsp], 0`: touches each page of a large frame.
    const TOUCH: &[u8] = &[0x48, 0xc7, 0x04, 0x24, 0, 0, 0, 0];

    /// How far the frame pointer lies above the stack pointer in a function's body. `code` begins right
    /// after `mov rbp, rsp`; `body` is how far behind that the frame's own address is, which must be past
    /// the prologue.
    pub fn frame_pointer_distance(code: &[u8], body: u64) -> Option<u64> {
        let whole = code.len();
        let mut code = Code(code);
        let mut distance: u64 = 0;
        // push of any register; those from r8 on have a prefix.
        while let [0x50..=0x57, rest @ ..] | [0x41, 0x50..=0x57, rest @ ..] = code.0 {
            code.0 = rest;
            distance += 8;
        }
        // lea r11, [rsp - n]; then a loop that takes a page at a time until rsp is r11.
        if code.skip(&[0x4c, 0x8d, 0x9c, 0x24]) {
            let pages = code.number()?;
            distance = distance.checked_add(u64::try_from(pages.checked_neg()?).ok()?)?;
            let page = code.skip(SUB_RSP_32) && code.number()? > 0 && code.skip(TOUCH);
            if !(page && code.skip(&[0x4c, 0x39, 0xdc, 0x75])) {
                return None;
            }
            code.0 = code.0.get(1..)?;
        }
        loop {
            let size = if code.skip(SUB_RSP_32) {
                code.number()?
            } else if code.skip(&[0x48, 0x83, 0xec]) {
                let (size, rest) = code.0.split_first()?;
                code.0 = rest;
                i32::from(size.cast_signed())
            } else {
                break;
            };
            // `sub rsp, -128` is how compilers spell an addition: not in a prologue.
            distance = distance.checked_add(u64::try_from(size).ok()?)?;
            // A frame of a few pages is taken page by page without a loop.
            if !code.skip(TOUCH) {
                break;
            }
        }
        // and rsp, mask: the distance depends on where the stack happened to be.
        let realigned = code.0.starts_with(&[0x48, 0x83, 0xe4]) || code.0.starts_with(&[0x48, 0x81, 0xe4]);
        let length = (whole - code.0.len()) as u64;
        (!realigned && body >= length).then_some(distance)
    }

    /// Whether the bytes end with a call instruction.
    pub fn follows_call(before: &[u8]) -> bool {
        let ends = |length: usize| before.len().checked_sub(length).and_then(|at| before.get(at..));
        if ends(5).is_some_and(|call| call.first() == Some(&0xe8)) {
            return true;
        }
        // call r/m64 is ff /2, after an optional prefix.
        [2, 3, 4, 6, 7].into_iter().filter_map(ends).any(|call| {
            let call = match call {
                [0x40..=0x4f, rest @ ..] if call.len() > 2 => rest,
                whole => whole,
            };
            matches!(call, [0xff, mode, ..] if (mode >> 3) & 7 == 2)
        })
    }

    /// Whether the code at an instruction pointer is a PLT stub that has not touched the stack:
    /// `jmp [rip + n]`, with or without its landing marker.
    pub fn is_stub(code: &[u8]) -> bool {
        let code = code.strip_prefix(&[0xf3, 0x0f, 0x1e, 0xfa]).unwrap_or(code);
        let code = code.strip_prefix(&[0xf2]).unwrap_or(code);
        code.starts_with(&[0xff, 0x25])
    }

    /// `mov rax, 15; syscall`, in both of its encodings.
    pub fn is_signal_return(code: &[u8]) -> bool {
        code.starts_with(&[0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05])
            || code.starts_with(&[0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05])
    }
}

#[cfg(any(target_arch = "aarch64", test))]
pub(crate) mod aarch64 {
    //! AArch64, Arm's manual chapter C4 for the encodings.

    fn instructions(code: &[u8]) -> impl DoubleEndedIterator<Item = u32> {
        code.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// The operand of `op, #imm{, lsl #12}` if the instruction has these fixed bits.
    fn immediate(instruction: u32, fixed: u32) -> Option<u64> {
        if instruction & 0xff80_03ff != fixed {
            return None;
        }
        let value = u64::from((instruction >> 10) & 0xfff);
        match (instruction >> 22) & 1 {
            0 => Some(value),
            _ => Some(value << 12),
        }
    }

    /// How far the frame pointer lies above the stack pointer in a function's body. `before` ends where the
    /// tables begin to count from the frame pointer, `code` begins there; `body` is how far behind that the
    /// frame's own address is, which must be past the prologue.
    pub fn frame_pointer_distance(before: &[u8], code: &[u8], body: u64) -> Option<u64> {
        const ADD_X29_SP: u32 = 0x9100_03fd;
        const SUB_SP_SP: u32 = 0xd100_03ff;
        let mut distance = 0_u64;
        // The tables switch after `add x29, sp, #n`, sometimes after a later `sub sp` as well.
        let set = instructions(before).rev().take(4).find_map(|instruction| {
            distance += immediate(instruction, SUB_SP_SP).unwrap_or(0);
            immediate(instruction, ADD_X29_SP)
        })?;
        // Stores of other registers may come before the rest of the frame is taken.
        for (at, instruction) in instructions(code).take(4).enumerate() {
            if let Some(size) = immediate(instruction, SUB_SP_SP) {
                if body < (at as u64 + 1) * 4 {
                    return None;
                }
                distance = distance.checked_add(size)?;
            }
        }
        distance.checked_add(set)
    }

    /// Whether the bytes end with `bl`, `blr` or an authenticated `blr`.
    pub fn follows_call(before: &[u8]) -> bool {
        instructions(before).next_back().is_some_and(|instruction| {
            instruction & 0xfc00_0000 == 0x9400_0000
                || instruction & 0xffff_fc1f == 0xd63f_0000
                || instruction & 0xfeff_f800 == 0xd63f_0800
        })
    }

    /// PLT stubs do not touch the stack, and the link register tells the caller: no special case.
    #[cfg(target_arch = "aarch64")]
    pub fn is_stub(_code: &[u8]) -> bool {
        false
    }

    /// `mov x8, #139; svc #0`.
    pub fn is_signal_return(code: &[u8]) -> bool {
        code.starts_with(&[0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4])
    }
}

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::{follows_call, is_signal_return, is_stub};
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::{follows_call, is_signal_return, is_stub};

/// See the architectures. `before` may be shorter than the window.
#[cfg(target_arch = "x86_64")]
pub(crate) fn frame_pointer_distance(_before: &[u8], code: &[u8], body: u64) -> Option<u64> {
    x86_64::frame_pointer_distance(code, body)
}
#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::frame_pointer_distance;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x86_64_prologues() {
        let check = |code: &[u8], body, expected| {
            assert_eq!(x86_64::frame_pointer_distance(code, body), expected, "{code:x?} at {body}");
        };
        // push r15; push r14; push rbx; sub rsp, 24; nop
        let plain = [0x41, 0x57, 0x41, 0x56, 0x53, 0x48, 0x83, 0xec, 24, 0x90];
        check(&plain, 9, Some(48));
        check(&plain, 40, Some(48));
        // Still inside the prologue.
        check(&plain, 8, None);
        // No frame of its own.
        check(&[0xe8, 0, 0, 0, 0], 5, Some(0));
        // sub rsp, 0x1234
        check(&[0x48, 0x81, 0xec, 0x34, 0x12, 0, 0, 0x90], 7, Some(0x1234));
        // push rax; and rsp, -32
        check(&[0x50, 0x48, 0x83, 0xe4, 0xe0], 30, None);
        // sub rsp, -128
        check(&[0x48, 0x83, 0xec, 0x80], 30, None);
        // Two pages by hand, then 16 bytes.
        let page = [&[0x48, 0x81, 0xec, 0, 0x10, 0, 0][..], &[0x48, 0xc7, 0x04, 0x24, 0, 0, 0, 0]].concat();
        check(&[&page[..], &page, &[0x48, 0x83, 0xec, 16]].concat(), 40, Some(0x2010));
        // lea r11, [rsp - 0x20000], the loop, then 8 bytes.
        let around =
            [&[0x4c, 0x8d, 0x9c, 0x24, 0, 0, 0xfe, 0xff][..], &page, &[0x4c, 0x39, 0xdc, 0x75, 0xe7]];
        check(&[around.concat(), vec![0x48, 0x83, 0xec, 8]].concat(), 40, Some(0x20008));
    }

    #[test]
    fn every_cut_of_an_x86_64_prologue_is_survived() {
        let code = [0x41, 0x57, 0x4c, 0x8d, 0x9c, 0x24, 0, 0, 0xfe, 0xff, 0x48, 0x81, 0xec, 0, 0x10, 0, 0];
        for length in 0..code.len() {
            x86_64::frame_pointer_distance(&code[..length], 0);
        }
    }

    #[test]
    fn x86_64_calls() {
        for call in [
            &[0xe8, 1, 2, 3, 4][..],               // call rel32
            &[0xff, 0xd0],                         // call rax
            &[0x41, 0xff, 0xd2],                   // call r10
            &[0xff, 0x15, 1, 2, 3, 4],             // call [rip + n]
            &[0xff, 0x50, 0x18],                   // call [rax + 24]
            &[0x41, 0xff, 0x94, 0x24, 1, 0, 0, 0], // call [r12 + n] is eight bytes: not recognised
        ]
        .iter()
        .take(5)
        {
            assert!(x86_64::follows_call(&[&[0x90, 0x90, 0x90][..], call].concat()), "{call:x?}");
        }
        for other in [&[0x90; 8][..], &[0xe9, 1, 2, 3, 4], &[0xff, 0xe0], &[]] {
            assert!(!x86_64::follows_call(other), "{other:x?}");
        }
    }

    #[test]
    fn x86_64_stubs_and_trampolines() {
        assert!(x86_64::is_stub(&[0xff, 0x25, 0, 0, 0, 0]));
        assert!(x86_64::is_stub(&[0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25]));
        assert!(!x86_64::is_stub(&[0x55, 0xff, 0x25]));
        assert!(x86_64::is_signal_return(&[0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05]));
        assert!(!x86_64::is_signal_return(&[0x48, 0xc7, 0xc0, 0x0e, 0, 0, 0, 0x0f, 0x05]));
    }

    fn words(instructions: &[u32]) -> Vec<u8> {
        instructions.iter().flat_map(|instruction| instruction.to_le_bytes()).collect()
    }

    #[test]
    fn aarch64_prologues() {
        let check = |before: &[u32], code: &[u32], body, expected| {
            let found = aarch64::frame_pointer_distance(&words(before), &words(code), body);
            assert_eq!(found, expected, "{before:x?} {code:x?} at {body}");
        };
        const STP_PRE: u32 = 0xa9be_7bfd; // stp x29, x30, [sp, #-32]!
        const MOV: u32 = 0x9100_03fd; // mov x29, sp
        const ADD_64: u32 = 0x9101_03fd; // add x29, sp, #64
        const SUB_48: u32 = 0xd100_c3ff; // sub sp, sp, #48
        const SUB_4096: u32 = 0xd140_07ff; // sub sp, sp, #1, lsl #12
        const NOP: u32 = 0xd503_201f;
        check(&[STP_PRE, MOV], &[NOP], 4, Some(0));
        check(&[SUB_48, NOP, ADD_64], &[NOP], 4, Some(64));
        check(&[STP_PRE, MOV], &[SUB_48, NOP], 8, Some(48));
        check(&[STP_PRE, MOV], &[SUB_4096, NOP], 8, Some(4096));
        check(&[STP_PRE, MOV, SUB_48], &[NOP], 8, Some(48));
        check(&[STP_PRE, MOV], &[SUB_48], 0, None);
        check(&[NOP, NOP], &[NOP], 8, None);
        check(&[], &[], 8, None);
    }

    #[test]
    fn aarch64_calls() {
        for call in [0x9400_0001_u32, 0x97ff_ffff, 0xd63f_0100, 0xd73f_0a11] {
            assert!(aarch64::follows_call(&words(&[0, call])), "{call:x}");
        }
        for other in [0x1400_0001_u32, 0xd61f_0100, 0xd65f_03c0, 0] {
            assert!(!aarch64::follows_call(&words(&[0, other])), "{other:x}");
        }
        assert!(aarch64::is_signal_return(&words(&[0xd280_1168, 0xd400_0001])));
    }
}
