//! One look at tasks: those that a runtime lists, and registered futures that none lists.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;

use super::batch::{self, Decode as _, Owner, Seen, Verdict};
use super::chains::Chains;
use super::decoder::Decoder;
use super::sightings::{Gathering, Standing};
use crate::holds::Party;
use crate::tasks::decode::{Output, Progress, ReadSet, StateKind};
use crate::tasks::found::{Found, FoundAll, FoundChain, Unlisted};
use crate::tasks::model::{Fact, Note, Reason, TaskState};
use crate::tasks::registry::{Reading, Slot};
use crate::tasks::tokio::owned_tasks::{self, Listing};
use crate::tasks::tokio::task_kind::UNKNOWN_FUTURE;
use crate::tasks::tokio::{Claim, Lists, Tokio, metrics};
use crate::threads::Capture;

/// Tries to read a registered future that no runtime lists.
const MAX_TRIES: u32 = 4;

/// More runtimes than a program has.
const MAX_RUNTIMES: usize = 1_000;

/// What one look works with, and what it has found so far.
pub(super) struct Look<'a, 't, 's> {
    pub(super) decoder: Decoder<'a, 't, 's>,
    pub(super) chains: Chains,
    pub(super) sightings: Gathering,
    pub(super) all: FoundAll,
    /// The sets of local tasks that were met: the thread that drives each, the runtime of that, and where its list is.
    #[cfg(stacks)]
    pub(super) sets: Vec<(u32, Option<usize>, u64)>,
}

/// Whose tasks these are.
#[derive(Clone, Copy)]
pub(super) struct Belonging {
    /// The number of the runtime.
    pub(super) runtime: Option<usize>,
    /// The thread that drives the `LocalSet` they are in, if they are in one.
    pub(super) local_set: Option<u32>,
}

impl Look<'_, '_, '_> {
    /// Finds the tasks of the runtime of that number, until there are `max` of all runtimes.
    pub(super) fn runtime(&mut self, number: usize, handle: &Handle, lists: &Lists, max: usize) {
        let belonging = Belonging { runtime: Some(number), local_set: None };
        self.listed(belonging, lists, max, || metrics::alive_tasks(handle));
    }

    /// Finds the tasks in some lists, until there are `max` of all; `alive` tells how many there are, if that is known.
    pub(super) fn listed(
        &mut self,
        belonging: Belonging,
        lists: &Lists,
        max: usize,
        alive: impl Fn() -> Option<usize>,
    ) {
        let Look { decoder, chains, sightings, all, .. } = self;
        let (task, deadline, types) = (decoder.task, decoder.deadline, decoder.compiler.types);
        let max = max.saturating_sub(all.tasks.len());
        let alive_before = alive();
        let mut offsets = |vtable| decoder.kind(vtable).map(|kind| (kind.trailer, kind.id));
        let listing = owned_tasks::follow(task, lists, &mut offsets, max, deadline);
        // Where tokio does not tell it nothing is missed.
        let alive = alive_before.min(alive()).unwrap_or(0);
        if listing.unfinished > 0 {
            all.not_reached += alive.saturating_sub(listing.tasks.len());
        }
        if let Some(number) = belonging.runtime {
            all.notes.extend(notes(number, &listing, alive, max));
        }
        let owner = Owner { layout: task, id: lists.owner_id };
        all.not_reached += batch::decode_all(owner, &listing.tasks, decoder, deadline, &mut |seen| {
            all.racy += usize::from(seen.verdict == Verdict::Racy);
            let standing = match seen.verdict {
                Verdict::Running => Standing::Polled,
                _ if seen.scheduled => Standing::Scheduled,
                _ => Standing::Idle,
            };
            let same = match standing {
                Standing::Polled => task.is_alive(seen.header),
                Standing::Scheduled | Standing::Idle => task.is_idle(seen.header),
            };
            sightings.add(Party::Task(seen.id), standing, seen.output, &[same]);
            let mut found = found(seen, belonging, chains);
            if let (Some(fault), Ok(_), []) = (types.fault(), &seen.kind.stage, &seen.output.nodes[..]) {
                found.chain = FoundChain::Unknown(Arc::new(fault.clone()));
            }
            all.tasks.push(found);
        });
    }

    /// Finds the tasks of runtimes that nobody passed in but threads have entered, and where stacks can be read what
    /// threads run by `block_on`, and what is in their `LocalSet`s. `numbers` has the numbers of the other runtimes by
    /// where the counted part of their handle is.
    pub(super) fn through_threads(
        &mut self,
        tokio: &Tokio,
        claims: &[Claim],
        mut numbers: HashMap<u64, usize>,
        threads: &Capture,
        max: usize,
    ) {
        let entered = tokio.entered(&threads.listing());
        for (thread, lists) in &entered {
            let next = self.all.runtimes.len();
            if numbers.contains_key(&lists.counted()) || next >= MAX_RUNTIMES {
                continue;
            }
            numbers.insert(lists.counted(), next);
            self.all.runtimes.push(Some(tokio.unlisted(*thread, lists, claims)));
            let belonging = Belonging { runtime: Some(next), local_set: None };
            self.listed(belonging, lists, max, || None);
        }
        #[cfg(stacks)]
        {
            let number = |lists: &Lists| numbers.get(&lists.counted()).copied();
            let entered = entered.iter().filter_map(|(thread, lists)| Some((*thread, number(lists)?)));
            let entered = entered.collect();
            self.roots(threads, &entered);
            self.local_sets(tokio, threads, &entered);
            self.executors(threads);
            self.local_tasks(tokio, max);
        }
        #[cfg(not(stacks))]
        let _ = threads;
    }

    /// Reads registered futures that no runtime listed: what `block_on` runs, a `LocalSet`'s tasks, those of other
    /// executors.
    pub(super) fn unlisted(&mut self, registered: &[(&'static Slot, Reading)]) {
        let tasks = self.all.tasks.iter().map(|task| &task.tracked);
        let met = tasks.chain(self.all.roots.iter().map(|root| &root.tracked));
        let listed: HashSet<u64> = met.flatten().map(|(slot, _)| *slot).collect();
        let (mut reads, mut output) = (ReadSet::default(), Output::default());
        for (slot, reading) in registered {
            let address = std::ptr::from_ref(*slot) as u64;
            if listed.contains(&address) || reading.polls == 0 {
                continue;
            }
            if Instant::now() > self.decoder.deadline {
                break;
            }
            let chain = self.registered(slot, reading, &mut reads, &mut output);
            self.all.unlisted.insert(address, Unlisted { chain, tracked: output.tracked.clone() });
        }
    }

    fn registered(
        &mut self,
        slot: &'static Slot,
        reading: &Reading,
        reads: &mut ReadSet,
        output: &mut Output,
    ) -> FoundChain {
        let Look { decoder, chains, .. } = self;
        let compiler = decoder.compiler;
        let function = compiler.types.functions_at(reading.kind.poll as u64).next();
        // Only what an async function or block has left behind is pinned for certain; another future may
        // have been moved since.
        let future = function.and_then(|id| compiler.polled_by(id)).filter(|future| future.is_coroutine());
        let unknown = |reason: &Reason| FoundChain::Unknown(Arc::new(reason.clone()));
        let Some(future) = future else {
            return unknown(compiler.types.fault().unwrap_or(&Reason::FutureNotDescribed));
        };
        let plan = decoder.plan(future.id);
        for _ in 0..MAX_TRIES {
            let sequence = slot.sequence();
            let Some(now) = slot.read().filter(|now| now.id == reading.id) else { break };
            reads.clear();
            output.clear();
            decoder.run(plan, now.address as u64, reads, output);
            if let (Some(fault), []) = (compiler.types.fault(), &output.nodes[..]) {
                return unknown(fault);
            }
            let same = slot.still(sequence) && output.is_sound() && !reads.unreadable;
            if now.polling {
                output.keep_passed();
                return FoundChain::Passed(chains.make(&output.nodes[..output.nodes.len().min(1)], None));
            }
            if same {
                return complete(chains, output, reads.cut());
            }
        }
        output.clear();
        FoundChain::Racy
    }
}

/// What limited the following of a runtime's lists.
fn notes(runtime: usize, listing: &Listing, alive: usize, max: usize) -> impl Iterator<Item = Note> {
    let looks_empty = listing.tasks.is_empty() && alive > 0 && max > 0;
    let Listing { unfinished, lists, .. } = *listing;
    let notes = [
        looks_empty.then_some(Note::ListsLookEmpty { runtime, alive }),
        (unfinished > 0).then_some(Note::ListsUnfinished { runtime, unfinished, lists }),
    ];
    notes.into_iter().flatten()
}

/// The chain of what stayed the same; if it ended before it began, the reason.
pub(super) fn complete(chains: &mut Chains, output: &Output, cut: Option<Fact>) -> FoundChain {
    match cut {
        Some(Fact::OutOfTime) if output.nodes.is_empty() => FoundChain::Unknown(Arc::new(Reason::OutOfTime)),
        cut => FoundChain::Known(chains.make(&output.nodes, cut)),
    }
}

fn found(seen: &Seen<'_>, belonging: Belonging, chains: &mut Chains) -> Found {
    let first = seen.output.nodes.first();
    let is_unproven = seen.kind.assumed && first.is_none();
    Found {
        id: seen.id,
        runtime: belonging.runtime,
        local_set: belonging.local_set,
        future: match first {
            None if is_unproven => Arc::from(UNKNOWN_FUTURE),
            // What is behind the trait object says more than its type.
            Some(first) if seen.kind.future.contains("dyn ") => Arc::clone(&first.label),
            _ => Arc::clone(&seen.kind.future),
        },
        state: match (seen.verdict, first.and_then(|node| node.progress)) {
            (Verdict::Running, _) => TaskState::Running,
            (_, Some(Progress::State(StateKind::NotStarted))) => TaskState::NotStarted,
            _ if seen.scheduled => TaskState::Scheduled,
            _ => TaskState::Idle,
        },
        running_on: None,
        chain: match (&seen.kind.stage, seen.verdict) {
            (Err(reason), _) => FoundChain::Unknown(Arc::clone(reason)),
            (_, Verdict::Stable | Verdict::Running) if is_unproven => {
                FoundChain::Unknown(Arc::new(Reason::TaskNotDescribed))
            }
            (_, Verdict::Racy) => FoundChain::Racy,
            (_, Verdict::Unreadable) => FoundChain::Unknown(Arc::new(Reason::MemoryUnreadable)),
            (_, Verdict::Stable) => complete(chains, seen.output, seen.cut.clone()),
            (_, Verdict::Running) => FoundChain::Passed(chains.make(&seen.output.nodes, seen.cut.clone())),
        },
        memory: seen.header..seen.header.wrapping_add(seen.kind.trailer),
        registered: seen.kind.registered,
        tracked: seen.output.tracked.clone(),
    }
}
