//! A code address that tells an instruction pointer from a return address.

use std::fmt;

/// An address in code, and which instruction it speaks of. It may be an address in memory, or one as the
/// module's own file counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CodeAddress {
    /// The instruction itself: the innermost frame, and one that a signal interrupted.
    Instruction(u64),
    /// The instruction after a call: every other frame. The call before it is what is looked up.
    Return(u64),
}

impl CodeAddress {
    /// The number.
    pub fn value(self) -> u64 {
        match self {
            CodeAddress::Instruction(address) | CodeAddress::Return(address) => address,
        }
    }

    /// Whether it is the instruction itself.
    pub fn is_instruction(self) -> bool {
        matches!(self, CodeAddress::Instruction(_))
    }

    /// An address within the instruction that is meant: a call that never returns may be the last one of its
    /// function, or of its module.
    pub fn lookup(self) -> u64 {
        match self {
            CodeAddress::Instruction(address) => address,
            CodeAddress::Return(address) => address.saturating_sub(1),
        }
    }

    /// The same instruction, as a module that was loaded with this bias counts it.
    #[must_use]
    pub fn without_bias(self, bias: u64) -> CodeAddress {
        match self {
            CodeAddress::Instruction(address) => CodeAddress::Instruction(address.wrapping_sub(bias)),
            CodeAddress::Return(address) => CodeAddress::Return(address.wrapping_sub(bias)),
        }
    }
}

impl fmt::LowerHex for CodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.value(), f)
    }
}
