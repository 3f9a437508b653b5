//! Frames with names: from raw stacks to modules, offsets, symbols, and how far to trust them.

use super::draft::RawStack;
use crate::modules::Snapshot;
use crate::symbols::{CodeOffset, Symbol, Symbolizer};
use crate::threads::{Frame, Incomplete, Quality, Stack};
use crate::unwind::{End, RawFrame};
use rustc_hash::FxBuildHasher;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

/// What lies at an address: index of the module, and the address as its file counts it.
type Place = (usize, CodeOffset);

fn place(snapshot: &Snapshot, frame: &RawFrame) -> Option<Place> {
    let index = snapshot.index_of(frame.address.lookup())?;
    Some((index, frame.address.without_bias(snapshot.modules.get(index)?.bias)))
}

/// The frames of the stacks over one snapshot, as a report shows them. Most threads of a large process stand
/// where others stand too: what is named once serves them all.
pub(super) struct Named<'s>(HashMap<&'s [RawFrame], Arc<[Frame]>, FxBuildHasher>);

impl<'s> Named<'s> {
    /// Without a symbolizer the frames have no symbols.
    pub fn of(
        snapshot: &Snapshot,
        stacks: impl Iterator<Item = &'s RawStack>,
        symbolizer: Option<&mut Symbolizer>,
        until: Instant,
    ) -> Named<'s> {
        let different: HashSet<&[RawFrame], FxBuildHasher> = stacks.map(|stack| &stack.frames[..]).collect();
        let names = match symbolizer {
            Some(symbolizer) => {
                Names::look_up(snapshot, different.iter().copied().flatten(), symbolizer, until)
            }
            None => Names(HashMap::default()),
        };
        let named = |frames: &[RawFrame]| frames.iter().map(|frame| named(snapshot, &names, frame)).collect();
        Named(different.into_iter().map(|frames| (frames, named(frames))).collect())
    }

    /// The stack as a report shows it; one of those that this was made of.
    pub fn stack(&self, raw: &RawStack) -> Stack {
        let frames = self.0.get(&raw.frames[..]).cloned().unwrap_or_default();
        let quality = match incomplete(raw.end) {
            Some(end) => Quality::Incomplete(raw.reason.unwrap_or(end)),
            None if frames.iter().all(|frame| frame.verified) => Quality::Verified,
            None => Quality::Unverified,
        };
        Stack::Captured { frames, method: raw.method, quality }
    }
}

/// The symbols at every place that the stacks go through; each module is opened once.
struct Names(HashMap<Place, Arc<[Symbol]>, FxBuildHasher>);

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
        let mut names = HashMap::with_capacity_and_hasher(places.len(), FxBuildHasher);
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

fn named(snapshot: &Snapshot, names: &Names, frame: &RawFrame) -> Frame {
    let place = place(snapshot, frame);
    let module = place.and_then(|(index, _)| snapshot.modules.get(index));
    Frame {
        address: frame.address,
        module: module.map(|module| Arc::clone(&module.name)),
        offset: place.map(|(_, offset)| offset.value()),
        symbols: place.and_then(|place| names.0.get(&place)).cloned().unwrap_or_default(),
        verified: frame.verified,
        omitted: frame.omitted.into(),
    }
}

/// Why the stack does not reach the thread's start; `None` if it does.
fn incomplete(end: End) -> Option<Incomplete> {
    Some(match end {
        End::Root | End::ZeroReturn => return None,
        End::UnknownCode => Incomplete::UnknownCode,
        End::NoTables => Incomplete::NoTables,
        End::UnknownRegister(number) => Incomplete::UnknownRegister(number),
        End::Unreadable(address) => Incomplete::Unreadable(address),
        End::Inconsistent => Incomplete::Inconsistent,
        End::TooDeep(count) => Incomplete::TooManyFrames(count),
        End::StartFromUnknownCode => Incomplete::StartFromUnknownCode,
    })
}
