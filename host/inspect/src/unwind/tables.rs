//! A module's unwind tables: the rules for one address, from `.eh_frame` by way of `.eh_frame_hdr`.

use crate::arch::registers::{COUNT, FRAME_POINTER, RETURN_ADDRESS};
use crate::modules::{Image, Module};
use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, FrameDescriptionEntry, NativeEndian,
    ParsedEhFrameHdr, RegisterRule, UnwindContext, UnwindExpression, UnwindSection as _,
};
use std::ops::Range;

pub(crate) type Slice<'i> = EndianSlice<'i, NativeEndian>;

/// gimli's working memory; made once, since it is large. It does not grow.
pub(crate) type Context = UnwindContext<usize>;

/// The longest description of a function's frames that is followed, in bytes: those of the largest functions have some
/// thousands, and one is gone through for each frame.
const LONGEST: usize = 64 << 10;

pub(super) struct Tables<'i> {
    eh_frame: EhFrame<Slice<'i>>,
    header: ParsedEhFrameHdr<Slice<'i>>,
    bases: BaseAddresses,
}

/// How to get from one frame to its caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'i> {
    pub cfa: Cfa<'i>,
    /// By the registers' numbers; `None` for those that the row does not mention. In place, so that a row can be
    /// read without an allocation.
    pub rules: [Option<Rule<'i>>; COUNT],
    /// The frame below is what a signal interrupted: its address is exact and all registers are its own.
    pub signal_frame: bool,
    /// The address, as the file counts it, from which on this function keeps a frame pointer.
    pub frame_pointer_since: Option<u64>,
}

/// How the canonical frame address is found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cfa<'i> {
    Register(usize, i64),
    Expression(&'i [u8]),
}

/// How a register of the caller is found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule<'i> {
    Undefined,
    Same,
    /// Stored at this distance from the canonical frame address.
    Stored(i64),
    /// Is the canonical frame address plus this.
    Is(i64),
    Register(usize),
    StoredAt(&'i [u8]),
    IsValueOf(&'i [u8]),
}

impl<'i> Tables<'i> {
    /// `None` where the module has no tables, or none with an index.
    pub fn of(module: &Module, image: &'i Image) -> Option<Tables<'i>> {
        let header_at = Image::eh_frame_header(module)?;
        let header = image.from(module, header_at)?;
        let bases = BaseAddresses::default().set_eh_frame_hdr(header_at);
        let header = EhFrameHdr::new(header, NativeEndian).parse(&bases, 8).ok()?;
        header.table()?;
        let gimli::Pointer::Direct(eh_frame_at) = header.eh_frame_ptr() else { return None };
        let mut eh_frame = EhFrame::new(image.from(module, eh_frame_at)?, NativeEndian);
        eh_frame.set_address_size(8);
        Some(Tables { eh_frame, header, bases: bases.set_eh_frame(eh_frame_at) })
    }

    /// The rules for an address as the file counts it.
    pub fn row(&self, context: &mut Context, address: u64) -> Option<Row<'i>> {
        row_of(&self.entry(address)?, &self.eh_frame, &self.bases, context, address)
    }

    fn entry(&self, address: u64) -> Option<FrameDescriptionEntry<Slice<'i>>> {
        let table = self.header.table()?;
        table.fde_for_address(&self.eh_frame, &self.bases, address, EhFrame::cie_from_offset).ok()
    }

    /// The function at an address as the file counts it: where it begins and ends, and where its language's own table
    /// of calls is, if it has one.
    pub fn function(&self, address: u64) -> Option<(Range<u64>, Option<u64>)> {
        let entry = self.entry(address)?;
        let start = entry.initial_address();
        let area = match entry.lsda() {
            Some(gimli::Pointer::Direct(area)) => Some(area),
            // Behind a pointer that the loader fills in: no compiler of Rust's makes such.
            Some(gimli::Pointer::Indirect(_)) | None => None,
        };
        Some((start..start.checked_add(entry.len())?, area))
    }
}

/// The rules that an entry of `.eh_frame` has for an address, as its section counts it. Allocates nothing.
pub(crate) fn row_of<'i>(
    entry: &FrameDescriptionEntry<Slice<'i>>,
    eh_frame: &EhFrame<Slice<'i>>,
    bases: &BaseAddresses,
    context: &mut Context,
    address: u64,
) -> Option<Row<'i>> {
    if entry.entry_len() > LONGEST || entry.cie().entry_len() > LONGEST {
        return None;
    }
    let mut frame_pointer_since = None;
    let mut rows = entry.rows(eh_frame, bases, context).ok()?;
    while let Some(row) = rows.next_row().ok()? {
        let cfa = match row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => {
                Cfa::Register(usize::from(register.0), *offset)
            }
            CfaRule::Expression(expression) => Cfa::Expression(bytes(expression, eh_frame)?),
        };
        if frame_pointer_since.is_none() && matches!(cfa, Cfa::Register(FRAME_POINTER, _)) {
            frame_pointer_since = Some(row.start_address());
        }
        if row.contains(address) {
            let mut rules = [None; COUNT];
            for (register, rule) in row.registers() {
                // Of registers that are not followed nothing is known anyway.
                if let Some(place) = rules.get_mut(usize::from(register.0)) {
                    *place = self::rule(rule, eh_frame);
                }
            }
            return Some(Row { cfa, rules, signal_frame: entry.is_signal_trampoline(), frame_pointer_since });
        }
    }
    None
}

fn rule<'i>(rule: &RegisterRule<usize>, eh_frame: &EhFrame<Slice<'i>>) -> Option<Rule<'i>> {
    Some(match rule {
        RegisterRule::Undefined => Rule::Undefined,
        RegisterRule::SameValue => Rule::Same,
        RegisterRule::Offset(offset) => Rule::Stored(*offset),
        RegisterRule::ValOffset(offset) => Rule::Is(*offset),
        RegisterRule::Register(other) => Rule::Register(usize::from(other.0)),
        RegisterRule::Expression(expression) => Rule::StoredAt(bytes(expression, eh_frame)?),
        RegisterRule::ValExpression(expression) => Rule::IsValueOf(bytes(expression, eh_frame)?),
        // An unknown rule must not look like a kept register.
        _ => Rule::Undefined,
    })
}

fn bytes<'i>(expression: &UnwindExpression<usize>, eh_frame: &EhFrame<Slice<'i>>) -> Option<&'i [u8]> {
    Some(expression.get(eh_frame).ok()?.0.slice())
}

impl Row<'_> {
    /// Whether the tables mark this as the outermost frame.
    pub fn is_root(&self) -> bool {
        matches!(self.rules.get(RETURN_ADDRESS), Some(Some(Rule::Undefined)))
    }
}
