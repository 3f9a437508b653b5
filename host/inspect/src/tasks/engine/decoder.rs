//! The decoder of one future at a time: runs the interpreter, and makes the plans that it finds missing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Instant;

use super::batch::Decode;
#[cfg(stacks)]
use super::roots::Sites;
use crate::process;
use crate::tasks::decode::sync::{SyncPlan, SyncWalk};
use crate::tasks::decode::{Compiler, Detail, Interpreter, Missing, Output, PlanId, Plans, ReadSet};
use crate::tasks::tokio::TaskLayout;
use crate::tasks::tokio::task_kind::{self, Kind};
use crate::tasks::types::EntryId;

/// Kinds of tasks that are remembered. A program has hundreds; a recycled header may look like many.
const MAX_KINDS: usize = 100_000;

/// Values that one look visits to count futures that are like others: as many as ten thousand tasks of twenty values have in
/// all.
pub(super) const SPARE_VALUES: usize = 200_000;

/// What earlier looks have found out.
#[derive(Default)]
pub(super) struct Known {
    /// By vtable; `None` for what is no vtable of a task.
    kinds: HashMap<u64, Option<Arc<Kind>>>,
    plans: Plans,
    /// Of what types wait for and hold.
    locks: Plans<SyncPlan>,
    /// What is pinned in the functions of `block_on`.
    #[cfg(stacks)]
    pub(super) sites: Sites,
}

pub(super) struct Decoder<'a, 't, 's> {
    pub(super) task: &'a TaskLayout,
    /// The vtable of a task that is a box of any future, if there is one that is described.
    pub(super) boxed: Option<u64>,
    pub(super) known: &'a mut Known,
    pub(super) compiler: &'a Compiler<'t, 's>,
    pub(super) deadline: Instant,
    /// Values that may still be visited to count futures that are like others.
    pub(super) spare: usize,
    /// Whether to find what tasks wait for and hold.
    pub(super) holders: bool,
}

impl Decoder<'_, '_, '_> {
    /// The number of the plan for futures of that type.
    pub(super) fn plan(&mut self, of: EntryId) -> PlanId {
        self.known.plans.number(of)
    }

    /// Decodes, making plans until there is no more to make.
    pub(super) fn run(&mut self, plan: PlanId, address: u64, reads: &mut ReadSet, output: &mut Output) {
        let mark = reads.mark();
        loop {
            let mut interpreter = Interpreter::new(&self.known.plans, reads, output, &mut self.spare);
            let Err(missing) = interpreter.decode(plan, address) else { return ask_peers(output) };
            // A plan that is made without the types would be remembered, and wrong for good.
            if self.compiler.types.unusable().is_some() {
                reads.truncated = true;
                return output.clear();
            }
            // Each round makes one plan, of which there are as many as types; time is the bound.
            if Instant::now() > self.deadline {
                reads.late = true;
                return;
            }
            let task = self.task;
            self.compiler.make(&mut self.known.plans, missing, |vtable| task_kind::id_offset(task, vtable));
            reads.back_to(mark);
            output.clear();
        }
    }

    /// Adds what the future at `address` waits for and holds, after it was decoded. What is read for it does not count for
    /// the chain.
    pub(super) fn find_holders(
        &mut self,
        plan: PlanId,
        address: u64,
        reads: &mut ReadSet,
        output: &mut Output,
    ) {
        let Some(of) = self.known.plans.of(plan) else { return };
        self.walk(of, reads, output, |walk, plan| walk.walk(plan, address));
    }

    /// Adds what a value of that type holds that nobody awaits.
    #[cfg(stacks)]
    pub(super) fn find_holders_of_value(
        &mut self,
        of: EntryId,
        address: u64,
        reads: &mut ReadSet,
        output: &mut Output,
    ) {
        self.walk(of, reads, output, |walk, plan| walk.walk_value(plan, address));
    }

    fn walk(
        &mut self,
        of: EntryId,
        reads: &mut ReadSet,
        output: &mut Output,
        through: impl Fn(&mut SyncWalk<'_>, PlanId) -> Result<(), Missing>,
    ) {
        let plan = self.known.locks.number(of);
        if matches!(self.known.locks.get(plan), Some(SyncPlan::Nothing)) {
            return;
        }
        reads.aside();
        let mark = reads.mark();
        loop {
            let mut walk = SyncWalk::new(&self.known.locks, &self.known.plans, reads, output);
            let Err(missing) = through(&mut walk, plan) else { return };
            // What was found so far stays.
            if self.compiler.types.unusable().is_some() || Instant::now() > self.deadline {
                return;
            }
            let task = self.task;
            self.compiler.make_sync(&mut self.known.locks, missing);
            self.compiler.make(&mut self.known.plans, missing, |vtable| task_kind::id_offset(task, vtable));
            reads.back_to(mark);
            output.sync.clear();
        }
    }
}

/// Adds the other ends of the sockets that a future waits for. What it was decoded from is compared afterwards: it has had
/// these descriptors all the time, so that none of them was another socket meanwhile.
fn ask_peers(output: &mut Output) {
    for node in &mut output.nodes {
        if let Detail::Descriptor { number, peer } = &mut node.detail {
            *peer = process::peer(*number).map(Arc::from);
        }
    }
}

impl Decode for Decoder<'_, '_, '_> {
    fn kind(&mut self, vtable: u64) -> Option<Arc<Kind>> {
        let full = self.known.kinds.len() >= MAX_KINDS;
        match self.known.kinds.entry(vtable) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(_) if full => None,
            Entry::Vacant(place) => {
                let (types, plans) = (self.compiler.types, &mut self.known.plans);
                let mut found = task_kind::find(types, plans, self.task, vtable);
                if found.as_ref().is_some_and(|kind| kind.stage.is_err())
                    && let Some(boxed) =
                        self.boxed.and_then(|boxed| task_kind::find(types, plans, self.task, boxed))
                {
                    found = found.map(|kind| kind.assumed_boxed(&boxed));
                }
                match (found, self.compiler.types.fault()) {
                    // The next look may be able to read the types: this is not remembered.
                    (Some(kind), Some(fault)) => {
                        Some(Arc::new(Kind { stage: Err(Arc::new(fault.clone())), ..kind }))
                    }
                    (found, _) => place.insert(found.map(Arc::new)).clone(),
                }
            }
        }
    }

    fn decode(&mut self, kind: &Kind, header: u64, reads: &mut ReadSet, output: &mut Output) {
        if let Ok((offset, plan)) = kind.stage {
            let future = header.wrapping_add(offset);
            self.run(plan, future, reads, output);
            if kind.assumed && !output.shows_future() {
                return output.clear();
            }
            if self.holders {
                self.find_holders(plan, future, reads, output);
            }
        }
    }
}
