//! The unwinder that allocates nothing: it takes a frame's rules from the unwind tables as they stand in memory, and
//! the stack from pieces of a fixed size.
//!
//! What a row of the tables means, and how code without tables is recognised, is the same as in
//! [`unwind`](crate::unwind), whose functions do it. Other than there, tables are read through the kernel at each step,
//! since to map a file would take memory and a slice of live memory would be a fault the moment a library is unloaded.

use super::frame_tables::{FrameTables, bytes_at};
use super::modules::LoadedModules;
use super::stack_pieces::StackPieces;
use crate::arch::registers::{
    FRAME_POINTER, LINK_REGISTER, PROGRAM_COUNTER, RETURN_ADDRESS, STACK_POINTER, plain_address,
};
use crate::arch::{CALL_WINDOW, PROLOGUE_WINDOW, instructions, signal_frame};
use crate::memory;
use crate::modules::CodeAddress;
use crate::threads::Incomplete;
use crate::unwind::{Cfa, End, RawFrame, Registers, Row, StackMemory as _, apply, interrupted};

/// Enough to tell where a thread stands. A runaway recursion has a hundred thousand.
const MOST_FRAMES: usize = 256;
/// How much code tells a stub or a trampoline.
const STUB: usize = 16;

/// Unwinds stacks, one after the other.
pub(super) struct Unwinder {
    tables: FrameTables,
    frames: Vec<RawFrame>,
    stack: StackPieces,
}

/// What one step came to.
#[allow(
    clippy::large_enum_variant,
    reason = "lives for one step, on the stack; a box would be an allocation"
)]
enum Step {
    Caller { registers: Registers, exact: bool, verified: bool },
    Stop(Option<Incomplete>),
}

impl Step {
    fn stop(reason: Incomplete) -> Step {
        Step::Stop(Some(reason))
    }
}

impl Unwinder {
    pub fn new() -> Unwinder {
        Unwinder {
            tables: FrameTables::new(),
            frames: Vec::with_capacity(MOST_FRAMES),
            stack: StackPieces::new(),
        }
    }

    /// Forgets the rows: another library may lie at their addresses by now.
    pub fn begin(&mut self) {
        self.tables.clear();
    }

    /// The frames of the last [`Unwinder::walk`], innermost first.
    pub fn frames(&self) -> &[RawFrame] {
        &self.frames
    }

    /// Follows the callers; returns why they do not lead to the thread's start, if they do not. With `recover`, a
    /// frame pointer that is not known is worked out from the prologue of the function that needs it. Frames that
    /// rest on one, and lead nowhere, are marked as unverified.
    pub fn walk(
        &mut self,
        modules: &LoadedModules,
        mut registers: Registers,
        recover: bool,
    ) -> Option<Incomplete> {
        self.frames.clear();
        self.stack.clear();
        let (mut exact, mut verified) = (true, true);
        // How many frames do not depend on a frame pointer that was worked out.
        let mut certain = None;
        let end = loop {
            let Some(address) = registers.program_counter() else {
                break Some(unknown(PROGRAM_COUNTER));
            };
            if address == 0 {
                break None;
            }
            if self.frames.len() >= MOST_FRAMES {
                break Some(Incomplete::TooManyFrames(MOST_FRAMES));
            }
            // A wrong frame pointer must not pass: what it leads to must have been called.
            if certain.is_some() && !exact && !may_be_returned_to(modules, address) {
                break Some(Incomplete::Inconsistent);
            }
            let address =
                if exact { CodeAddress::Instruction(address) } else { CodeAddress::Return(address) };
            self.frames.push(RawFrame { address, verified, omitted: 0 });
            let mut recovered = false;
            let lookup = address.lookup();
            let step = self.step(modules, lookup, exact, registers, recover.then_some(&mut recovered));
            if recovered {
                certain.get_or_insert(self.frames.len());
            }
            match step {
                Step::Caller { registers: caller, exact: caller_exact, verified: caller_verified } => {
                    (registers, exact, verified) = (caller, caller_exact, caller_verified);
                }
                Step::Stop(end) => break end,
            }
        };
        if let (Some(_), Some(certain)) = (&end, certain) {
            self.frames.iter_mut().skip(certain).for_each(|frame| frame.verified = false);
        }
        end
    }

    fn step(
        &mut self,
        modules: &LoadedModules,
        lookup: u64,
        exact: bool,
        mut registers: Registers,
        recovered: Option<&mut bool>,
    ) -> Step {
        if !modules.is_code(lookup) {
            return Step::stop(Incomplete::UnknownCode);
        }
        if modules.is_unnamed_code(lookup) {
            let caller = self.step_by_frame_pointer(modules, &registers, false);
            return caller.unwrap_or(Step::stop(Incomplete::NoTables));
        }
        let Unwinder { tables, stack, .. } = self;
        let Some(row) = tables.row(modules, lookup) else {
            return self.step_without_tables(modules, lookup, exact, &registers);
        };
        if row.signal_frame
            && !signal_frame::TABLES_RESTORE_ALL
            && let Some(interrupted) = interrupted_at(modules, stack, lookup, &registers)
        {
            return interrupted;
        }
        if row.is_root() {
            return Step::Stop(None);
        }
        if let (Cfa::Register(FRAME_POINTER, _), None, Some(recovered)) =
            (&row.cfa, registers.frame_pointer(), recovered)
            && let Some(found) = recover_frame_pointer(&row, lookup, exact, &registers)
        {
            registers.set(FRAME_POINTER, Some(found));
            *recovered = true;
        }
        match apply(&row, &registers, stack) {
            Ok(caller) => {
                let unmoved = caller.stack_pointer() <= registers.stack_pointer();
                // As in the other unwinder: leaf functions, signals on another stack and switches of stacks.
                let may_stay = exact || row.signal_frame || matches!(row.cfa, Cfa::Expression(_));
                let same = caller.program_counter() == registers.program_counter()
                    && caller.stack_pointer() == registers.stack_pointer();
                if same || (unmoved && !may_stay) {
                    return Step::stop(Incomplete::Inconsistent);
                }
                Step::Caller { registers: caller, exact: row.signal_frame, verified: true }
            }
            Err(End::UnknownRegister(number)) => Step::stop(Incomplete::UnknownRegister(number)),
            Err(End::Unreadable(address)) => Step::stop(Incomplete::Unreadable(address)),
            Err(_) => Step::stop(Incomplete::Inconsistent),
        }
    }

    /// Stubs and signal trampolines are recognised by their code; all else rests on the frame pointer.
    fn step_without_tables(
        &mut self,
        modules: &LoadedModules,
        lookup: u64,
        exact: bool,
        registers: &Registers,
    ) -> Step {
        if let Some(interrupted) = interrupted_at(modules, &mut self.stack, lookup, registers) {
            return interrupted;
        }
        if exact
            && bytes_at::<STUB>(lookup).is_some_and(|code| instructions::is_stub(&code))
            && let Some(stack_pointer) = registers.stack_pointer()
        {
            let Some(address) = self.stack.word(stack_pointer) else {
                return Step::stop(Incomplete::Unreadable(stack_pointer));
            };
            let mut caller = *registers;
            caller.set(PROGRAM_COUNTER, Some(plain_address(address)));
            caller.set(STACK_POINTER, stack_pointer.checked_add(8));
            return Step::Caller { registers: caller, exact: false, verified: true };
        }
        let caller = exact.then(|| self.step_by_link_register(modules, lookup, registers)).flatten();
        caller
            .or_else(|| self.step_by_frame_pointer(modules, registers, true))
            .unwrap_or(Step::stop(Incomplete::NoTables))
    }

    /// The caller of a function that has no frame of its own, as those in aarch64's vDSO: the address after the call
    /// is still in its register.
    fn step_by_link_register(
        &mut self,
        modules: &LoadedModules,
        lookup: u64,
        registers: &Registers,
    ) -> Option<Step> {
        let address = plain_address(registers.get(LINK_REGISTER?)?);
        // Left by a call that the function itself made, or put into its frame as well.
        let saved = self.stack.word(registers.frame_pointer()?.checked_add(8)?).map(plain_address);
        let is_stale = modules.same_module(lookup, address) || saved == Some(address);
        if is_stale || !(modules.is_code(address) && follows_call(address)) {
            return None;
        }
        let mut caller = *registers;
        caller.set(PROGRAM_COUNTER, Some(address));
        caller.set(RETURN_ADDRESS, None);
        Some(Step::Caller { registers: caller, exact: false, verified: false })
    }

    /// The caller by the frame pointer alone, if that points up the stack to a plausible return address.
    fn step_by_frame_pointer(
        &mut self,
        modules: &LoadedModules,
        registers: &Registers,
        check_call: bool,
    ) -> Option<Step> {
        let (frame, stack) = (registers.frame_pointer()?, registers.stack_pointer()?);
        if frame < stack || !frame.is_multiple_of(8) {
            return None;
        }
        let next_frame = self.stack.word(frame)?;
        let address = plain_address(self.stack.word(frame.checked_add(8)?)?);
        if check_call && address != 0 && !(modules.is_code(address) && follows_call(address)) {
            return None;
        }
        let mut caller = Registers::of_code_and_stack(address, frame.checked_add(16)?);
        caller.set(FRAME_POINTER, Some(next_frame));
        Some(Step::Caller { registers: caller, exact: false, verified: false })
    }
}

/// What a signal interrupted, if the code here is the trampoline that returns from its handler.
fn interrupted_at(
    modules: &LoadedModules,
    stack: &mut StackPieces,
    lookup: u64,
    registers: &Registers,
) -> Option<Step> {
    // Looked up as a return address the trampoline seems to begin a byte earlier.
    let here = [lookup, lookup.wrapping_add(1)];
    here.into_iter().find(|at| modules.is_code(*at) && is_signal_return(*at))?;
    let registers = interrupted(registers.stack_pointer()?, stack)?;
    Some(Step::Caller { registers, exact: true, verified: true })
}

fn unknown(register: usize) -> Incomplete {
    // DWARF numbers registers with two bytes.
    Incomplete::UnknownRegister(u16::try_from(register).unwrap_or(u16::MAX))
}

fn follows_call(address: u64) -> bool {
    let before = address.checked_sub(CALL_WINDOW as u64).and_then(bytes_at::<CALL_WINDOW>);
    before.is_some_and(|code| instructions::follows_call(&code))
}

fn is_signal_return(address: u64) -> bool {
    bytes_at::<STUB>(address).is_some_and(|code| instructions::is_signal_return(&code))
}

fn may_be_returned_to(modules: &LoadedModules, address: u64) -> bool {
    modules.is_code(address) && (follows_call(address) || is_signal_return(address))
}

fn recover_frame_pointer(row: &Row<'_>, lookup: u64, exact: bool, registers: &Registers) -> Option<u64> {
    let since = row.frame_pointer_since?;
    let before = since.checked_sub(STUB as u64).and_then(bytes_at::<STUB>).unwrap_or_default();
    let mut window = [0; PROLOGUE_WINDOW];
    let read = memory::read_some(since, &mut window);
    // `lookup` lies in the call instruction, whose end is the frame's own address.
    let here = lookup.checked_add(u64::from(!exact))?;
    let distance =
        instructions::frame_pointer_distance(&before, window.get(..read)?, here.checked_sub(since)?)?;
    registers.stack_pointer()?.checked_add(distance)
}
