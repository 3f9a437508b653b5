//! The registers that unwinding follows, by their DWARF numbers, and what each architecture says of them.

/// DWARF numbers differ in meaning only, so one array serves both architectures.
#[cfg(target_arch = "x86_64")]
mod numbers {
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
}

#[cfg(target_arch = "aarch64")]
mod numbers {
    /// DWARF for the Arm 64-bit architecture, table 1; the program counter has no number in tables.
    pub const COUNT: usize = 33;
    pub const FRAME_POINTER: usize = 29;
    pub const STACK_POINTER: usize = 31;
    pub const RETURN_ADDRESS: usize = 30;
    pub const PROGRAM_COUNTER: usize = 32;
    /// Lost across a call: x0 to x18 and the link register.
    pub const CALLER_SAVED: &[usize] =
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 30];
    /// What a system call's arguments come in: x0 to x5.
    pub const ARGUMENTS: [usize; 6] = [0, 1, 2, 3, 4, 5];
}

pub(crate) use numbers::*;

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

/// A return address without the signature that pointer authentication puts into its upper bits.
#[cfg(target_arch = "aarch64")]
pub(crate) fn plain_address(signed: u64) -> u64 {
    // User space has 48 bits of address unless a program asks for more.
    signed & 0x0000_ffff_ffff_ffff
}

/// Addresses carry nothing else here.
#[cfg(target_arch = "x86_64")]
pub(crate) fn plain_address(address: u64) -> u64 {
    address
}
