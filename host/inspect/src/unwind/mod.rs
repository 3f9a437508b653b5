//! The unwinder: from registers and a stack to the list of callers.
//!
//! Runs on ordinary threads only, never in a signal handler: it allocates, and it opens files. It trusts
//! neither the stack nor the tables: each step is bounded, and a register that is not known is never guessed.

mod call_sites;
mod cleanup;
mod code_map;
mod expression;
#[cfg(test)]
mod fuzz;
mod registers;
mod signal_frame;
mod stack_memory;
mod tables;
mod walk;

pub(crate) use cleanup::{Call, Cleanups};
pub(crate) use code_map::CodeMap;
pub(crate) use registers::Registers;
pub(crate) use signal_frame::interrupted;
pub(crate) use stack_memory::{Copied, CopiedThenLive, Live, StackMemory};
pub(crate) use tables::{Cfa, Context, Row, Rule, Slice, row_of};
pub(crate) use walk::{End, RawFrame, Trailed, Walk};

use crate::arch::registers::{
    CALLER_SAVED, FRAME_POINTER, LINK_REGISTER, PROGRAM_COUNTER, RETURN_ADDRESS, STACK_POINTER, plain_address,
};
use crate::arch::{PROLOGUE_WINDOW, instructions};
use crate::modules::CodeAddress;
use rustc_hash::FxBuildHasher;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;
use tables::Tables;

/// Unwinds stacks over one [`CodeMap`], remembering the rules for each address.
pub(crate) struct Unwinder<'m> {
    map: &'m CodeMap,
    tables: Vec<OnceCell<Option<Tables<'m>>>>,
    rows: HashMap<u64, Option<Rc<Row<'m>>>, FxBuildHasher>,
    /// Whether each address follows a call, or is where signal handlers return to.
    returned_to: HashMap<u64, bool, FxBuildHasher>,
    context: Context,
    /// Whether a walk keeps the registers of its frames.
    keeps_registers: bool,
    /// Emptied, to be filled again.
    spare: (Vec<RawFrame>, Vec<Trailed>),
}

/// What one step came to.
#[allow(
    clippy::large_enum_variant,
    reason = "lives for one step, on the stack; a box would be an allocation a frame"
)]
enum Step {
    /// The caller's registers; whether its address is exact; whether tables vouch for it.
    Caller {
        registers: Registers,
        exact: bool,
        verified: bool,
    },
    Stop(End),
}

impl<'m> Unwinder<'m> {
    pub fn new(map: &'m CodeMap) -> Unwinder<'m> {
        Unwinder {
            map,
            tables: map.snapshot.modules.iter().map(|_| OnceCell::new()).collect(),
            rows: HashMap::default(),
            returned_to: HashMap::default(),
            context: Context::new(),
            keeps_registers: false,
            spare: Default::default(),
        }
    }

    /// Lets walks keep the registers of their frames, or not.
    pub fn keep_registers(&mut self, keep: bool) {
        self.keeps_registers = keep;
    }

    /// Follows the callers. With `recover`, a frame pointer that is not known is recovered by decoding the
    /// prologue of the function that needs it: for threads of which only code and stack address are known.
    pub fn walk(&mut self, registers: Registers, memory: &mut impl StackMemory, recover: bool) -> Walk {
        let (frames, trail) = std::mem::take(&mut self.spare);
        let mut walk = Walk::new(frames, trail);
        let end = self.follow(&mut walk, registers, memory, recover);
        walk.finish(end);
        walk
    }

    fn follow(
        &mut self,
        walk: &mut Walk,
        mut registers: Registers,
        memory: &mut impl StackMemory,
        recover: bool,
    ) -> End {
        let mut exact = true;
        let mut verified = true;
        loop {
            let Some(address) = registers.program_counter() else {
                return unknown_register(PROGRAM_COUNTER);
            };
            if address == 0 {
                return End::ZeroReturn;
            }
            if walk.is_over() {
                return End::TooDeep(walk.count());
            }
            // A wrong frame pointer must not pass: what it leads to must have been called.
            if walk.certain.is_some() && !exact && !self.may_be_returned_to(address) {
                return End::Inconsistent;
            }
            let address =
                if exact { CodeAddress::Instruction(address) } else { CodeAddress::Return(address) };
            walk.push(address, verified);
            let lookup = address.lookup();
            let mut recovered = false;
            let step = self.step(lookup, exact, &mut registers, memory, recover.then_some(&mut recovered));
            if self.keeps_registers {
                walk.keep(address, &registers);
            }
            if recovered {
                walk.certain.get_or_insert(walk.count());
            }
            match step {
                Step::Caller { registers: caller, exact: caller_exact, verified: caller_verified } => {
                    registers = caller;
                    exact = caller_exact;
                    verified = caller_verified;
                }
                Step::Stop(end) => return end,
            }
        }
    }

    /// Lets the next walk use the memory of a finished one.
    pub fn take_back(&mut self, walk: Walk) {
        self.spare = (walk.frames, walk.trail);
    }

    fn step(
        &mut self,
        lookup: u64,
        exact: bool,
        registers: &mut Registers,
        memory: &mut impl StackMemory,
        recovered: Option<&mut bool>,
    ) -> Step {
        let Some(index) = self.map.snapshot.index_of(lookup) else {
            if !self.map.is_unnamed_code(lookup) {
                return Step::Stop(End::UnknownCode);
            }
            return self.step_by_frame_pointer(registers, memory, false).unwrap_or(Step::Stop(End::NoTables));
        };
        let Some(row) = self.row(index, lookup) else {
            return self.step_without_tables(lookup, exact, registers, memory);
        };
        if row.signal_frame
            && !crate::arch::signal_frame::TABLES_RESTORE_ALL
            && let Some(interrupted) = self.interrupted(lookup, registers, memory)
        {
            return interrupted;
        }
        if row.is_root() {
            return Step::Stop(End::Root);
        }
        if let (Cfa::Register(FRAME_POINTER, _), None, Some(recovered)) =
            (&row.cfa, registers.frame_pointer(), recovered)
            && let Some(found) = self.recover_frame_pointer(index, &row, lookup, exact, registers)
        {
            registers.set(FRAME_POINTER, Some(found));
            *recovered = true;
        }
        match apply(&row, registers, memory) {
            Ok(caller) => {
                let unmoved = caller.stack_pointer() <= registers.stack_pointer();
                // The stack grows down, so a caller's is higher, but for leaf functions at their very
                // beginning, signals on another stack and code that switches stacks by an expression.
                let may_stay = exact || row.signal_frame || matches!(row.cfa, Cfa::Expression(_));
                let same = caller.program_counter() == registers.program_counter()
                    && caller.stack_pointer() == registers.stack_pointer();
                if same || (unmoved && !may_stay) {
                    return Step::Stop(End::Inconsistent);
                }
                Step::Caller { registers: caller, exact: row.signal_frame, verified: true }
            }
            Err(end) => Step::Stop(end),
        }
    }

    /// Stubs and signal trampolines are recognised by their code; all else rests on the frame pointer.
    fn step_without_tables(
        &self,
        lookup: u64,
        exact: bool,
        registers: &Registers,
        memory: &mut impl StackMemory,
    ) -> Step {
        if let Some(interrupted) = self.interrupted(lookup, registers, memory) {
            return interrupted;
        }
        let is_stub = exact && self.map.code_at(lookup, 16).is_some_and(instructions::is_stub);
        if is_stub && let Some(stack_pointer) = registers.stack_pointer() {
            let Some(address) = memory.word(stack_pointer) else {
                return Step::Stop(End::Unreadable(stack_pointer));
            };
            let mut caller = *registers;
            caller.set(PROGRAM_COUNTER, Some(plain_address(address)));
            caller.set(STACK_POINTER, stack_pointer.checked_add(8));
            return Step::Caller { registers: caller, exact: false, verified: true };
        }
        let caller = exact.then(|| self.step_by_link_register(lookup, registers, memory)).flatten();
        caller
            .or_else(|| self.step_by_frame_pointer(registers, memory, true))
            .unwrap_or(Step::Stop(End::NoTables))
    }

    /// The caller of a function that has no frame of its own, as those in aarch64's vDSO: the address after
    /// the call is still in its register.
    fn step_by_link_register(
        &self,
        lookup: u64,
        registers: &Registers,
        memory: &mut impl StackMemory,
    ) -> Option<Step> {
        let address = plain_address(registers.get(LINK_REGISTER?)?);
        // Left by a call that the function itself made, or put into its frame as well.
        let here = self.map.snapshot.index_of(lookup) == self.map.snapshot.index_of(address);
        let saved = memory.word(registers.frame_pointer()?.checked_add(8)?).map(plain_address);
        if here || saved == Some(address) || !self.map.follows_call(address) {
            return None;
        }
        let mut caller = *registers;
        caller.set(PROGRAM_COUNTER, Some(address));
        caller.set(RETURN_ADDRESS, None);
        Some(Step::Caller { registers: caller, exact: false, verified: false })
    }

    /// What a signal interrupted, if the code here is the trampoline that returns from its handler.
    fn interrupted(&self, lookup: u64, registers: &Registers, memory: &mut impl StackMemory) -> Option<Step> {
        // Looked up as a return address the trampoline seems to begin a byte earlier.
        let here = [lookup, lookup.wrapping_add(1)];
        here.into_iter().find(|at| self.map.code_at(*at, 16).is_some_and(instructions::is_signal_return))?;
        let registers = signal_frame::interrupted(registers.stack_pointer()?, memory)?;
        Some(Step::Caller { registers, exact: true, verified: true })
    }

    /// The caller by the frame pointer alone, if that points up the stack to a plausible return address.
    fn step_by_frame_pointer(
        &self,
        registers: &Registers,
        memory: &mut impl StackMemory,
        check_call: bool,
    ) -> Option<Step> {
        let (frame, stack) = (registers.frame_pointer()?, registers.stack_pointer()?);
        if frame < stack || !frame.is_multiple_of(8) {
            return None;
        }
        let next_frame = memory.word(frame)?;
        let address = plain_address(memory.word(frame.checked_add(8)?)?);
        if check_call && address != 0 && !self.map.follows_call(address) {
            return None;
        }
        let mut caller = Registers::of_code_and_stack(address, frame.checked_add(16)?);
        caller.set(FRAME_POINTER, Some(next_frame));
        Some(Step::Caller { registers: caller, exact: false, verified: false })
    }

    fn recover_frame_pointer(
        &self,
        index: usize,
        row: &Row<'_>,
        lookup: u64,
        exact: bool,
        registers: &Registers,
    ) -> Option<u64> {
        let (module, image) = self.map.image(index)?;
        let since = row.frame_pointer_since?;
        let begin = image.from(module, since)?;
        let before_at = since.saturating_sub(16);
        let before = image.from(module, before_at).and_then(|bytes| bytes.get(..16)).unwrap_or_default();
        // `lookup` lies in the call instruction, whose end is the frame's own address.
        let here = lookup.wrapping_sub(module.bias).checked_add(u64::from(!exact))?;
        let window = &begin[..PROLOGUE_WINDOW.min(begin.len())];
        let distance = instructions::frame_pointer_distance(before, window, here.checked_sub(since)?)?;
        registers.stack_pointer()?.checked_add(distance)
    }

    fn may_be_returned_to(&mut self, address: u64) -> bool {
        let map = self.map;
        *self.returned_to.entry(address).or_insert_with(|| {
            map.follows_call(address) || map.code_at(address, 16).is_some_and(instructions::is_signal_return)
        })
    }

    fn row(&mut self, index: usize, lookup: u64) -> Option<Rc<Row<'m>>> {
        if let Some(known) = self.rows.get(&lookup) {
            return known.clone();
        }
        let map = self.map;
        let tables = self.tables.get(index)?.get_or_init(|| {
            let (module, image) = map.image(index)?;
            Tables::of(module, image)
        });
        let bias = map.snapshot.modules.get(index)?.bias;
        let context = &mut self.context;
        let row =
            tables.as_ref().and_then(|tables| tables.row(context, lookup.wrapping_sub(bias))).map(Rc::new);
        self.rows.insert(lookup, row.clone());
        row
    }
}

/// DWARF numbers registers with two bytes.
fn unknown_register(number: usize) -> End {
    End::UnknownRegister(u16::try_from(number).unwrap_or(u16::MAX))
}

/// The caller's registers by a row of the tables. Allocates nothing.
pub(crate) fn apply(
    row: &Row<'_>,
    registers: &Registers,
    memory: &mut impl StackMemory,
) -> Result<Registers, End> {
    let cfa = match &row.cfa {
        Cfa::Register(number, offset) => {
            registers.get(*number).ok_or(unknown_register(*number))?.wrapping_add_signed(*offset)
        }
        Cfa::Expression(bytes) => {
            expression::evaluate(bytes, registers, memory, None).ok_or(End::Inconsistent)?
        }
    };
    let mut caller = *registers;
    if !row.signal_frame {
        for number in CALLER_SAVED {
            caller.set(*number, None);
        }
        // Unless the tables say otherwise it is still where the call put it.
        caller.set(RETURN_ADDRESS, registers.get(RETURN_ADDRESS));
    }
    caller.set(STACK_POINTER, Some(cfa));
    for (number, rule) in row.rules.iter().enumerate() {
        let Some(rule) = rule else { continue };
        let value = match rule {
            Rule::Undefined => None,
            Rule::Same => registers.get(number),
            Rule::Is(offset) => Some(cfa.wrapping_add_signed(*offset)),
            Rule::Register(other) => registers.get(*other),
            Rule::IsValueOf(bytes) => expression::evaluate(bytes, registers, memory, Some(cfa)),
            Rule::Stored(_) | Rule::StoredAt(_) => {
                let place = match rule {
                    Rule::StoredAt(bytes) => expression::evaluate(bytes, registers, memory, Some(cfa)),
                    Rule::Stored(offset) => Some(cfa.wrapping_add_signed(*offset)),
                    _ => None,
                };
                let value = place.and_then(|place| memory.word(place));
                if value.is_none() && number == RETURN_ADDRESS {
                    return Err(place.map_or(End::Inconsistent, End::Unreadable));
                }
                value
            }
        };
        caller.set(number, value);
    }
    let address = caller.get(RETURN_ADDRESS).ok_or(unknown_register(RETURN_ADDRESS))?;
    caller.set(PROGRAM_COUNTER, Some(plain_address(address)));
    Ok(caller)
}
