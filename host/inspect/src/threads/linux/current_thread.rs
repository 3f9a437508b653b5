//! The calling thread: its kernel id, and its own stack from its registers as they are here and live memory
//! above them.

use crate::arch::registers;
use crate::unwind::{Live, Registers, Unwinder, Walk};

/// Unwinds from this function on. The stack above it cannot change while it runs.
#[inline(never)]
pub(super) fn walk(unwinder: &mut Unwinder<'_>, memory: &mut Live) -> Walk {
    memory.clear();
    let registers = Registers::of_all(registers::current());
    // Not a tail call: this frame must stand while the memory is read.
    std::hint::black_box(unwinder.walk(registers, memory, false))
}

/// Its kernel id.
pub(super) fn id() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned()
}
