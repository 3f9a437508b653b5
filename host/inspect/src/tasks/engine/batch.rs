//! Batches of listed tasks: read, decoded, and read again, to believe only what stayed the same.
//!
//! All tasks of a batch are read and decoded, then everything that they were decoded from is read once more. What
//! changed in between, or makes no sense for a task that nobody polls, is tried again and at last given up as racy. Tasks
//! that have finished meanwhile are left out.

use std::sync::Arc;
use std::time::Instant;

use crate::memory::{self, Range};
use crate::tasks::decode::{Output, ReadSet};
use crate::tasks::tokio::owned_tasks::Listed;
use crate::tasks::tokio::task_kind::Kind;
use crate::tasks::tokio::{State, TaskLayout};

/// Tasks read with one system call. Larger batches leave more time for change between the looks.
const BATCH: usize = 128;
/// Looks at one task. A hot one may move each time; a fourth look finds little that three did not.
const MAX_LOOKS: u32 = 4;
/// Looks at a task that is being polled: nothing says that it will be idle soon.
const MAX_LOOKS_RUNNING: u32 = 2;

/// How far what was decoded can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing moved.
    Stable,
    /// It was being polled.
    Running,
    /// It moved each time.
    Racy,
    /// Memory that should be there could not be read.
    Unreadable,
}

/// A task as it was seen.
pub(crate) struct Seen<'a> {
    pub(crate) id: u64,
    pub(crate) header: u64,
    pub(crate) scheduled: bool,
    pub(crate) kind: &'a Arc<Kind>,
    pub(crate) verdict: Verdict,
    pub(crate) output: &'a Output,
    /// A bound was met: something is missing at the end.
    pub(crate) truncated: bool,
}

/// Knows the kinds of tasks, and decodes the future in one.
pub(crate) trait Decode {
    fn kind(&mut self, vtable: u64) -> Option<Arc<Kind>>;
    /// Decodes the future of the task at `header`; the task's bytes are in `reads` already.
    fn decode(&mut self, kind: &Kind, header: u64, reads: &mut ReadSet, output: &mut Output);
}

/// The tasks that one runtime owns, by what their headers look like.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) layout: &'a TaskLayout,
    pub(crate) id: u64,
}

/// A task that is still to be looked at.
struct Work {
    listed: Listed,
    looks: u32,
}

/// A task that was read and decoded once.
#[derive(Default)]
struct Pending {
    work: Option<(Work, Arc<Kind>)>,
    id: u64,
    state: State,
    reads: ReadSet,
    output: Output,
}

/// Decodes all of `listed` until `deadline`, and returns how many were not reached.
pub(crate) fn decode_all(
    owner: Owner<'_>,
    listed: &[Listed],
    decoder: &mut dyn Decode,
    deadline: Instant,
    take: &mut dyn FnMut(&Seen<'_>),
) -> usize {
    let mut left: Vec<Work> = listed.iter().rev().map(|listed| Work { listed: *listed, looks: 0 }).collect();
    let mut batch = Batch::new();
    while !left.is_empty() {
        if Instant::now() > deadline {
            return left.len();
        }
        let next: Vec<(Work, Arc<Kind>)> = left
            .drain(left.len() - left.len().min(BATCH)..)
            .rev()
            .filter_map(|work| decoder.kind(work.listed.vtable).map(|kind| (work, kind)))
            .collect();
        batch.decode(owner, next, decoder);
        batch.judge(owner.layout, &mut left, take);
    }
    0
}

/// Tasks that are read together, and what they are read into; kept from batch to batch for its memory.
struct Batch {
    pending: Vec<Pending>,
    /// How many of these are in use.
    used: usize,
    ranges: Vec<Range>,
    bytes: Vec<u8>,
    readable: Vec<bool>,
}

impl Batch {
    fn new() -> Self {
        let pending = (0..BATCH).map(|_| Pending::default()).collect();
        Batch { pending, used: 0, ranges: Vec::new(), bytes: Vec::new(), readable: Vec::new() }
    }

    /// Reads these tasks and decodes those that are still there.
    fn decode(&mut self, owner: Owner<'_>, tasks: Vec<(Work, Arc<Kind>)>, decoder: &mut dyn Decode) {
        let Batch { pending, used, ranges, bytes, readable } = self;
        ranges.clear();
        ranges.extend(
            tasks.iter().map(|(work, kind)| Range { address: work.listed.header, length: kind.size }),
        );
        memory::read_many(ranges, bytes, readable);
        *used = 0;
        let mut rest: &[u8] = bytes;
        for ((work, kind), readable) in tasks.into_iter().zip(readable.iter()) {
            let own = rest.split_off(..kind.size).unwrap_or_default();
            let Listed { header, vtable } = work.listed;
            let state = owner.layout.state(own);
            if !readable || !owner.layout.is_owned(own, vtable, owner.id) || state.is_over() {
                continue;
            }
            let slot = &mut pending[*used];
            *used += 1;
            slot.reads.clear();
            slot.output.clear();
            slot.reads.add(header, own);
            slot.state = state;
            for word in owner.layout.identity() {
                slot.reads.pointer(header.wrapping_add(word));
            }
            slot.id = slot.reads.pointer(header.wrapping_add(kind.id)).unwrap_or(0);
            decoder.decode(&kind, header, &mut slot.reads, &mut slot.output);
            slot.work = Some((work, kind));
        }
    }

    /// Reads everything again, hands out what stayed the same, and puts the other tasks back to be looked at again.
    fn judge(&mut self, layout: &TaskLayout, left: &mut Vec<Work>, take: &mut dyn FnMut(&Seen<'_>)) {
        let Batch { pending, used, ranges, bytes, readable } = self;
        let pending = &mut pending[..*used];
        ranges.clear();
        ranges.extend(pending.iter().flat_map(|slot| slot.reads.ranges()));
        memory::read_many(ranges, bytes, readable);
        let (mut bytes, mut readable): (&[u8], &[bool]) = (bytes, readable);
        for slot in pending {
            let again = bytes.split_off(..slot.reads.length()).unwrap_or_default();
            let parts = readable.split_off(..slot.reads.ranges().count()).unwrap_or_default();
            let all_there = parts.iter().take(slot.reads.counting()).all(|readable| *readable);
            left.extend(slot.judge(layout, again, all_there, take));
        }
    }
}

impl Pending {
    /// Hands out the task, or gives it back to be looked at again.
    fn judge(
        &mut self,
        layout: &TaskLayout,
        again: &[u8],
        all_there: bool,
        take: &mut dyn FnMut(&Seen<'_>),
    ) -> Option<Work> {
        let (mut work, kind) = self.work.take()?;
        let state = layout.state(again);
        if state.is_over() {
            return None;
        }
        let running = self.state.is_running() || state.is_running();
        let same = all_there
            && !self.state.moved(state)
            && self.reads.unchanged(again)
            && (running || self.output.is_sound());
        let verdict = match (same, running) {
            _ if self.reads.unreadable && !running => Verdict::Unreadable,
            (true, false) => Verdict::Stable,
            (true, true) => Verdict::Running,
            (false, _) => Verdict::Racy,
        };
        work.looks += 1;
        let enough = if running { MAX_LOOKS_RUNNING } else { MAX_LOOKS };
        if verdict != Verdict::Stable && work.looks < enough {
            return Some(work);
        }
        match verdict {
            Verdict::Running => self.output.keep_passed(),
            // What was decoded of a task that moved is not shown.
            Verdict::Racy => self.output.clear(),
            Verdict::Stable | Verdict::Unreadable => {}
        }
        self.output.sync.retain(|looked| self.reads.unchanged_in(looked, again));
        take(&Seen {
            id: self.id,
            header: work.listed.header,
            scheduled: state.is_scheduled(),
            kind: &kind,
            verdict: if verdict == Verdict::Racy && running { Verdict::Running } else { verdict },
            output: &self.output,
            truncated: self.reads.truncated,
        });
        None
    }
}
