//! One look at tasks: those that a runtime lists, and registered futures that none lists.

use std::collections::HashSet;
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
use crate::tasks::model::{Note, Reason, TaskState};
use crate::tasks::registry::{Reading, Slot};
use crate::tasks::tokio::owned_tasks::{self, Listing};
use crate::tasks::tokio::{Lists, metrics};

/// Tries to read a registered future that no runtime lists.
const MAX_TRIES: u32 = 4;

/// What one look works with, and what it has found so far.
pub(super) struct Look<'a, 't, 's> {
    pub(super) decoder: Decoder<'a, 't, 's>,
    pub(super) chains: Chains,
    pub(super) sightings: Gathering,
    pub(super) all: FoundAll,
}

impl Look<'_, '_, '_> {
    /// Finds the tasks of the runtime of that number, until there are `max` of all runtimes.
    pub(super) fn runtime(&mut self, number: usize, handle: &Handle, lists: &Lists, max: usize) {
        let Look { decoder, chains, sightings, all } = self;
        let (task, deadline, types) = (decoder.task, decoder.deadline, decoder.compiler.types);
        let max = max.saturating_sub(all.tasks.len());
        let alive_before = metrics::alive_tasks(handle);
        let mut offsets = |vtable| decoder.kind(vtable).map(|kind| (kind.trailer, kind.id));
        let listing = owned_tasks::follow(task, lists, &mut offsets, max, deadline);
        // Where tokio does not tell it nothing is missed.
        let alive = alive_before.min(metrics::alive_tasks(handle)).unwrap_or(0);
        if listing.unfinished > 0 {
            all.not_reached += alive.saturating_sub(listing.tasks.len());
        }
        all.notes.extend(notes(number, &listing, alive, max));
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
            let mut found = found(seen, number, chains);
            if let (Some(fault), Ok(_), []) = (types.fault(), &seen.kind.stage, &seen.output.nodes[..]) {
                found.chain = FoundChain::Unknown(Arc::new(fault.clone()));
            }
            all.tasks.push(found);
        });
    }

    /// Reads registered futures that no runtime listed: what `block_on` runs, a `LocalSet`'s tasks, those of other
    /// executors.
    pub(super) fn unlisted(&mut self, registered: &[(&'static Slot, Reading)]) {
        let tasks = self.all.tasks.iter();
        let listed: HashSet<u64> = tasks.flat_map(|task| &task.tracked).map(|(slot, _)| *slot).collect();
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
                return FoundChain::Passed(chains.make(&output.nodes[..output.nodes.len().min(1)], false));
            }
            if same {
                return FoundChain::Known(chains.make(&output.nodes, reads.truncated));
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

fn found(seen: &Seen<'_>, runtime: usize, chains: &mut Chains) -> Found {
    let first = seen.output.nodes.first();
    let mut chain = || chains.make(&seen.output.nodes, seen.truncated);
    Found {
        id: seen.id,
        runtime,
        future: match first {
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
            (_, Verdict::Racy) => FoundChain::Racy,
            (_, Verdict::Unreadable) => FoundChain::Unknown(Arc::new(Reason::MemoryUnreadable)),
            (_, Verdict::Stable) => FoundChain::Known(chain()),
            (_, Verdict::Running) => FoundChain::Passed(chain()),
        },
        memory: seen.header..seen.header.wrapping_add(seen.kind.trailer),
        registered: seen.kind.registered,
        tracked: seen.output.tracked.clone(),
    }
}
