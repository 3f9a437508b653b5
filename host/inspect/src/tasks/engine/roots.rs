//! What threads run by `block_on`: futures that are no tasks, found in the frames of their threads.
//!
//! An executor that blocks pins the future on its stack, or has it pinned, and goes on with `Pin<&mut F>`. So in a function
//! called `block_on`, or one that was inlined or is nested in it, a variable of that type whose `F` is a generic parameter
//! of the function points to the future, as does one that has it in a box.
//!
//! Optimised code may not say where that variable is, or may have none but the one that the future was passed in. The
//! future lies in these frames all the same, and what it was moved from was never polled: so they are searched for a value
//! of that type that was. It counts if there is but one, and if the thread has not run since.
//!
//! One long file: how a future is found in a frame, and what proves that it is one, are read together.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::look::{Look, complete};
use super::sightings::Standing;
use crate::holds::Party;
use crate::memory::{self, read_word};
use crate::tasks::decode::{Detail, Node, Output, PlanId, Progress, ReadSet, StateKind};
use crate::tasks::found::{FoundChain, FoundRoot};
use crate::tasks::model::{Note, Reason, TaskState};
use crate::tasks::tokio::task_kind;
use crate::tasks::types::{EntryId, Scope, Shape, Type, Types, Variable, Variant, function_path};
use crate::threads::evidence::{Evidence, FrameEvidence};
use crate::threads::{Capture, Frame, OfFrames, Stack};
use crate::variables::{InFrame, Place};

/// Looks at one future, if what was read of it changed.
const MAX_TRIES: u32 = 4;
/// Addresses of which is remembered what is pinned there.
const MAX_SITES: usize = 10_000;
/// Frames of one stack that are looked at, innermost first: as many as evidence has.
const MAX_FRAMES: usize = 64;
/// Wrappers around an async function that is searched for: `Tracked<Timeout<Instrumented<ManuallyDrop<..>>>>` has four.
const MAX_WRAPPERS: usize = 8;
/// Places in a stack that are decoded in search of one future: most are told by a single byte.
const MAX_DECODED: usize = 1_000;
/// `Pin<&mut Pin<&mut ..>>`: each function on the way to the one that polls may add one.
const MAX_PINS: usize = 8;

/// Executors whose tasks are in no list that is known here, and how the names of their functions begin.
const EXECUTORS: [(&str, &str); 4] = [
    ("async-executor", "async_executor::"),
    ("futures-executor", "futures_executor::thread_pool::"),
    ("glommio", "glommio::"),
    ("monoio", "monoio::"),
];

/// What is pinned in the functions at one address.
pub(super) struct Site {
    scope: Scope,
    pins: Vec<Pinned>,
    /// Types of futures that were passed to the function, and for which it has no such variable.
    passed: Vec<EntryId>,
}

/// A variable that points to a future.
#[derive(Clone)]
struct Pinned {
    variable: Variable,
    of: EntryId,
}

/// A future of a known type that is to be searched for.
struct Lost {
    of: EntryId,
    /// The outermost frame of the `block_on` that runs it.
    frame: usize,
}

/// Sites by their address, as they are looked up.
pub(super) type Sites = HashMap<u64, Option<Arc<Site>>>;

/// A future that some thread runs, and where that shows.
struct Pointer<'a> {
    thread: u32,
    frame: usize,
    evidence: Evidence<'a>,
    /// The frame with the variable, and what that points to.
    called: FrameEvidence,
    address: u64,
    of: EntryId,
    /// Its frames above say that it is being polled.
    polled: bool,
}

/// Whether a function is one that runs a future until it is done: by the last part of its path, whatever is nested in it.
pub(super) fn is_block_on(function: &str) -> bool {
    if !function.contains("block_on") && !function.contains("run_until") {
        return false;
    }
    let path = function_path(function);
    let mut parts = path.rsplit("::").skip_while(|part| part.starts_with('{') || part.is_empty());
    match parts.next() {
        Some("block_on") => true,
        // futures' `LocalPool`. tokio's is an async function, and no thread stands in that.
        Some("run_until") => path.contains("local_pool"),
        _ => false,
    }
}

impl Look<'_, '_, '_> {
    /// Notes the executors that threads stand in whose tasks nobody can list.
    pub(super) fn executors(&mut self, capture: &Capture) {
        let mut threads = [0; EXECUTORS.len()];
        let mut is_in = OfFrames::new(|frames| {
            let functions = frames.iter().flat_map(|frame| frame.symbols.iter());
            let names: Vec<&str> = functions.map(|symbol| symbol.function.trim_start_matches('<')).collect();
            EXECUTORS.map(|(_, begin)| names.iter().any(|name| name.starts_with(begin)))
        });
        for thread in &capture.threads {
            let Stack::Captured { frames, .. } = &thread.stack else { continue };
            threads.iter_mut().zip(is_in.of(frames)).for_each(|(count, is_in)| *count += usize::from(is_in));
        }
        for ((executor, _), threads) in EXECUTORS.into_iter().zip(threads).filter(|(_, threads)| *threads > 0)
        {
            self.all.notes.push(Note::ExecutorNotListed { executor, threads });
        }
    }

    /// Reads what threads run by `block_on`, and notes the sets of local tasks that these drive; `entered` tells which
    /// runtime a thread has entered.
    pub(super) fn roots(&mut self, capture: &Capture, entered: &HashMap<u32, usize>) {
        let (mut reads, mut output) = (ReadSet::default(), Output::default());
        let blocking = |frame: &Frame| frame.symbols.iter().any(|symbol| is_block_on(&symbol.function));
        let mut outermost = OfFrames::new(|frames| frames.iter().rposition(blocking));
        for thread in &capture.threads {
            let Stack::Captured { frames, .. } = &thread.stack else { continue };
            let Some(outermost) = outermost.of(frames) else { continue };
            if Instant::now() > self.decoder.deadline {
                return;
            }
            let pointers = match capture.evidence.of(thread.id) {
                Some(evidence) => self.pointers(thread.id, frames, evidence),
                None => Vec::new(),
            };
            let before = self.all.roots.len();
            for pointer in &pointers {
                let runtime = entered.get(&thread.id).copied();
                if let Some(root) = self.root(pointer, runtime, &mut reads, &mut output) {
                    self.all.roots.push(root);
                    for owned in std::mem::take(&mut output.local_sets) {
                        self.sets.push((thread.id, runtime, owned));
                    }
                }
            }
            if self.all.roots.len() == before {
                let symbols = frames[outermost].symbols.iter();
                let function = symbols.map(|symbol| &symbol.function).find(|name| is_block_on(name));
                let function = function.map_or_else(|| "block_on".into(), |name| name.as_str().into());
                self.all.notes.push(Note::RootNotRead { thread: thread.id, function });
            }
        }
    }

    /// The futures that one thread runs, outermost first, each once.
    fn pointers<'e>(&mut self, thread: u32, frames: &[Frame], evidence: Evidence<'e>) -> Vec<Pointer<'e>> {
        let known = evidence.frames();
        let mut found: Vec<Pointer<'e>> = Vec::new();
        let mut lost: Vec<Lost> = Vec::new();
        let mut innermost = 0;
        for (index, (frame, own)) in frames.iter().zip(&known).enumerate().take(MAX_FRAMES).rev() {
            if !frame.symbols.iter().any(|symbol| is_block_on(&symbol.function))
                || frame.address != own.address
            {
                continue;
            }
            let Some(site) = self.site(own.address.lookup()) else { continue };
            let in_frame = InFrame { scope: &site.scope, frame: own, evidence: &evidence };
            innermost = index;
            for pinned in &site.pins {
                let place = in_frame.locate(&pinned.variable, 8).ok();
                let Some(address) = place.and_then(|place| pointer_at(&in_frame, &place)) else {
                    lost.push(Lost { of: pinned.of, frame: index });
                    continue;
                };
                let types = self.decoder.compiler.types;
                let Some((address, of)) = unpinned(types, &in_frame, address, pinned.of) else { continue };
                let is_known = |other: &Pointer<'_>| other.address == address;
                if found.iter().any(is_known) || (!found.is_empty() && is_helper(types, of)) {
                    continue;
                }
                let polled = is_polled(types, of, frames, index);
                found.push(Pointer { thread, frame: index, evidence, called: *own, address, of, polled });
            }
            lost.extend(site.passed.iter().map(|of| Lost { of: *of, frame: index }));
        }
        if found.is_empty() && evidence.is_still(thread) {
            for Lost { of, frame } in lost {
                let types = self.decoder.compiler.types;
                let Some(address) = self.search(of, &evidence, &known, innermost..=frame) else { continue };
                let polled = is_polled(types, of, frames, frame);
                found.push(Pointer { thread, frame, evidence, called: known[frame], address, of, polled });
                break;
            }
        }
        found
    }

    /// The one async function or block of that type that was polled and lies in these frames, or in the one around them,
    /// which may have made it for them.
    fn search(
        &mut self,
        of: EntryId,
        evidence: &Evidence<'_>,
        known: &[FrameEvidence],
        frames: RangeInclusive<usize>,
    ) -> Option<u64> {
        let types = self.decoder.compiler.types;
        let future = types.get(of);
        let (inside, coroutine) = coroutine_in(types, &future, 0)?;
        let Shape::Enum { discriminant: Some((offset, size)), variants, .. } = &coroutine.shape else {
            return None;
        };
        let is_suspended = |variant: &&Variant| {
            let name = &types.get(variant.member.type_id).name;
            name.rsplit("::").next().is_some_and(|name| name.starts_with("Suspend"))
        };
        let suspended: Vec<u128> =
            variants.iter().filter(is_suspended).filter_map(|variant| variant.value).collect();
        let begin = known.get(*frames.start())?.registers.stack_pointer()?;
        let around = known.get(frames.end() + 1)?;
        let end = around.cfa.or_else(|| around.registers.stack_pointer())?;
        let step = future.align.max(8);
        let plan = self.decoder.plan(of);
        let (mut reads, mut output) = (ReadSet::default(), Output::default());
        let (mut only, mut tries) = (None, 0);
        let mut at = begin.next_multiple_of(step);
        while at.saturating_add(future.size) <= end {
            let mut value = [0; 8];
            let length = usize::try_from(*size).ok().filter(|length| *length <= 8)?;
            let is_there = evidence.read(at + inside + offset, &mut value[..length]);
            if is_there && suspended.contains(&u128::from(u64::from_le_bytes(value))) {
                tries += 1;
                if tries > MAX_DECODED {
                    return None;
                }
                reads.clear();
                output.clear();
                self.decoder.run(plan, at, &mut reads, &mut output);
                if is_proof(&reads, &output) && only.replace(at).is_some() {
                    return None;
                }
            }
            at += step;
        }
        only
    }

    /// What is pinned in the functions at that address: looked up once.
    fn site(&mut self, address: u64) -> Option<Arc<Site>> {
        if let Some(known) = self.decoder.known.sites.get(&address) {
            return known.clone();
        }
        let types = self.decoder.compiler.types;
        let found = types.scope_at(address).and_then(|scope| pinned_in(types, scope)).map(Arc::new);
        // The next look may be able to read the types.
        if types.fault().is_none() && self.decoder.known.sites.len() < MAX_SITES {
            self.decoder.known.sites.insert(address, found.clone());
        }
        found
    }

    /// The future, if it is still there.
    fn root(
        &mut self,
        pointer: &Pointer<'_>,
        runtime: Option<usize>,
        reads: &mut ReadSet,
        output: &mut Output,
    ) -> Option<FoundRoot> {
        let future = self.decoder.compiler.types.get(pointer.of);
        let plan = self.decoder.plan(pointer.of);
        let (mut chain, mut state) = (FoundChain::Racy, TaskState::Unknown);
        for _ in 0..MAX_TRIES {
            let same = self.read_root(plan, pointer, reads, output);
            let still = pointer.evidence.is_still(pointer.thread);
            let running = pointer.polled || !still;
            if running && !still && !pointer.is_there() {
                return None;
            }
            if !same && !running {
                continue;
            }
            let standing = if running { Standing::Polled } else { Standing::Idle };
            let party = Party::BlockOn(pointer.thread);
            self.sightings.add(party, standing, output, &[]);
            state = match output.nodes.first().and_then(|node| node.progress) {
                _ if running => TaskState::Running,
                Some(Progress::State(StateKind::NotStarted)) => TaskState::NotStarted,
                _ => TaskState::Idle,
            };
            chain = match self.decoder.compiler.types.fault() {
                Some(fault) if output.nodes.is_empty() => FoundChain::Unknown(Arc::new(fault.clone())),
                _ if reads.unreadable && !running => FoundChain::Unknown(Arc::new(Reason::MemoryUnreadable)),
                _ if running => {
                    output.keep_passed();
                    FoundChain::Passed(self.chains.make(&output.nodes, reads.cut()))
                }
                _ => complete(&mut self.chains, output, reads.cut()),
            };
            break;
        }
        let kind = task_kind::shown(self.decoder.compiler.types, &future);
        let first = output.nodes.first().filter(|_| kind.contains("dyn "));
        Some(FoundRoot {
            thread: pointer.thread,
            frame: pointer.frame,
            runtime,
            future: first.map_or_else(|| kind.as_str().into(), |first| Arc::clone(&first.label)),
            state,
            chain,
            registered: task_kind::is_registered(&future),
            tracked: output.tracked.clone(),
        })
    }

    /// Decodes it, and tells whether all that it was decoded from stayed the same.
    fn read_root(
        &mut self,
        plan: PlanId,
        pointer: &Pointer<'_>,
        reads: &mut ReadSet,
        output: &mut Output,
    ) -> bool {
        reads.clear();
        output.clear();
        self.decoder.run(plan, pointer.address, reads, output);
        if self.decoder.holders {
            self.decoder.find_holders(plan, pointer.address, reads, output);
        }
        let ranges: Vec<_> = reads.ranges().collect();
        let (mut again, mut readable) = (Vec::new(), Vec::new());
        memory::read_many(&ranges, &mut again, &mut readable);
        let all_there = readable.iter().take(reads.counting()).all(|readable| *readable);
        output.sync.retain(|looked| reads.unchanged_in(looked, &again));
        all_there && reads.unchanged(&again) && output.is_sound()
    }
}

impl Pointer<'_> {
    /// Whether a thread that has run since still is in that call, as far as the stack tells: what it returns to is where
    /// it was.
    fn is_there(&self) -> bool {
        // Elsewhere a function may keep its return address anywhere in its frame.
        if cfg!(not(target_arch = "x86_64")) {
            return false;
        }
        let place = self.called.cfa.map(|cfa| cfa.wrapping_sub(8));
        let mut then = [0; 8];
        place.is_some_and(|place| {
            self.evidence.read(place, &mut then) && read_word(place) == Some(u64::from_ne_bytes(then))
        })
    }
}

/// The async function or block that a value has in itself, and where: itself, or what wrappers are around.
fn coroutine_in(types: &Types<'_>, of: &Rc<Type>, depth: usize) -> Option<(u64, Rc<Type>)> {
    if of.is_coroutine() {
        return Some((0, Rc::clone(of)));
    }
    if depth >= MAX_WRAPPERS || !matches!(of.shape, Shape::Struct) {
        return None;
    }
    of.members.iter().find_map(|member| {
        let (offset, found) = coroutine_in(types, &types.get(member.type_id), depth + 1)?;
        Some((member.offset + offset, found))
    })
}

/// Whether what was decoded can hardly be anything else: all of it makes sense, and that is not the state of one async
/// function alone.
fn is_proof(reads: &ReadSet, output: &Output) -> bool {
    let suspended = |node: &&Node| node.progress == Some(Progress::State(StateKind::Suspended));
    // What a type says by itself proves nothing of the value.
    let told =
        output.nodes.iter().filter(|node| !matches!(node.detail, Detail::None | Detail::MadeFor(_))).count();
    output.is_sound()
        && !reads.unreadable
        && reads.cut().is_none()
        && output.nodes.iter().filter(suspended).count() + told > 1
}

/// The variables of a scope that point to the future of a `block_on`, or had it.
fn pinned_in(types: &Types<'_>, scope: Scope) -> Option<Site> {
    let (mut pins, mut passed) = (Vec::new(), Vec::new());
    for (number, function) in scope.functions.iter().enumerate() {
        let symbol = types.function_symbol(*function);
        if !is_block_on(&format!("{:#}", rustc_demangle::demangle(&symbol))) {
            continue;
        }
        let generics = types.signature(*function).generics;
        for variable in scope.variables.iter().filter(|variable| variable.function == number) {
            let own = types.get(variable.type_id);
            let is_generic = |name: &str| generics.iter().any(|(_, id)| types.get(*id).name == name);
            let of = match pinned(types, &own) {
                Some(of) => Some(of).filter(|of| is_generic(&types.get(*of).name)),
                None => boxed(types, &own).filter(|_| is_generic(&own.name)),
            };
            if of.is_none() && is_generic(&own.name) && coroutine_in(types, &own, 0).is_some() {
                passed.push(variable.type_id);
            }
            pins.extend(of.map(|of| Pinned { variable: variable.clone(), of }));
        }
    }
    let name = |of: &EntryId| types.get(*of).name.clone();
    let pinned: HashSet<_> = pins.iter().map(|pin| name(&pin.of)).collect();
    let mut seen = HashSet::new();
    passed.retain(|of| !pinned.contains(&name(of)) && seen.insert(name(of)));
    let found = !pins.is_empty() || !passed.is_empty();
    found.then(|| Site { scope: Scope { variables: Vec::new(), ..scope }, pins, passed })
}

/// What a `Pin<&mut F>` points to.
fn pinned(types: &Types<'_>, of: &Type) -> Option<EntryId> {
    if !of.name.starts_with("core::pin::Pin<&mut ") || of.size != 8 {
        return None;
    }
    match types.get(of.members.first()?.type_id).shape {
        Shape::Pointer(to) => to,
        _ => None,
    }
}

/// What a `Pin<Box<F>>` points to; not that of a trait object.
fn boxed(types: &Types<'_>, of: &Type) -> Option<EntryId> {
    let is_box = |name: &str| name.starts_with("alloc::boxed::Box<");
    let own = types.get(of.members.first()?.type_id);
    match own.shape {
        Shape::Pointer(to) if of.name.starts_with("core::pin::Pin<") && is_box(&own.name) => to,
        _ => None,
    }
}

fn pointer_at(in_frame: &InFrame<'_>, place: &Place) -> Option<u64> {
    let mut word = [0; 8];
    in_frame.read(place, &mut word).then(|| u64::from_ne_bytes(word)).filter(|address| *address >= 4096)
}

/// The future behind pins of pins.
fn unpinned(
    types: &Types<'_>,
    in_frame: &InFrame<'_>,
    mut address: u64,
    mut of: EntryId,
) -> Option<(u64, EntryId)> {
    for _ in 0..MAX_PINS {
        let Some(inner) = pinned(types, &types.get(of)) else { return Some((address, of)) };
        address = pointer_at(in_frame, &Place::Memory(address))?;
        of = inner;
    }
    None
}

/// Whether it is nothing but the runtime's own way to poll a future that was found already.
fn is_helper(types: &Types<'_>, of: EntryId) -> bool {
    types.get(of).name.contains("::PollFn<tokio::runtime::scheduler::current_thread::")
}

/// Whether a frame inside of the one of that number is the body of that future, or of one that it is made of.
fn is_polled(types: &Types<'_>, of: EntryId, frames: &[Frame], index: usize) -> bool {
    let future = task_kind::shown_type(types, &types.get(of));
    let (path, number) = body(&types.function_name(&future));
    let is_coroutine = future.is_coroutine();
    let polls = |function: &str| {
        let function = function_path(function);
        if !is_coroutine {
            return function.ends_with("::poll") && function.contains(&path);
        }
        let (own, own_number) = body(&function);
        // An async function itself only makes its future.
        let is_body = function.contains("::{") && own == path;
        is_body && (own_number.is_none() || number.is_none() || own_number == number)
    };
    let own = frames[index].symbols.iter().take_while(|symbol| !is_block_on(&symbol.function));
    let inner = frames[..index].iter().flat_map(|frame| frame.symbols.iter());
    inner.chain(own).any(|symbol| polls(&symbol.function))
}

/// A path up to its first block or closure, and the number of that: `a::f::{closure#2}::g` is the second of `a::f`.
fn body(path: &str) -> (String, Option<u32>) {
    let Some((path, nested)) = path.split_once("::{") else { return (path.to_owned(), Some(0)) };
    let number = nested.split_once('#').and_then(|(_, rest)| rest.split_once('}')?.0.parse().ok());
    (path.to_owned(), number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executors_that_block_are_known_by_their_functions() {
        let check = |function, expected| assert_eq!(is_block_on(function), expected, "{function}");
        check("tokio::runtime::park::CachedParkThread::block_on", true);
        check("<tokio::runtime::park::CachedParkThread>::block_on::<shop::main::{closure#0}>", true);
        check("<tokio::runtime::scheduler::current_thread::CoreGuard>::block_on::{closure#0}", true);
        check("tokio::runtime::scheduler::current_thread::CoreGuard::block_on::{{closure}}", true);
        check("pollster::block_on", true);
        check("futures_executor::local_pool::LocalPool::run_until", true);
        check("tokio::task::local::LocalSet::run_until::{closure#0}", false);
        check("shop::block_on_the_street", false);
        check("shop::block_on::helper", false);
        check("std::thread::park", false);
    }

    #[test]
    fn bodies_are_told_apart_by_their_numbers() {
        let check = |path, expected: (&str, _)| {
            assert_eq!(body(path), (expected.0.to_owned(), expected.1), "{path}");
        };
        check("a::f", ("a::f", Some(0)));
        check("a::f::{async block#2}", ("a::f", Some(2)));
        check("a::f::{closure#3}::{closure#0}", ("a::f", Some(3)));
        check("a::f::{{closure}}", ("a::f", None));
    }
}
