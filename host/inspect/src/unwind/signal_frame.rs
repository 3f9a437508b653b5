//! The registers that the kernel saved on the stack when it delivered a signal. For trampolines without
//! unwind tables (musl's on x86-64) and for those whose tables give less than everything (the aarch64 vDSO).

use super::registers::Registers;
use super::stack_memory::StackMemory;
use crate::arch::registers::COUNT;
use crate::arch::signal_frame::places;

/// All registers of the code that was interrupted.
pub(crate) fn interrupted(stack_pointer: u64, memory: &mut impl StackMemory) -> Option<Registers> {
    let mut values = [0; COUNT];
    for (number, distance) in places() {
        *values.get_mut(number)? = memory.word(stack_pointer.checked_add(distance)?)?;
    }
    Some(Registers::of_all(values))
}
