//! Many futures side by side: elements of slices and nodes of lists.
//!
//! The first of them are kept as they are. Of the others those are kept that are like none before, since these are what a reader
//! looks for; the rest is counted, and what was read of it is forgotten: a count is of about the moment of the look.

use std::ops::Range;

use super::interpreter::{At, FIRST_ADDRESS, Interpreter, Missing};
use super::output::{Detail, Node};
use super::plan::Edge;
use super::read_set::Mark;

/// Futures that are kept in any case.
const MAX_KEPT: u64 = 64;
/// Futures that are kept beside these, since they are like none before.
const MAX_ODD: usize = 64;
/// Futures of one crowd that are looked at.
const MAX_SEEN: u64 = 16_384;
/// Elements beyond those that are kept in any case, read together.
const BLOCK: u64 = 64;

/// The futures of one crowd.
#[derive(Default)]
struct Crowd {
    seen: u64,
    /// The nodes of each that is kept.
    kept: Vec<Range<usize>>,
}

/// How much there was before one of them.
struct Before {
    nodes: usize,
    tracked: usize,
    local_sets: usize,
    values: usize,
    mark: Mark,
}

impl Interpreter<'_> {
    /// The futures of a slice whose pointer and length are at these addresses.
    pub(super) fn slice(
        &mut self,
        data: u64,
        length: u64,
        element_size: u64,
        element: &Edge,
        at: &At,
    ) -> Result<(), Missing> {
        let (data, length) = (self.reads.pointer(data), self.reads.integer(length, 8));
        let (Some(data), Some(length)) = (data, length) else { return Ok(()) };
        let count = length.min(MAX_KEPT);
        if count != 0 && !self.reads.fetch(data, count.saturating_mul(element_size)) {
            self.reads.truncated |= length > MAX_KEPT;
            return Ok(());
        }
        self.elements(data, length, element_size, element, at)
    }

    pub(super) fn elements(
        &mut self,
        start: u64,
        count: u64,
        size: u64,
        element: &Edge,
        at: &At,
    ) -> Result<(), Missing> {
        let mut crowd = Crowd::default();
        let place = |index: u64| start.wrapping_add(index.wrapping_mul(size));
        for index in 0..count.min(MAX_KEPT) {
            self.one(&mut crowd, element, place(index), at.element(index))?;
        }
        while crowd.seen < count {
            let block = crowd.seen..count.min(crowd.seen + BLOCK);
            let (mark, kept) = (self.reads.mark(), crowd.kept.len());
            let bytes = (block.end - block.start).saturating_mul(size);
            if !self.has_room(&crowd) || !self.reads.fetch(place(block.start), bytes) {
                self.reads.truncated = true;
                return Ok(());
            }
            for index in block {
                self.one(&mut crowd, element, place(index), at.element(index))?;
            }
            if crowd.kept.len() == kept {
                self.reads.forget(mark);
            }
        }
        Ok(())
    }

    /// The futures of a linked list; the pointer at `head` points to its first node.
    pub(super) fn linked(
        &mut self,
        head: u64,
        node_size: u64,
        next: u64,
        future: &Edge,
        at: &At,
    ) -> Result<Detail, Missing> {
        let mut node = self.reads.pointer(head).unwrap_or(0);
        let mut crowd = Crowd::default();
        while node >= FIRST_ADDRESS && self.has_room(&crowd) {
            let (mark, kept) = (self.reads.mark(), crowd.kept.len());
            if !self.reads.fetch(node, node_size) {
                break;
            }
            let element = at.below().element(crowd.seen);
            self.one(&mut crowd, future, node.wrapping_add(future.offset), element)?;
            node = self.reads.pointer(node.wrapping_add(next)).unwrap_or(0);
            if crowd.kept.len() == kept {
                self.reads.forget(mark);
            }
        }
        Ok(Detail::Futures { count: crowd.seen, more: node >= FIRST_ADDRESS })
    }

    fn has_room(&self, crowd: &Crowd) -> bool {
        let is_open = *self.spare > 0 && crowd.seen < MAX_SEEN;
        crowd.seen < MAX_KEPT || is_open && crowd.kept.len() < MAX_KEPT as usize + MAX_ODD
    }

    /// The next one.
    fn one(&mut self, crowd: &mut Crowd, future: &Edge, address: u64, at: At) -> Result<(), Missing> {
        let before = Before {
            nodes: self.output.nodes.len(),
            tracked: self.output.tracked.len(),
            local_sets: self.output.local_sets.len(),
            values: self.values,
            mark: self.reads.mark(),
        };
        let is_beyond = crowd.seen >= MAX_KEPT;
        if is_beyond {
            // These have a budget of their own.
            self.values = 0;
        }
        self.value(future.plan, address, at)?;
        crowd.seen += 1;
        let own = before.nodes..self.output.nodes.len();
        if !is_beyond {
            crowd.kept.push(own);
            return Ok(());
        }
        *self.spare = self.spare.saturating_sub(self.values);
        self.values = before.values;
        let nodes = &self.output.nodes;
        let is_like = |kept: &&Range<usize>| is_alike(&nodes[(*kept).clone()], &nodes[own.clone()]);
        match crowd.kept.iter().find(is_like).map(|kept| kept.start) {
            Some(first) => {
                if !own.is_empty() {
                    self.output.nodes[first].alike += 1;
                }
                self.forget(before);
            }
            None => crowd.kept.push(own),
        }
        Ok(())
    }

    fn forget(&mut self, before: Before) {
        self.output.nodes.truncate(before.nodes);
        self.output.spots.truncate(before.nodes);
        self.output.tracked.truncate(before.tracked);
        self.output.local_sets.truncate(before.local_sets);
        self.reads.forget(before.mark);
    }
}

/// Whether two futures stand in one place, wherever among the others they are.
fn is_alike(one: &[Node], other: &[Node]) -> bool {
    let is_same = |(at, (one, other)): (usize, (&Node, &Node))| one.is_like(other, at == 0);
    one.len() == other.len() && one.iter().zip(other).enumerate().all(is_same)
}
