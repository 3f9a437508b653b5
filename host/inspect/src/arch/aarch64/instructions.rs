//! Machine code of AArch64: prologues, calls and signal trampolines (Arm's manual, chapter C4).
//!
//! Patterns that compilers emit are matched; anything else is `None`. Nothing is disassembled in general.

use crate::arch::Branch;

fn instructions(code: &[u8]) -> impl DoubleEndedIterator<Item = u32> {
    code.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
}

/// The operand of `op, #imm{, lsl #12}` if the instruction has these fixed bits.
fn immediate(instruction: u32, fixed: u32) -> Option<u64> {
    if instruction & 0xff80_03ff != fixed {
        return None;
    }
    let value = u64::from((instruction >> 10) & 0xfff);
    let is_shifted = (instruction >> 22) & 1 == 1;
    Some(if is_shifted { value << 12 } else { value })
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

/// The calls and jumps to fixed places, each with where it stands: `bl`, `b`, and `b.cond`, `cbz`, `cbnz`, `tbz`, `tbnz`.
pub fn branches(code: &[u8]) -> impl Iterator<Item = (usize, Branch)> {
    // A distance in instructions: a number of so many bits, from this one on.
    let distance = |instruction: u32, from: u32, bits: u32| {
        let number = (instruction >> from) << (32 - bits);
        i64::from(number.cast_signed() >> (32 - bits)) * 4
    };
    instructions(code).enumerate().filter_map(move |(index, instruction)| {
        let to = |from, bits| index as i64 * 4 + distance(instruction, from, bits);
        let branch = match instruction {
            _ if instruction & 0xfc00_0000 == 0x9400_0000 => Branch::Call(to(0, 26)),
            _ if instruction & 0xfc00_0000 == 0x1400_0000 => Branch::Jump(to(0, 26)),
            _ if instruction & 0xff00_0010 == 0x5400_0000 => Branch::Jump(to(5, 19)),
            _ if instruction & 0x7e00_0000 == 0x3400_0000 => Branch::Jump(to(5, 19)),
            _ if instruction & 0x7e00_0000 == 0x3600_0000 => Branch::Jump(to(5, 14)),
            _ => return None,
        };
        Some((index * 4, branch))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_to_fixed_places() {
        // nop; bl +8; b -4; b.ne +16; cbz x0, -8; tbnz w1, #3, +4; ret
        let code = words(&[
            0xd503_201f,
            0x9400_0002,
            0x17ff_ffff,
            0x5400_0081,
            0xb4ff_ffc0,
            0x3718_0021,
            0xd65f_03c0,
        ]);
        let expected = [
            (4, Branch::Call(12)),
            (8, Branch::Jump(4)),
            (12, Branch::Jump(28)),
            (16, Branch::Jump(8)),
            (20, Branch::Jump(24)),
        ];
        assert_eq!(branches(&code).collect::<Vec<_>>(), expected);
    }

    fn words(instructions: &[u32]) -> Vec<u8> {
        instructions.iter().flat_map(|instruction| instruction.to_le_bytes()).collect()
    }

    #[test]
    fn prologues() {
        let check = |before: &[u32], code: &[u32], body, expected| {
            let found = frame_pointer_distance(&words(before), &words(code), body);
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
    fn calls() {
        for call in [0x9400_0001_u32, 0x97ff_ffff, 0xd63f_0100, 0xd73f_0a11] {
            assert!(follows_call(&words(&[0, call])), "{call:x}");
        }
        for other in [0x1400_0001_u32, 0xd61f_0100, 0xd65f_03c0, 0] {
            assert!(!follows_call(&words(&[0, other])), "{other:x}");
        }
        assert!(is_signal_return(&words(&[0xd280_1168, 0xd400_0001])));
    }
}
