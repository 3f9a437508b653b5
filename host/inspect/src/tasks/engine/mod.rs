//! Finds and decodes all tasks of tokio runtimes, from a handle and the debug information alone.

mod batch;
mod chains;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;

use self::batch::{Decode, Verdict};
use self::chains::{Chains, Made};
use super::decode::{Compiler, Output, PlanId, Plans, Progress, ReadSet, Run, StateKind};
use super::model::{Polling, TaskState};
use super::registry::{Reading, Slot};
use super::tokio::current_task::Polled;
use super::tokio::layout::{self, HandleLayout, TaskLayout};
use super::tokio::task_kind::{self, Kind};
use super::tokio::workers::{self, WorkerLayout};
use super::tokio::{canary, metrics, owned_tasks};
use super::types::{Index, Source, Types};

/// Kinds of tasks that are remembered. A program has hundreds; a recycled header may look like many.
const MAX_KINDS: usize = 100_000;

/// All that is known of this executable: kept from look to look.
pub(crate) struct Engine {
    path: &'static str,
    bias: u64,
    index: Index,
    task: TaskLayout,
    handle: HandleLayout,
    /// How to find out who polls what, or why that cannot be found out.
    polled: Result<Polled, String>,
    /// How to find out which thread is which worker; older versions of tokio keep that elsewhere.
    workers: Option<WorkerLayout>,
    memory: Known,
}

/// What earlier looks have found out.
#[derive(Default)]
struct Known {
    kinds: HashMap<u64, Option<Arc<Kind>>>,
    plans: Plans,
}

/// A task that a runtime owns.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) id: u64,
    pub(crate) runtime: usize,
    pub(crate) future: Arc<str>,
    pub(crate) state: TaskState,
    /// The thread that polled it both before and after the walk.
    pub(crate) running_on: Option<u32>,
    pub(crate) chain: FoundChain,
    /// Where its memory begins and ends.
    pub(crate) memory: std::ops::Range<u64>,
    /// Its future as a whole is a registered one.
    pub(crate) registered: bool,
    /// Addresses of the slots of registered futures in its chain, with the number of awaits above each.
    pub(crate) tracked: Vec<(u64, usize)>,
}

#[derive(Debug)]
pub(crate) enum FoundChain {
    Known(Made),
    Passed(Made),
    Racy,
    Unknown(Arc<str>),
}

/// What a registered future awaits.
#[derive(Debug)]
pub(crate) struct Unlisted {
    pub(crate) chain: FoundChain,
    /// As [`Found::tracked`].
    pub(crate) tracked: Vec<(u64, usize)>,
}

/// What is known of a runtime by its memory alone.
#[derive(Debug)]
pub(crate) struct FoundRuntime {
    /// tokio's own id of it.
    pub(crate) id: u64,
    /// The thread of each worker, where that can be told.
    pub(crate) threads: Vec<Option<u32>>,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub(crate) tasks: Vec<Found>,
    /// Registered futures that were not met in any of these, by the address of their slot.
    pub(crate) unlisted: HashMap<u64, Unlisted>,
    /// The runtimes, as far as they could be read.
    pub(crate) runtimes: Vec<Option<FoundRuntime>>,
    /// Why it is not known who polls what, if it is not.
    pub(crate) polling_unknown: Option<String>,
    pub(crate) racy: usize,
    pub(crate) not_reached: usize,
    pub(crate) notes: Vec<String>,
}

impl Engine {
    /// Indexes the debug information of this executable and proves that it is understood. It takes 50 ms to
    /// a second, and its memory is given back but for a few megabytes.
    pub(crate) fn new(unwanted: impl Fn() -> bool) -> Result<Engine, String> {
        let path = "/proc/self/exe";
        let source = Source::new(path);
        let bias = source.bias()?;
        let index = Index::build(&source, unwanted)?;
        if !index.has_types() {
            return Err("the debug information has lines but no types".to_owned());
        }
        let types = Types::new(&source, &index, bias);
        let task = TaskLayout::find(&types)?;
        let handle = HandleLayout::find(&types)?;
        let workers = WorkerLayout::find(&types);
        drop(types);
        let polled = Err("it has not been found out yet".to_owned());
        let mut engine =
            Engine { path, bias, index, task, handle, polled, workers, memory: Known::default() };
        canary::sing(&mut engine)?;
        engine.polled = Polled::learn();
        Ok(engine)
    }

    /// Which thread polls which task; empty where that cannot be told.
    pub(crate) fn polling(&self) -> Vec<Polling> {
        self.polled.as_ref().map(Polled::now).unwrap_or_default()
    }

    /// All tasks of these runtimes, and the chains of those registered futures that none of them lists.
    pub(crate) fn walk(
        &mut self,
        handles: &[Handle],
        registered: &[(&'static Slot, Reading)],
        max: usize,
        deadline: Instant,
    ) -> Walked {
        let polling = self.polling();
        let claims = match (&self.workers, &self.polled) {
            (Some(workers), Ok(polled)) => workers.claims(polled),
            _ => Vec::new(),
        };
        let source = Source::new(self.path);
        let types = Types::new(&source, &self.index, self.bias);
        let compiler = Compiler::new(&types);
        let mut work = Work { task: &self.task, known: &mut self.memory, compiler: &compiler, deadline };
        let mut walked = Walked::default();
        let mut chains = Chains::new();
        for (number, handle) in handles.iter().enumerate() {
            let max = max.saturating_sub(walked.tasks.len());
            let address = std::ptr::from_ref(handle) as u64;
            let mut found = None;
            match self.handle.lists(address) {
                Ok(lists) => {
                    let threads = workers::threads(&claims, lists.counted, metrics::workers(handle));
                    found = Some(FoundRuntime { id: lists.owner_id, threads });
                    work.runtime(number, handle, &lists, max, &mut chains, &mut walked);
                }
                Err(reason) => walked.notes.push(format!("runtime {} cannot be read: {reason}", number + 1)),
            }
            walked.runtimes.push(found);
        }
        work.unlisted(registered, &mut chains, &mut walked);
        walked.polling_unknown = self.polled.as_ref().err().cloned();
        self.attribute(&polling, &mut walked);
        walked
    }

    /// Adds the threads to running tasks: each is named only if it was at the same task before the walk.
    fn attribute(&self, before: &[Polling], walked: &mut Walked) {
        let mut running: Vec<&mut Found> =
            walked.tasks.iter_mut().filter(|task| task.state == TaskState::Running).collect();
        if running.is_empty() {
            return;
        }
        let after = self.polling();
        let both = before.iter().filter(|polling| after.binary_search(polling).is_ok());
        let threads: HashMap<u64, u32> = both.map(|polling| (polling.task, polling.thread)).collect();
        for task in &mut running {
            task.running_on = threads.get(&task.id).copied();
        }
    }
}

/// Whether the debug information describes all that a walk needs; what is missing otherwise.
pub(crate) fn describes(types: &Types<'_>) -> Result<(), String> {
    TaskLayout::find(types)?;
    HandleLayout::find(types)?.complete()?;
    canary::describes(types)
}

/// One look at work.
struct Work<'a, 't, 's> {
    task: &'a TaskLayout,
    known: &'a mut Known,
    compiler: &'a Compiler<'t, 's>,
    deadline: Instant,
}

impl Work<'_, '_, '_> {
    fn runtime(
        &mut self,
        number: usize,
        handle: &Handle,
        lists: &layout::Lists,
        max: usize,
        chains: &mut Chains,
        walked: &mut Walked,
    ) {
        let (task, deadline) = (self.task, self.deadline);
        let alive_before = metrics::alive_tasks(handle);
        let mut offsets = |vtable| self.kind(vtable).map(|kind| (kind.trailer, kind.id));
        let listing = owned_tasks::follow(task, lists, &mut offsets, max, deadline);
        // Where tokio does not tell it nothing is missed.
        let alive = alive_before.min(metrics::alive_tasks(handle)).unwrap_or(0);
        if listing.tasks.is_empty() && alive > 0 && max > 0 {
            walked.notes.push(format!(
                "runtime {}: its lists look empty although it counts {alive} tasks",
                number + 1
            ));
        }
        if listing.unfinished > 0 {
            walked.not_reached += alive.saturating_sub(listing.tasks.len());
            walked.notes.push(format!(
                "runtime {}: {} of {} lists were not followed to their end",
                number + 1,
                listing.unfinished,
                lists.shards.len()
            ));
        }
        walked.not_reached +=
            batch::decode_all(task, lists.owner_id, &listing.tasks, self, deadline, &mut |seen| {
                let chain = match (&seen.kind.stage, seen.verdict) {
                    (Err(reason), _) => FoundChain::Unknown(Arc::clone(reason)),
                    (_, Verdict::Racy) => FoundChain::Racy,
                    (_, Verdict::Unreadable) => {
                        FoundChain::Unknown(Arc::from("some of its memory cannot be read"))
                    }
                    (_, Verdict::Stable) => {
                        FoundChain::Known(chains.make(&seen.output.nodes, seen.truncated))
                    }
                    (_, Verdict::Running) => {
                        FoundChain::Passed(chains.make(&seen.output.nodes, seen.truncated))
                    }
                };
                walked.racy += usize::from(seen.verdict == Verdict::Racy);
                let first = seen.output.nodes.first().and_then(|node| node.progress);
                walked.tasks.push(Found {
                    id: seen.id,
                    runtime: number,
                    future: match seen.output.nodes.first() {
                        // What is behind the trait object says more than its type.
                        Some(first) if seen.kind.future.contains("dyn ") => Arc::clone(&first.label),
                        _ => Arc::clone(&seen.kind.future),
                    },
                    state: match (seen.verdict, first) {
                        (Verdict::Running, _) => TaskState::Running,
                        (_, Some(Progress::State(StateKind::NotStarted))) => TaskState::NotStarted,
                        _ if seen.scheduled => TaskState::Scheduled,
                        _ => TaskState::Idle,
                    },
                    running_on: None,
                    chain,
                    memory: seen.header..seen.header.wrapping_add(seen.kind.trailer),
                    registered: seen.kind.registered,
                    tracked: seen.output.tracked.clone(),
                });
            });
    }

    /// Registered futures that no runtime listed: what `block_on` runs, a `LocalSet`'s tasks, those of
    /// other executors.
    fn unlisted(
        &mut self,
        registered: &[(&'static Slot, Reading)],
        chains: &mut Chains,
        walked: &mut Walked,
    ) {
        let listed: std::collections::HashSet<u64> =
            walked.tasks.iter().flat_map(|task| &task.tracked).map(|(slot, _)| *slot).collect();
        let (mut reads, mut output) = (ReadSet::default(), Output::default());
        for (slot, reading) in registered {
            let address = std::ptr::from_ref(*slot) as u64;
            if listed.contains(&address) || reading.polls == 0 {
                continue;
            }
            if Instant::now() > self.deadline {
                break;
            }
            let chain = self.registered(slot, reading, chains, &mut reads, &mut output);
            walked.unlisted.insert(address, Unlisted { chain, tracked: output.tracked.clone() });
        }
    }

    fn registered(
        &mut self,
        slot: &'static Slot,
        reading: &Reading,
        chains: &mut Chains,
        reads: &mut ReadSet,
        output: &mut Output,
    ) -> FoundChain {
        let types = self.compiler.types;
        let function = types.functions_at(reading.kind.poll as u64).next();
        // Only what an async function or block has left behind is pinned for certain; another future may
        // have been moved since.
        let Some(future) =
            function.and_then(|id| self.compiler.polled_by(id)).filter(|future| future.is_coroutine())
        else {
            return FoundChain::Unknown(Arc::from("its type is not in the debug information"));
        };
        let plan = self.known.plans.number(future.id);
        for _ in 0..4 {
            let sequence = slot.sequence();
            let Some(now) = slot.read().filter(|now| now.id == reading.id) else { break };
            reads.clear();
            output.clear();
            self.run(plan, now.address as u64, reads, output);
            let same = slot.still(sequence) && output.is_sound() && !reads.unreadable;
            if now.polling {
                output.keep_passed();
                return FoundChain::Passed(chains.make(&output.nodes[..output.nodes.len().min(1)], false));
            }
            if same {
                return FoundChain::Known(chains.make(&output.nodes, reads.truncated));
            }
        }
        output.clear();
        FoundChain::Racy
    }

    /// Decodes, making plans until there is no more to make.
    fn run(&mut self, plan: PlanId, address: u64, reads: &mut ReadSet, output: &mut Output) {
        let mark = reads.mark();
        loop {
            let mut run = Run::new(&self.known.plans, self.task.vtable, reads, output);
            let Err(missing) = run.decode(plan, address) else { return };
            // Each round makes one plan, of which there are as many as types; time is the bound.
            if Instant::now() > self.deadline {
                reads.truncated = true;
                return;
            }
            let task = self.task;
            self.compiler.make(&mut self.known.plans, missing, |vtable| task_kind::id_offset(task, vtable));
            reads.back_to(mark);
            output.clear();
        }
    }
}

impl Decode for Work<'_, '_, '_> {
    fn kind(&mut self, vtable: u64) -> Option<Arc<Kind>> {
        let full = self.known.kinds.len() >= MAX_KINDS;
        match self.known.kinds.entry(vtable) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(_) if full => None,
            Entry::Vacant(place) => {
                let found = task_kind::find(self.compiler.types, &mut self.known.plans, self.task, vtable);
                place.insert(found.map(Arc::new)).clone()
            }
        }
    }

    fn decode(&mut self, kind: &Kind, header: u64, reads: &mut ReadSet, output: &mut Output) {
        if let Ok((offset, plan)) = kind.stage {
            self.run(plan, header.wrapping_add(offset), reads, output);
        }
    }
}
