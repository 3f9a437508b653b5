//! Values of variables in the frames of a capture, by the executable's debug information.
//!
//! Where a variable is, is an expression over the registers of its frame (DWARF 5, 2.5 and 2.6). Of all frames but the
//! innermost only those registers are known that a called function has to keep and that unwinding met on the stack; an
//! expression that needs another one has no result. Nothing is guessed.

use crate::memory;
use crate::tasks::types::{Expression, Scope, Variable};
use crate::threads::evidence::{Evidence, FrameEvidence};
use gimli::{EndianSlice, Evaluation, EvaluationResult, Location, NativeEndian, Piece, Value};

/// Steps of one expression; compilers write a dozen.
const MAX_STEPS: u32 = 1_000;
/// Pieces of one variable, and questions that one expression asks.
const MAX_QUESTIONS: usize = 256;

/// Where the value of a variable is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In memory, from this address on.
    Memory(u64),
    /// In registers, or nowhere but in the debug information: its bytes.
    Bytes(Vec<u8>),
}

/// Why the value of a variable is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It is nowhere at this address.
    OptimisedOut,
    /// It was in a register that the functions called since need not keep, or that is not known.
    Register,
    /// Its place is said in a way that is not understood here, or makes no sense.
    NotUnderstood,
}

/// One frame of a thread, with what is in scope there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFrame<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) frame: &'a FrameEvidence,
    pub(crate) evidence: &'a Evidence<'a>,
}

type Slice<'a> = EndianSlice<'a, NativeEndian>;

impl InFrame<'_> {
    /// Where the value of a variable of so many bytes is.
    pub(crate) fn locate(&self, variable: &Variable, size: usize) -> Result<Place, Lost> {
        let location = variable.location.as_ref().ok_or(Lost::OptimisedOut)?;
        let pieces = self.evaluate(location, true)?;
        match &pieces[..] {
            [] => Err(Lost::OptimisedOut),
            [Piece { location: Location::Address { address }, size_in_bits: None, .. }] => {
                Ok(Place::Memory(*address))
            }
            pieces => self.assemble(pieces, size).map(Place::Bytes),
        }
    }

    /// The first bytes of what lies at that place, as they were.
    pub(crate) fn read(&self, place: &Place, into: &mut [u8]) -> bool {
        match place {
            Place::Memory(address) => self.read_memory(*address, into),
            Place::Bytes(bytes) => match bytes.get(..into.len()) {
                Some(bytes) => {
                    into.copy_from_slice(bytes);
                    true
                }
                None => false,
            },
        }
    }

    /// From the copy of the stack where that has it.
    fn read_memory(&self, address: u64, into: &mut [u8]) -> bool {
        self.evidence.read(address, into) || memory::read(address, into).is_ok()
    }

    fn evaluate<'e>(
        &self,
        expression: &'e Expression,
        has_base: bool,
    ) -> Result<Vec<Piece<Slice<'e>>>, Lost> {
        let bytes = EndianSlice::new(&expression.bytes, NativeEndian);
        let mut evaluation = Evaluation::new(bytes, expression.encoding);
        evaluation.set_max_iterations(MAX_STEPS);
        let understood =
            |result: gimli::Result<EvaluationResult<Slice<'e>>>| result.map_err(|_| Lost::NotUnderstood);
        let mut result = understood(evaluation.evaluate())?;
        for _ in 0..MAX_QUESTIONS {
            result = understood(match result {
                EvaluationResult::Complete => return Ok(evaluation.result()),
                EvaluationResult::RequiresRegister { register, .. } => {
                    let value = self.frame.registers.get(register.0.into()).ok_or(Lost::Register)?;
                    evaluation.resume_with_register(Value::Generic(value))
                }
                EvaluationResult::RequiresFrameBase if has_base => {
                    evaluation.resume_with_frame_base(self.frame_base()?)
                }
                EvaluationResult::RequiresCallFrameCfa => {
                    evaluation.resume_with_call_frame_cfa(self.frame.cfa.ok_or(Lost::Register)?)
                }
                EvaluationResult::RequiresMemory { address, size, .. } => {
                    let mut word = [0; 8];
                    let bytes = word.get_mut(..usize::from(size)).ok_or(Lost::NotUnderstood)?;
                    if !self.read_memory(address, bytes) {
                        return Err(Lost::NotUnderstood);
                    }
                    evaluation.resume_with_memory(Value::Generic(u64::from_le_bytes(word)))
                }
                // What a register held at the function's begin nobody has kept.
                EvaluationResult::RequiresEntryValue(_) => return Err(Lost::Register),
                _ => return Err(Lost::NotUnderstood),
            })?;
        }
        Err(Lost::NotUnderstood)
    }

    /// What the places of the function's variables count from.
    fn frame_base(&self) -> Result<u64, Lost> {
        let base = self.scope.frame_base.as_ref().ok_or(Lost::NotUnderstood)?;
        match &self.evaluate(base, false)?[..] {
            [Piece { location: Location::Register { register }, .. }] => {
                self.frame.registers.get(register.0.into()).ok_or(Lost::Register)
            }
            [Piece { location: Location::Address { address }, .. }] => Ok(*address),
            _ => Err(Lost::NotUnderstood),
        }
    }

    /// What is known of a value that is not in memory as a whole: bytes of it, each with their offset. Compilers keep of
    /// a structure what is still used, and leave its padding out.
    pub(crate) fn parts(&self, variable: &Variable, size: usize) -> Result<Vec<(usize, Vec<u8>)>, Lost> {
        let location = variable.location.as_ref().ok_or(Lost::OptimisedOut)?;
        let (parts, lost) = self.collect(&self.evaluate(location, true)?, size);
        if parts.is_empty() { Err(lost.unwrap_or(Lost::OptimisedOut)) } else { Ok(parts) }
    }

    /// A value that is in several places, or in none that has an address: `size` bytes in all.
    fn assemble(&self, pieces: &[Piece<Slice<'_>>], size: usize) -> Result<Vec<u8>, Lost> {
        let (mut parts, lost) = self.collect(pieces, size);
        match (parts.pop(), lost) {
            (_, Some(lost)) => Err(lost),
            (Some((0, bytes)), None) if bytes.len() == size => Ok(bytes),
            _ => Err(Lost::NotUnderstood),
        }
    }

    /// The parts of a value that are known, and why the first one is not that is not.
    fn collect(&self, pieces: &[Piece<Slice<'_>>], size: usize) -> (Vec<(usize, Vec<u8>)>, Option<Lost>) {
        let (mut parts, mut lost, mut at): (Vec<(usize, Vec<u8>)>, _, _) = (Vec::new(), None, 0);
        for piece in pieces.iter().take(MAX_QUESTIONS) {
            let left = size - at;
            let bits = piece.size_in_bits.unwrap_or(left as u64 * 8);
            if bits % 8 != 0 || piece.bit_offset.is_some_and(|offset| offset != 0) {
                lost.get_or_insert(Lost::NotUnderstood);
                break;
            }
            let length = usize::try_from(bits / 8).map_or(left, |length| length.min(left));
            match self.piece(&piece.location, length) {
                Ok(bytes) => match parts.last_mut() {
                    Some((start, last)) if *start + last.len() == at => last.extend(bytes),
                    _ => parts.push((at, bytes)),
                },
                Err(why) => drop(lost.get_or_insert(why)),
            }
            at += length;
        }
        (parts, lost)
    }

    fn piece(&self, location: &Location<Slice<'_>>, length: usize) -> Result<Vec<u8>, Lost> {
        let first = |value: &[u8]| value.get(..length).map(<[u8]>::to_vec).ok_or(Lost::NotUnderstood);
        match location {
            Location::Register { register } => {
                let value = self.frame.registers.get(register.0.into()).ok_or(Lost::Register)?;
                first(&value.to_ne_bytes())
            }
            Location::Value { value } => {
                first(&value.to_u64(u64::MAX).map_err(|_| Lost::NotUnderstood)?.to_ne_bytes())
            }
            Location::Bytes { value } => first(value.slice()),
            Location::Address { address } => {
                let mut value = vec![0; length];
                if self.read_memory(*address, &mut value) { Ok(value) } else { Err(Lost::NotUnderstood) }
            }
            Location::Empty => Err(Lost::OptimisedOut),
            Location::ImplicitPointer { .. } => Err(Lost::NotUnderstood),
        }
    }
}

#[cfg(test)]
mod tests;
