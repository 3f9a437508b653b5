//! Machine code of x86-64: prologues, calls, PLT stubs and signal trampolines (Intel's manual, volume 2).
//!
//! Patterns that compilers emit are matched; anything else is `None`. Nothing is disassembled in general.

use crate::arch::Branch;

struct Code<'c>(&'c [u8]);

impl Code<'_> {
    fn skip(&mut self, prefix: &[u8]) -> bool {
        let Some(rest) = self.0.strip_prefix(prefix) else { return false };
        self.0 = rest;
        true
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
/// the prologue. What lies before `code` tells nothing here.
pub fn frame_pointer_distance(_before: &[u8], code: &[u8], body: u64) -> Option<u64> {
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

/// The calls and unconditional jumps to fixed places, each with where it stands. Where instructions begin is not told by their bytes, so that some
/// are found that are the inside of others: who follows one must see whether something is there.
pub fn branches(code: &[u8]) -> impl Iterator<Item = (usize, Branch)> {
    (0..code.len()).filter_map(|at| {
        let (operation, rest) = code.get(at..)?.split_first()?;
        let far = || {
            let (distance, _) = rest.split_first_chunk::<4>()?;
            Some(at as i64 + 5 + i64::from(i32::from_le_bytes(*distance)))
        };
        let branch = match operation {
            0xe8 => Branch::Call(far()?),
            0xe9 => Branch::Jump(far()?),
            0xeb => Branch::Jump(at as i64 + 2 + i64::from(rest.first()?.cast_signed())),
            _ => return None,
        };
        Some((at, branch))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_to_fixed_places() {
        // nop; call +16; jmp -7 (to itself less five); jmp short +2; a call that is cut off.
        let code = [0x90, 0xe8, 16, 0, 0, 0, 0xe9, 0xf6, 0xff, 0xff, 0xff, 0xeb, 2, 0xe8, 1];
        assert_eq!(
            branches(&code).collect::<Vec<_>>(),
            [(1, Branch::Call(22)), (6, Branch::Jump(1)), (11, Branch::Jump(15))]
        );
        assert_eq!(branches(&[0xe8]).chain(branches(&[0xeb])).count(), 0);
    }

    #[test]
    fn prologues() {
        let check = |code: &[u8], body, expected| {
            assert_eq!(frame_pointer_distance(&[], code, body), expected, "{code:x?} at {body}");
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
    fn every_cut_of_a_prologue_is_survived() {
        let code = [0x41, 0x57, 0x4c, 0x8d, 0x9c, 0x24, 0, 0, 0xfe, 0xff, 0x48, 0x81, 0xec, 0, 0x10, 0, 0];
        for length in 0..code.len() {
            frame_pointer_distance(&[], &code[..length], 0);
        }
    }

    #[test]
    fn calls() {
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
            assert!(follows_call(&[&[0x90, 0x90, 0x90][..], call].concat()), "{call:x?}");
        }
        for other in [&[0x90; 8][..], &[0xe9, 1, 2, 3, 4], &[0xff, 0xe0], &[]] {
            assert!(!follows_call(other), "{other:x?}");
        }
    }

    #[test]
    fn stubs_and_trampolines() {
        assert!(is_stub(&[0xff, 0x25, 0, 0, 0, 0]));
        assert!(is_stub(&[0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25]));
        assert!(!is_stub(&[0x55, 0xff, 0x25]));
        assert!(is_signal_return(&[0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05]));
        assert!(!is_signal_return(&[0x48, 0xc7, 0xc0, 0x0e, 0, 0, 0, 0x0f, 0x05]));
    }
}
