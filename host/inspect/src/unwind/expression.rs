//! DWARF expressions as unwind tables use them: PLT stubs, signal trampolines, switched stacks.
//!
//! Evaluated here instead of by gimli because `DW_OP_regN` pushes the register's value in libgcc and in the
//! tables written for it, while the standard (and gimli) makes it a location. Branches and calls are
//! refused: without them every expression ends.

use super::registers::Registers;
use super::stack_memory::StackMemory;
use gimli::constants as op;

/// libgcc's own limit is 64; the deepest seen in practice is 4.
const STACK: usize = 32;

/// The longest expression that is evaluated, in bytes: the longest seen in practice has some thirty, and one is
/// evaluated for each register of each frame.
pub(super) const LONGEST: usize = 1024;

/// Three runs of 32 operations each follow one another.
const LIT0: u8 = op::DW_OP_lit0.0;
const REG0: u8 = op::DW_OP_reg0.0;
const BREG0: u8 = op::DW_OP_breg0.0;
const BREG_END: u8 = op::DW_OP_breg31.0 + 1;

struct Cursor<'e>(&'e [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take()?;
            value |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let unused = 64_u32.saturating_sub(shift + 7);
                return Some((value << unused) >> unused);
            }
        }
        None
    }
}

/// The values that operations take and leave, in place: evaluation allocates nothing.
struct Stack {
    values: [u64; STACK],
    height: usize,
}

impl Stack {
    /// `None` if it is full.
    fn push(&mut self, value: u64) -> Option<()> {
        *self.values.get_mut(self.height)? = value;
        self.height += 1;
        Some(())
    }

    fn pop(&mut self) -> Option<u64> {
        self.height = self.height.checked_sub(1)?;
        self.values.get(self.height).copied()
    }

    /// The value that lies this far below the topmost one.
    fn below_top(&self, distance: usize) -> Option<u64> {
        self.values.get(self.height.checked_sub(distance + 1)?).copied()
    }
}

/// The value that is left on top, or `None` if the expression is damaged or wants what is not known.
pub(super) fn evaluate(
    expression: &[u8],
    registers: &Registers,
    memory: &mut impl StackMemory,
    initial: Option<u64>,
) -> Option<u64> {
    if expression.len() > LONGEST {
        return None;
    }
    let mut code = Cursor(expression);
    let mut stack = Stack { values: [0; STACK], height: 0 };
    if let Some(initial) = initial {
        stack.push(initial)?;
    }
    while let Some([byte]) = code.take() {
        let pushed = match gimli::DwOp(byte) {
            gimli::DwOp(LIT0..REG0) => u64::from(byte - LIT0),
            gimli::DwOp(REG0..BREG0) => registers.get(usize::from(byte - REG0))?,
            gimli::DwOp(BREG0..BREG_END) => {
                registers.get(usize::from(byte - BREG0))?.wrapping_add_signed(code.signed()?)
            }
            op::DW_OP_bregx => {
                let register = usize::try_from(code.unsigned()?).ok()?;
                registers.get(register)?.wrapping_add_signed(code.signed()?)
            }
            op::DW_OP_addr | op::DW_OP_const8u | op::DW_OP_const8s => u64::from_le_bytes(code.take()?),
            op::DW_OP_const1u => u64::from(u8::from_le_bytes(code.take()?)),
            op::DW_OP_const2u => u64::from(u16::from_le_bytes(code.take()?)),
            op::DW_OP_const4u => u64::from(u32::from_le_bytes(code.take()?)),
            op::DW_OP_const1s => i64::from(i8::from_le_bytes(code.take()?)) as u64,
            op::DW_OP_const2s => i64::from(i16::from_le_bytes(code.take()?)) as u64,
            op::DW_OP_const4s => i64::from(i32::from_le_bytes(code.take()?)) as u64,
            op::DW_OP_constu => code.unsigned()?,
            op::DW_OP_consts => code.signed()? as u64,
            op::DW_OP_dup => stack.below_top(0)?,
            op::DW_OP_over => stack.below_top(1)?,
            op::DW_OP_drop => {
                stack.pop()?;
                continue;
            }
            op::DW_OP_swap => {
                let (upper, lower) = (stack.pop()?, stack.pop()?);
                stack.push(upper)?;
                lower
            }
            op::DW_OP_nop => continue,
            op::DW_OP_deref => memory.word(stack.pop()?)?,
            op::DW_OP_plus_uconst => stack.pop()?.wrapping_add(code.unsigned()?),
            op::DW_OP_neg => stack.pop()?.wrapping_neg(),
            op::DW_OP_not => !stack.pop()?,
            binary => {
                let (right, left) = (stack.pop()?, stack.pop()?);
                combine(binary, left, right)?
            }
        };
        stack.push(pushed)?;
    }
    stack.pop()
}

fn combine(operation: gimli::DwOp, left: u64, right: u64) -> Option<u64> {
    let (signed_left, signed_right) = (left as i64, right as i64);
    Some(match operation {
        op::DW_OP_plus => left.wrapping_add(right),
        op::DW_OP_minus => left.wrapping_sub(right),
        op::DW_OP_mul => left.wrapping_mul(right),
        op::DW_OP_and => left & right,
        op::DW_OP_or => left | right,
        op::DW_OP_xor => left ^ right,
        op::DW_OP_shl => left.checked_shl(u32::try_from(right).ok()?)?,
        op::DW_OP_shr => left.checked_shr(u32::try_from(right).ok()?)?,
        op::DW_OP_shra => signed_left.checked_shr(u32::try_from(right).ok()?)? as u64,
        op::DW_OP_eq => u64::from(left == right),
        op::DW_OP_ne => u64::from(left != right),
        op::DW_OP_ge => u64::from(signed_left >= signed_right),
        op::DW_OP_gt => u64::from(signed_left > signed_right),
        op::DW_OP_le => u64::from(signed_left <= signed_right),
        op::DW_OP_lt => u64::from(signed_left < signed_right),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::stack_memory::Copied;
    use super::*;
    use crate::arch::registers::STACK_POINTER;

    const CODE: u64 = 0x40_000b;
    const STACK_AT: u64 = 0x7000;

    fn check(expression: &[u8], expected: Option<u64>) {
        let bytes = 77_u64.to_ne_bytes();
        let ranges = [(STACK_AT, &bytes[..])];
        let registers = Registers::of_code_and_stack(CODE, STACK_AT);
        assert_eq!(evaluate(expression, &registers, &mut Copied(&ranges), None), expected, "{expression:x?}");
    }

    #[test]
    fn a_register_is_its_value_as_in_libgcc() {
        // DW_OP_reg(sp); DW_OP_deref: how a running fiber names the stack that it came from.
        check(&[op::DW_OP_reg0.0 + STACK_POINTER as u8, op::DW_OP_deref.0], Some(77));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_table_of_a_plt_stub() {
        // breg7 8; breg16 0; lit15; and; lit11; ge; lit3; shl; plus: one word more from the stub's 11th byte.
        check(&[0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22], Some(STACK_AT + 16));
    }

    #[test]
    fn numbers() {
        check(&[op::DW_OP_const1s.0, 0xff], Some(u64::MAX));
        check(&[op::DW_OP_consts.0, 0x7f], Some(u64::MAX));
        check(&[op::DW_OP_constu.0, 0x80, 0x01], Some(128));
        check(&[op::DW_OP_lit0.0 + 9, op::DW_OP_lit0.0 + 4, op::DW_OP_minus.0], Some(5));
    }

    #[test]
    fn what_is_damaged_unknown_or_endless_is_refused() {
        check(&[], None);
        check(&[op::DW_OP_plus.0], None);
        check(&[op::DW_OP_const8u.0, 1], None);
        check(&[op::DW_OP_reg0.0], None);
        check(&[op::DW_OP_skip.0, 0xfd, 0xff], None);
        check(&[op::DW_OP_lit0.0, op::DW_OP_deref.0], None);
        check(&[op::DW_OP_lit0.0; STACK + 1], None);
        let idle = |length: usize| [&vec![op::DW_OP_nop.0; length - 1][..], &[op::DW_OP_lit0.0]].concat();
        check(&idle(LONGEST), Some(0));
        check(&idle(LONGEST + 1), None);
        check(&[[op::DW_OP_constu.0].as_slice(), &[0x80; 12]].concat(), None);
    }
}
