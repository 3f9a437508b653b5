//! Decodes listed tasks, many at a time, and believes only what stands a second look.
//!
//! All tasks of a batch are read, decoded, and everything that they were decoded from is read again. What
//! changed in between, or makes no sense for a task that nobody polls, is tried again and at last
//! given up as racy. Tasks that have finished meanwhile are no tasks.

use std::sync::Arc;
use std::time::Instant;

use crate::memory::{self, Range};
use crate::tasks::decode::{Output, ReadSet, word_at};
use crate::tasks::tokio::layout::TaskLayout;
use crate::tasks::tokio::owned_tasks::Listed;
use crate::tasks::tokio::task_kind::Kind;

/// Tasks read with one system call. Larger batches leave more time for change between the looks.
const BATCH: usize = 128;
/// Looks at one task. A hot one may move each time; a fourth look finds little that three did not.
const MAX_LOOKS: u32 = 4;
/// Looks at a task that is being polled: nothing says that it will be idle soon.
const MAX_LOOKS_RUNNING: u32 = 2;

/// tokio's state bits: being polled, finished, woken. References are counted above the sixth.
const RUNNING: u64 = 1;
const COMPLETE: u64 = 2;
const NOTIFIED: u64 = 4;
const REFERENCE_SHIFT: u32 = 6;
/// Nobody holds more references than this to a task; a freed header may say so.
const MAX_REFERENCES: u64 = 1 << 24;

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

/// A task as it was seen, handed to whoever takes it down.
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

/// What decodes one future and knows the kinds of tasks.
pub(crate) trait Decode {
    fn kind(&mut self, vtable: u64) -> Option<Arc<Kind>>;
    /// Decodes the future of a task whose header is at `header` and whose bytes are in `reads` already.
    fn decode(&mut self, kind: &Kind, header: u64, reads: &mut ReadSet, output: &mut Output);
}

struct Work {
    listed: Listed,
    looks: u32,
}

#[derive(Default)]
struct Pending {
    work: Option<(Work, Arc<Kind>)>,
    id: u64,
    state: u64,
    reads: ReadSet,
    output: Output,
}

fn is_ghost(state: u64) -> bool {
    let references = state >> REFERENCE_SHIFT;
    state & COMPLETE != 0 || references == 0 || references > MAX_REFERENCES
}

/// Decodes all of `listed` until `deadline`, and returns how many were not reached.
pub(crate) fn decode_all(
    layout: &TaskLayout,
    owner_id: u64,
    listed: &[Listed],
    decoder: &mut dyn Decode,
    deadline: Instant,
    take: &mut dyn FnMut(&Seen<'_>),
) -> usize {
    let mut left: Vec<Work> = listed.iter().rev().map(|listed| Work { listed: *listed, looks: 0 }).collect();
    let mut pending: Vec<Pending> = (0..BATCH).map(|_| Pending::default()).collect();
    let (mut ranges, mut bytes, mut readable) = (Vec::new(), Vec::new(), Vec::new());
    while !left.is_empty() {
        if Instant::now() > deadline {
            return left.len();
        }
        let batch: Vec<(Work, Arc<Kind>)> = left
            .drain(left.len() - left.len().min(BATCH)..)
            .rev()
            .filter_map(|work| decoder.kind(work.listed.vtable).map(|kind| (work, kind)))
            .collect();
        ranges.clear();
        ranges.extend(
            batch.iter().map(|(work, kind)| Range { address: work.listed.header, length: kind.size }),
        );
        memory::read_many(&ranges, &mut bytes, &mut readable);

        let mut used = 0;
        let mut start = 0;
        for (index, (work, kind)) in batch.into_iter().enumerate() {
            let own = &bytes[start..start + kind.size];
            start += kind.size;
            let header = work.listed.header;
            let is_same = word_at(own, layout.vtable) == work.listed.vtable
                && word_at(own, layout.owner_id) == owner_id;
            let state = word_at(own, layout.state);
            if !readable[index] || !is_same || is_ghost(state) {
                continue;
            }
            let slot = &mut pending[used];
            used += 1;
            slot.reads.clear();
            slot.output.clear();
            slot.reads.add(header, own);
            slot.state = state;
            for word in [layout.vtable, layout.owner_id] {
                slot.reads.pointer(header.wrapping_add(word));
            }
            slot.id = slot.reads.pointer(header.wrapping_add(kind.id)).unwrap_or(0);
            decoder.decode(&kind, header, &mut slot.reads, &mut slot.output);
            slot.work = Some((work, kind));
        }

        let batch = &mut pending[..used];
        ranges.clear();
        ranges.extend(batch.iter().flat_map(|slot| slot.reads.ranges()));
        memory::read_many(&ranges, &mut bytes, &mut readable);
        let (mut start, mut first) = (0, 0);
        for slot in batch {
            let again = &bytes[start..start + slot.reads.length()];
            start += slot.reads.length();
            let count = slot.reads.ranges().count();
            let all_there = readable[first..first + count].iter().all(|readable| *readable);
            first += count;
            left.extend(slot.judge(layout, again, all_there, take));
        }
    }
    0
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
        let state = word_at(again, layout.state);
        if is_ghost(state) {
            return None;
        }
        let running = (self.state | state) & RUNNING != 0;
        let same = all_there
            && (self.state ^ state) & (RUNNING | COMPLETE) == 0
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
        take(&Seen {
            id: self.id,
            header: work.listed.header,
            scheduled: state & NOTIFIED != 0,
            kind: &kind,
            verdict: if verdict == Verdict::Racy && running { Verdict::Running } else { verdict },
            output: &self.output,
            truncated: self.reads.truncated,
        });
        None
    }
}
