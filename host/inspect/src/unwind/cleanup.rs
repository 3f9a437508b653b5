//! What a frame cleans up if its call unwinds: the code of its landing pad, and what that calls.
//!
//! What would be dropped is what is alive, so this tells more of a frame than its variables: temporaries have no
//! variable, and a value that was moved away still has one. No code is run for it.

use super::CodeMap;
use super::call_sites;
use super::tables::Tables;
use crate::arch::{Branch, instructions};
use crate::modules::{Image, Module};
use gimli::{EndianSlice, NativeEndian};
use std::cell::OnceCell;
use std::ops::Range;

/// A pad's code is searched in so many pieces, where its jumps lead to.
const MOST_REGIONS: usize = 16;

/// Of one piece so many bytes are looked at: the last pad of a large function may seem to go on to its end.
const MOST_REGION: u64 = 4 << 10;

/// What is done if the call in a frame unwinds. Addresses are as the module's file counts them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cleanup {
    /// The code that is run in the function itself.
    pub regions: Vec<Range<u64>>,
    /// The functions that it calls.
    pub calls: Vec<Call>,
}

/// A call to a fixed place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Where it stands.
    pub at: u64,
    /// Where the function begins.
    pub to: u64,
}

/// Reads landing pads over one [`CodeMap`].
pub(crate) struct Cleanups<'m> {
    map: &'m CodeMap,
    tables: Vec<OnceCell<Option<Tables<'m>>>>,
}

impl<'m> Cleanups<'m> {
    pub fn new(map: &'m CodeMap) -> Cleanups<'m> {
        Cleanups { map, tables: map.snapshot.modules.iter().map(|_| OnceCell::new()).collect() }
    }

    /// What the frame cleans up whose call is at this address, in the module of this index. `None` if that is not told:
    /// there are no tables, or they are damaged.
    pub fn of(&self, module: usize, address: u64) -> Option<Cleanup> {
        let (function, area) = self.tables(module)?.function(address)?;
        // Without a table of its own nothing is cleaned up.
        let Some(area) = area else { return Some(Cleanup::default()) };
        let (module, image) = self.map.image(module)?;
        let area = EndianSlice::new(image.from(module, area)?, NativeEndian);
        let sites = call_sites::read(area, &function, address)?;
        let Some(pad) = sites.pad else { return Some(Cleanup::default()) };
        let code = |region: &Range<u64>| code(module, image, region);
        let regions = regions(code, pad, &sites.pads, function.end);
        let calls = regions.iter().flat_map(|region| calls(code(region), region.start)).collect();
        Some(Cleanup { regions, calls })
    }

    /// The code of the function that begins at this address, and where it calls others; `None` if none begins there.
    pub fn function(&self, module: usize, start: u64) -> Option<(Range<u64>, Vec<Call>)> {
        let (function, _) =
            self.tables(module)?.function(start).filter(|(function, _)| function.start == start)?;
        let function = start..function.end.min(start.saturating_add(MOST_REGION));
        let (module, image) = self.map.image(module)?;
        let calls = calls(code(module, image, &function), start).collect();
        Some((function, calls))
    }

    /// Whether a function begins at an address.
    pub fn is_function(&self, module: usize, address: u64) -> bool {
        let function = self.tables(module).and_then(|tables| tables.function(address));
        function.is_some_and(|(function, _)| function.start == address)
    }

    fn tables(&self, module: usize) -> Option<&Tables<'m>> {
        let tables = self.tables.get(module)?.get_or_init(|| {
            let (module, image) = self.map.image(module)?;
            Tables::of(module, image)
        });
        tables.as_ref()
    }
}

fn code<'i>(module: &Module, image: &'i Image, region: &Range<u64>) -> &'i [u8] {
    let bytes = image.from(module, region.start).unwrap_or_default();
    let length = usize::try_from(region.end.saturating_sub(region.start)).unwrap_or(usize::MAX);
    &bytes[..length.min(bytes.len())]
}

fn calls(code: &[u8], start: u64) -> impl Iterator<Item = Call> {
    instructions::branches(code).filter_map(move |(at, branch)| match branch {
        Branch::Call(to) => {
            Some(Call { at: start.checked_add(at as u64)?, to: start.checked_add_signed(to)? })
        }
        Branch::Jump(_) => None,
    })
}

/// The code that is run from a landing pad on: to the next pad, and wherever its jumps lead to behind the first one.
pub(super) fn regions<'c>(
    code: impl Fn(&Range<u64>) -> &'c [u8],
    pad: u64,
    pads: &[u64],
    end: u64,
) -> Vec<Range<u64>> {
    let first = pads.first().copied().unwrap_or(pad);
    let mut regions: Vec<Range<u64>> = Vec::new();
    let mut open = vec![pad];
    while let Some(from) = open.pop() {
        if regions.len() >= MOST_REGIONS || regions.iter().any(|region| region.contains(&from)) {
            continue;
        }
        let next = pads.get(pads.partition_point(|pad| *pad <= from)).copied();
        // What is there already is not counted twice.
        let known = regions.iter().map(|region| region.start).filter(|start| *start > from);
        let stop = known.chain(next).chain([end, from.saturating_add(MOST_REGION)]).min().unwrap_or(end);
        let region = from..stop;
        let jumps = instructions::branches(code(&region)).filter_map(|(_, branch)| match branch {
            Branch::Jump(to) => from.checked_add_signed(to).filter(|to| (first..end).contains(to)),
            Branch::Call(_) => None,
        });
        open.extend(jumps.take(4 * MOST_REGIONS));
        regions.push(region);
    }
    regions
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    const PADS: [u64; 2] = [0x110, 0x120];

    /// The regions of the pad at 0x110, in a function that ends at 0x140, with jumps at these places to these others.
    #[track_caller]
    fn check(jumps: &[(u64, u64)], expected: &[(u64, u64)]) {
        let mut bytes = [0x90; 0x40];
        for (from, to) in jumps {
            let at = (from - 0x100) as usize;
            let distance = to.wrapping_sub(from + 5) as u32;
            bytes[at] = 0xe9;
            bytes[at + 1..at + 5].copy_from_slice(&distance.to_le_bytes());
        }
        let code =
            |region: &Range<u64>| &bytes[(region.start - 0x100) as usize..(region.end - 0x100) as usize];
        let found = regions(code, PADS[0], &PADS, 0x140);
        let mut found: Vec<_> = found.iter().map(|region| (region.start, region.end)).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{jumps:x?}");
    }

    #[test]
    fn a_pad_goes_on_to_the_next_and_where_it_jumps_to() {
        check(&[], &[(0x110, 0x120)]);
        check(&[(0x112, 0x130)], &[(0x110, 0x120), (0x130, 0x140)]);
        // Into the other pad and back into this one; each piece once.
        check(&[(0x112, 0x128), (0x12a, 0x114)], &[(0x110, 0x120), (0x128, 0x140)]);
        check(&[(0x112, 0x130), (0x132, 0x122)], &[(0x110, 0x120), (0x122, 0x130), (0x130, 0x140)]);
        // Out of the function, or to what comes before its pads.
        check(&[(0x112, 0x200), (0x118, 0x102)], &[(0x110, 0x120)]);
    }
}
