//! From raw stacks to frames that a report can show: modules, offsets, names, and how far to trust them.

use crate::modules::Snapshot;
use crate::symbols::{CodeOffset, Symbolizer};
use crate::threads::{Frame, Method, Quality, Stack, Symbol};
use crate::unwind::{End, MAX_FRAMES, RawFrame};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

/// A stack, unwound over the modules of one snapshot.
pub(super) struct RawStack {
    /// Shared by those who stand in the same ones.
    pub frames: Arc<[RawFrame]>,
    pub end: End,
    pub method: Method,
    /// Says more about an incomplete stack than its end does.
    pub reason: Option<String>,
    /// Which of the capture's snapshots it was unwound over.
    pub map: usize,
}

/// What lies at an address: index of the module, and the address as its file counts it.
type Place = (usize, CodeOffset);

fn place(snapshot: &Snapshot, frame: &RawFrame) -> Option<Place> {
    // A call that never returns may be the last instruction of its module.
    let inside = if frame.exact { frame.address } else { frame.address.checked_sub(1)? };
    let index = snapshot.index_of(inside)?;
    let offset = frame.address.wrapping_sub(snapshot.modules.get(index)?.bias);
    Some((index, if frame.exact { CodeOffset::Instruction(offset) } else { CodeOffset::Return(offset) }))
}

/// The frames of the stacks over one snapshot, as a report shows them. Most threads of a large process stand
/// where others stand too: what is named once serves them all.
pub(super) struct Named<'s>(HashMap<&'s [RawFrame], Arc<[Frame]>>);

impl<'s> Named<'s> {
    /// Without a symbolizer the frames have no symbols.
    pub fn of(
        snapshot: &Snapshot,
        stacks: impl Iterator<Item = &'s RawStack>,
        symbolizer: Option<&mut Symbolizer>,
        until: Instant,
    ) -> Named<'s> {
        let different: HashSet<&[RawFrame]> = stacks.map(|stack| &stack.frames[..]).collect();
        let names = match symbolizer {
            Some(symbolizer) => {
                Names::look_up(snapshot, different.iter().copied().flatten(), symbolizer, until)
            }
            None => Names(HashMap::new()),
        };
        let named = |frames: &[RawFrame]| {
            let named = |(depth, frame)| named(snapshot, &names, frame, depth);
            frames.iter().enumerate().map(named).collect()
        };
        Named(different.into_iter().map(|frames| (frames, named(frames))).collect())
    }

    /// The stack as a report shows it; one of those that this was made of.
    pub fn stack(&self, raw: &RawStack) -> Stack {
        let frames = self.0.get(&raw.frames[..]).cloned().unwrap_or_default();
        let quality = match (raw.end, &raw.reason) {
            (End::Root | End::ZeroReturn, _) if frames.iter().all(|frame| frame.verified) => {
                Quality::Verified
            }
            (End::Root | End::ZeroReturn, _) => Quality::Unverified,
            (_, Some(reason)) => Quality::Incomplete(reason.clone()),
            (end, None) => Quality::Incomplete(describe(end)),
        };
        Stack::Captured { frames, method: raw.method, quality }
    }
}

/// The symbols at every place that the stacks go through; each module is opened once.
struct Names(HashMap<Place, Arc<[Symbol]>>);

impl Names {
    fn look_up<'f>(
        snapshot: &Snapshot,
        frames: impl Iterator<Item = &'f RawFrame>,
        symbolizer: &mut Symbolizer,
        until: Instant,
    ) -> Names {
        let mut places: Vec<Place> = frames.filter_map(|frame| place(snapshot, frame)).collect();
        places.sort_unstable();
        places.dedup();
        let mut names = HashMap::with_capacity(places.len());
        for of_module in places.chunk_by(|a, b| a.0 == b.0) {
            let Some(module) = of_module.first().and_then(|(index, _)| snapshot.modules.get(*index)) else {
                continue;
            };
            let code: Vec<CodeOffset> = of_module.iter().map(|(_, code)| *code).collect();
            names.extend(of_module.iter().copied().zip(symbolizer.resolve_until(module, &code, Some(until))));
        }
        Names(names)
    }
}

fn named(snapshot: &Snapshot, names: &Names, frame: &RawFrame, depth: usize) -> Frame {
    let place = place(snapshot, frame);
    let module = place.and_then(|(index, _)| snapshot.modules.get(index));
    Frame {
        address: frame.address,
        module: module.map(|module| Arc::clone(&module.name)),
        offset: module.map(|module| frame.address.wrapping_sub(module.bias)),
        symbols: place.and_then(|place| names.0.get(&place)).cloned().unwrap_or_default(),
        verified: frame.verified,
        interrupted: frame.exact && depth > 0,
    }
}

fn describe(end: End) -> String {
    match end {
        End::Root | End::ZeroReturn => String::new(),
        End::UnknownCode => "the next address lies in no known code".to_owned(),
        End::NoTables => "code without unwind tables and without a frame pointer".to_owned(),
        End::UnknownRegister(number) => format!("register {number} is needed and not known from outside"),
        End::Unreadable(address) => format!("the stack at {address:#x} was not copied or cannot be read"),
        End::Inconsistent => "the stack contradicts the unwind tables".to_owned(),
        End::TooDeep => format!("deeper than {MAX_FRAMES} frames"),
    }
}
