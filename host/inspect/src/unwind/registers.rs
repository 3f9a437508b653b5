//! The registers of one frame, by their DWARF numbers, as far as they are known.

use crate::arch::registers::{ARGUMENTS, COUNT, FRAME_POINTER, PROGRAM_COUNTER, STACK_POINTER};

/// What is known of the registers in one frame. A register that is not known stays so: it is never guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Registers([Option<u64>; COUNT]);

impl Registers {
    /// Nothing but where the code is and where the stack is.
    pub fn of_code_and_stack(program_counter: u64, stack_pointer: u64) -> Registers {
        let mut registers = Registers([None; COUNT]);
        registers.set(PROGRAM_COUNTER, Some(program_counter));
        registers.set(STACK_POINTER, Some(stack_pointer));
        registers
    }

    /// As [`Registers::of_code_and_stack`], for a thread in a system call with these arguments: the kernel
    /// leaves the registers that they came in as they were.
    pub fn of_system_call(arguments: [u64; 6], program_counter: u64, stack_pointer: u64) -> Registers {
        let mut registers = Registers::of_code_and_stack(program_counter, stack_pointer);
        for (number, argument) in ARGUMENTS.into_iter().zip(arguments) {
            registers.set(number, Some(argument));
        }
        registers
    }

    /// All of them, in the order of their numbers.
    pub fn of_all(values: [u64; COUNT]) -> Registers {
        Registers(values.map(Some))
    }

    /// Those of which something is known, by number.
    pub fn of_known(known: impl Iterator<Item = (usize, u64)>) -> Registers {
        let mut registers = Registers([None; COUNT]);
        known.for_each(|(number, value)| registers.set(number, Some(value)));
        registers
    }

    /// What is known, in the order of the numbers.
    pub fn known(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let numbered = self.0.iter().enumerate();
        numbered.filter_map(|(number, value)| value.map(|value| (number, value)))
    }

    pub fn get(&self, number: usize) -> Option<u64> {
        self.0.get(number).copied().flatten()
    }

    /// A number that is not followed is ignored.
    pub fn set(&mut self, number: usize, value: Option<u64>) {
        if let Some(register) = self.0.get_mut(number) {
            *register = value;
        }
    }

    pub fn program_counter(&self) -> Option<u64> {
        self.get(PROGRAM_COUNTER)
    }

    pub fn stack_pointer(&self) -> Option<u64> {
        self.get(STACK_POINTER)
    }

    pub fn frame_pointer(&self) -> Option<u64> {
        self.get(FRAME_POINTER)
    }
}
