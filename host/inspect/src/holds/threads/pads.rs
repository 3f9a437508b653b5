//! The guards that frames would drop if their calls unwound, found in landing pads and remembered.
//!
//! In a pad a guard is dropped by a call of the function that the compiler made for its type, by code that this was folded
//! into, or inside of what drops something larger. Names of calls' targets and of the code's inlined functions tell; they
//! are there with line tables alone, and calls in a symbol table.

use super::guards::{Dropped, Guard, dropped};
use crate::modules::ModuleName;
use crate::symbols::{Symbol, Symbolizer};
use crate::unwind::{Call, Cleanups, CodeMap};
use rustc_hash::FxBuildHasher;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// As for stacks: larger debug information is not read, and the symbol table has to do.
const BUDGET_BYTES: u64 = 512 << 20;

/// Each takes some hundred bytes.
const MOST_KNOWN: usize = 4096;

/// So many functions that drop something are looked through for one pad.
const MOST_FUNCTIONS: usize = 16;

/// How deep functions that drop something may call one another: a guard in a struct in a box in a vector.
const MOST_LEVELS: usize = 5;

/// So many places are looked up for one pad; one is a few bytes of its code.
const MOST_PROBES: usize = 512;

/// An inlined drop is longer: it exchanges the lock's state and looks what it was.
const BETWEEN_PROBES: usize = 4;

/// A frame's place: its module, and the address of its call as the module's file counts it.
type Place = (Arc<ModuleName>, u64);

/// A guard that a frame would drop. Of several that are dropped in one place of the source it may be told but one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Alive {
    pub guard: Guard,
    site: Origin,
}

impl Alive {
    /// The function that has it.
    pub fn function(&self) -> Option<&Arc<str>> {
        self.site.as_ref().map(|site| &site.function)
    }
}

/// What is known of landing pads; shared by the clones of an inspector.
#[derive(Clone, Default)]
pub(crate) struct KnownPads(Arc<Mutex<Pads>>);

struct Pads {
    symbolizer: Symbolizer,
    known: HashMap<Place, Arc<[Alive]>>,
}

impl Default for Pads {
    fn default() -> Pads {
        Pads { symbolizer: Symbolizer::new(BUDGET_BYTES), known: HashMap::new() }
    }
}

impl fmt::Debug for KnownPads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownPads").finish_non_exhaustive()
    }
}

impl KnownPads {
    /// The guards that the frames at these addresses would drop, by address; what cannot be told by then is missing. Nothing
    /// is told while another look is at it.
    pub(super) fn guards(
        &self,
        map: &CodeMap,
        addresses: impl Iterator<Item = u64>,
        deadline: Instant,
    ) -> HashMap<u64, Arc<[Alive]>, FxBuildHasher> {
        // A panic in the midst leaves what was known before.
        let Ok(mut pads) = self.0.try_lock() else { return HashMap::default() };
        pads.guards(map, addresses, deadline)
    }
}

impl Pads {
    fn guards(
        &mut self,
        map: &CodeMap,
        addresses: impl Iterator<Item = u64>,
        deadline: Instant,
    ) -> HashMap<u64, Arc<[Alive]>, FxBuildHasher> {
        let (mut found, mut unknown) = (HashMap::default(), Vec::new());
        for address in addresses {
            let Some((index, module)) = map.snapshot.index_and_module(address) else { continue };
            let place = (Arc::clone(&module.name), address.wrapping_sub(module.bias));
            match self.known.get(&place) {
                Some(guards) => drop(found.insert(address, Arc::clone(guards))),
                None => unknown.push((index, address, place)),
            }
        }
        unknown.sort_unstable_by_key(|(index, address, _)| (*index, *address));
        unknown.dedup_by_key(|(index, address, _)| (*index, *address));
        let cleanups = Cleanups::new(map);
        for of_module in unknown.chunk_by(|one, other| one.0 == other.0) {
            let Some(module) = of_module.first().map(|(index, ..)| *index) else { continue };
            let calls = of_module.iter().map(|(_, _, (_, offset))| *offset);
            let mut search = Search::new(&cleanups, module, calls);
            let is_whole = search.run(deadline, |offsets| {
                let module = map.snapshot.modules.get(module)?;
                let names = self.symbolizer.search(module, offsets, Some(deadline));
                (names.len() == offsets.len()).then_some(names)
            });
            if self.known.len() + of_module.len() > MOST_KNOWN {
                self.known.clear();
            }
            for ((_, address, place), guards) in of_module.iter().zip(search.into_guards()) {
                if is_whole && self.known.len() < MOST_KNOWN {
                    self.known.insert(place.clone(), Arc::clone(&guards));
                }
                found.insert(*address, guards);
            }
        }
        // What limited it is no news: the same module's names have been looked up before.
        drop(self.symbolizer.take_notes());
        found
    }
}

/// A search through the pads of one module.
struct Search<'c, 'm> {
    cleanups: &'c Cleanups<'m>,
    module: usize,
    pads: Vec<Pad>,
}

/// What was found in one pad, and what is still to be looked through.
#[derive(Default)]
struct Pad {
    open: Vec<(Range<u64>, Origin)>,
    calls: Vec<(Call, Origin)>,
    functions: HashSet<u64>,
    probes: usize,
    found: HashSet<Alive>,
}

/// Where in the frame's own functions the drop stands that a piece of code belongs to; `None` of the pad itself.
type Origin = Option<Site>;

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Site {
    function: Arc<str>,
    line: Option<u32>,
    column: Option<u32>,
}

/// The functions at an address and at the function that is called there.
struct Named<'n>(&'n [u64], &'n [Arc<[Symbol]>]);

impl Named<'_> {
    fn at(&self, offset: u64) -> &[Symbol] {
        let Named(offsets, names) = self;
        offsets.binary_search(&offset).ok().and_then(|at| names.get(at)).map_or(&[], |symbols| symbols)
    }
}

impl<'c, 'm> Search<'c, 'm> {
    fn new(cleanups: &'c Cleanups<'m>, module: usize, calls: impl Iterator<Item = u64>) -> Search<'c, 'm> {
        let pads = calls.map(|call| {
            let cleanup = cleanups.of(module, call).unwrap_or_default();
            let open = cleanup.regions.into_iter().map(|region| (region, None)).collect();
            Pad {
                open,
                calls: cleanup.calls.into_iter().map(|call| (call, None)).collect(),
                ..Pad::default()
            }
        });
        Search { cleanups, module, pads: pads.collect() }
    }

    /// Looks through everything; whether there was time for it. `names` gives the functions at addresses, which ascend.
    fn run(
        &mut self,
        deadline: Instant,
        mut names: impl FnMut(&[u64]) -> Option<Vec<Arc<[Symbol]>>>,
    ) -> bool {
        let (cleanups, module) = (self.cleanups, self.module);
        for _ in 0..MOST_LEVELS {
            let steps: Vec<Step> = self
                .pads
                .iter_mut()
                .map(|pad| pad.next(|start| cleanups.is_function(module, start)))
                .collect();
            let mut offsets: Vec<u64> = steps.iter().flat_map(Step::offsets).collect();
            if offsets.is_empty() {
                return true;
            }
            offsets.sort_unstable();
            offsets.dedup();
            let Some(names) = names(&offsets).filter(|_| Instant::now() < deadline) else { return false };
            let named = Named(&offsets, &names);
            for (pad, step) in self.pads.iter_mut().zip(steps) {
                step.probes.iter().for_each(|(at, origin)| pad.probe(named.at(*at), origin));
                for (call, origin) in &step.calls {
                    let origin = origin.clone().or_else(|| site(named.at(call.at), 0));
                    pad.call(call.to, named.at(call.to), origin, |start| cleanups.function(module, start));
                }
            }
        }
        true
    }

    fn into_guards(self) -> impl Iterator<Item = Arc<[Alive]>> {
        self.pads.into_iter().map(|pad| pad.found.into_iter().collect())
    }
}

/// What is looked up next for one pad: places in code, and calls.
struct Step {
    probes: Vec<(u64, Origin)>,
    calls: Vec<(Call, Origin)>,
}

impl Step {
    fn offsets(&self) -> impl Iterator<Item = u64> {
        let probes = self.probes.iter().map(|(at, _)| *at);
        probes.chain(self.calls.iter().flat_map(|(call, _)| [call.at, call.to]))
    }
}

impl Pad {
    fn next(&mut self, is_function: impl Fn(u64) -> bool) -> Step {
        let mut probes = Vec::new();
        for (piece, origin) in std::mem::take(&mut self.open) {
            let room = MOST_PROBES.saturating_sub(self.probes + probes.len());
            probes.extend(piece.step_by(BETWEEN_PROBES).take(room).map(|at| (at, origin.clone())));
        }
        self.probes += probes.len();
        // Bytes that only look like a call lead into the midst of something.
        let calls = std::mem::take(&mut self.calls).into_iter().filter(|(call, _)| is_function(call.to));
        Step { probes, calls: calls.collect() }
    }

    /// What the functions drop that were folded into one place of the code.
    fn probe(&mut self, symbols: &[Symbol], origin: &Origin) {
        // The last one is the function itself.
        let inlined = symbols.len().saturating_sub(1);
        for (index, symbol) in symbols.iter().enumerate().take(inlined) {
            if let Some(Dropped::Guard(guard)) = dropped(&symbol.function) {
                let site = origin.clone().or_else(|| site(symbols, index + 1));
                self.found.insert(Alive { guard, site });
            }
        }
    }

    /// What a called function drops. One that drops something else is looked through in turn.
    fn call(
        &mut self,
        start: u64,
        symbols: &[Symbol],
        origin: Origin,
        function: impl Fn(u64) -> Option<(Range<u64>, Vec<Call>)>,
    ) {
        let Some(symbol) = symbols.last() else { return };
        match dropped(&symbol.function) {
            Some(Dropped::Guard(guard)) => drop(self.found.insert(Alive { guard, site: origin })),
            Some(Dropped::Other) if self.functions.len() < MOST_FUNCTIONS && self.functions.insert(start) => {
                let Some((code, calls)) = function(start) else { return };
                self.open.push((code, origin.clone()));
                self.calls.extend(calls.into_iter().map(|call| (call, origin.clone())));
            }
            _ => {}
        }
    }
}

/// The innermost of these functions, from that one outwards, that does more than to drop something.
fn site(symbols: &[Symbol], from: usize) -> Origin {
    let symbol = symbols.get(from..)?.iter().find(|symbol| !only_drops(&symbol.function))?;
    Some(Site { function: Arc::from(&*symbol.function), line: symbol.line, column: symbol.column })
}

/// Whether a function is made to drop something, or is a library's own part of that.
fn only_drops(function: &str) -> bool {
    dropped(function).is_some() || function.ends_with("::drop") || function.starts_with("drop<")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holds::{Kind, Library, Object};
    use crate::modules;
    use crate::threads::{Options, Stack, capture};
    use std::hint::black_box;
    use std::sync::{RwLock, RwLockReadGuard};

    struct Within<'a> {
        _number: u64,
        _guard: Box<RwLockReadGuard<'a, u64>>,
    }

    /// Comes back with the return addresses of its callers, each with the function that it lies in; it may panic.
    #[inline(never)]
    fn callers() -> Vec<(u64, String)> {
        assert!(black_box(true));
        let found = capture(&Options::default());
        let own = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
        let thread = found.threads.into_iter().find(|thread| thread.id == own).unwrap();
        let Stack::Captured { frames, .. } = thread.stack else { panic!("no stack") };
        let frames = frames
            .iter()
            .filter_map(|frame| Some((frame.address.lookup(), frame.symbols.last()?.function.clone())));
        frames.collect()
    }

    #[inline(never)]
    fn with_one(lock: &Mutex<u64>) -> Vec<(u64, String)> {
        let mut guard = lock.lock().unwrap();
        *guard += 1;
        let found = callers();
        *guard += found.len() as u64;
        found
    }

    #[inline(never)]
    fn with_none(lock: &Mutex<u64>) -> Vec<(u64, String)> {
        let mut guard = lock.lock().unwrap();
        *guard += 1;
        drop(guard);
        let found = with_one(&Mutex::new(0));
        black_box(lock.is_poisoned());
        found
    }

    #[inline(never)]
    fn deep_within(lock: &RwLock<u64>) -> Vec<(u64, String)> {
        let all = vec![Within { _number: 1, _guard: Box::new(lock.read().unwrap()) }];
        let found = with_none(&Mutex::new(0));
        drop(black_box(all));
        found
    }

    #[inline(never)]
    fn with_temporary(lock: &Mutex<RwLock<u64>>) -> Vec<(u64, String)> {
        deep_within(&lock.lock().unwrap())
    }

    #[test]
    fn a_frame_drops_the_guards_that_are_alive_in_it() {
        let frames = with_temporary(&Mutex::new(RwLock::new(0)));
        let map = CodeMap::new(modules::snapshot());
        let addresses = || frames.iter().map(|(address, _)| *address);
        let (known, deadline) = (KnownPads::default(), Instant::now() + std::time::Duration::from_secs(60));
        let found = known.guards(&map, addresses(), deadline);
        let check = |function: &str, kind, expected| {
            let frame = frames.iter().find(|(_, name)| name.ends_with(function)).unwrap();
            let of = Object::new(Library::Std, kind, 64, 8);
            let is_alive = found[&frame.0].iter().any(|alive| alive.guard.may_be_of(&of));
            assert_eq!(is_alive, expected, "{function} {kind:?}");
        };
        for (function, mutex, shared) in [
            ("with_one", true, false),
            ("with_none", false, false),
            ("deep_within", false, true),
            ("with_temporary", true, false),
        ] {
            check(function, Kind::Mutex, mutex);
            check(function, Kind::RwLock, shared);
        }
        // Remembered: no time is left to look anything up.
        let again = known.guards(&map, addresses(), Instant::now());
        assert_eq!(again.len(), found.len());
        assert!(
            KnownPads::default()
                .guards(&map, addresses(), Instant::now())
                .values()
                .all(|guards| guards.is_empty())
        );
    }
}
