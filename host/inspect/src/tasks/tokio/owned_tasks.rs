//! tokio's lists of owned tasks, followed while they change: no lock, no trust.
//!
//! A node counts only if its header says that it belongs to this runtime and, by its id, to this shard, and if its links
//! say that it is still in the list. Where the way breaks off, the search steps back to the last node that is still
//! linked; the end counts only at the list's own tail.

use std::collections::HashSet;
use std::time::Instant;

use rustc_hash::FxBuildHasher;

use super::handle::Lists;
use super::header::TaskLayout;
use crate::memory::{self, Range, read_word};
use crate::tasks::decode::word_at;

/// How much of a header is read: all that is asked of it and the id behind it.
const HEADER_BYTES: usize = 64;
/// Two pointers.
const LINKS_BYTES: usize = 16;
/// Steps back and new starts in one list before it is given up.
const MAX_TRIES: u32 = 100_000;
/// Nodes visited in one list, those visited twice included: four times what a runtime was ever seen to have.
const MAX_STEPS: u32 = 16_000_000;
/// How many nodes are kept for stepping back.
const TRAIL: usize = 4096;

/// Where a task is and what its vtable was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) header: u64,
    pub(crate) vtable: u64,
}

/// What the lists hold.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) tasks: Vec<Listed>,
    /// How many lists there are.
    pub(crate) lists: usize,
    /// How many of them were not followed to their end.
    pub(crate) unfinished: usize,
}

/// Where a task has its trailer and its id, by its vtable.
pub(crate) type Offsets<'a> = dyn FnMut(u64) -> Option<(u64, u64)> + 'a;

/// A place in one list.
struct Cursor {
    shard: usize,
    at: u64,
    tries: u32,
    steps: u32,
    trail: Vec<u64>,
}

/// A header that was found to belong where it was found.
struct Checked {
    vtable: u64,
    trailer: u64,
}

/// A task in its list.
struct Node {
    vtable: u64,
    next: u64,
    previous: u64,
}

/// What all lists are read into, a node of each: first the headers, then the links behind them.
#[derive(Default)]
struct Buffers {
    ranges: Vec<Range>,
    bytes: Vec<u8>,
    readable: Vec<bool>,
    checked: Vec<Option<Checked>>,
}

/// One runtime's lists, and the tasks found so far.
struct Search<'a> {
    layout: &'a TaskLayout,
    lists: &'a Lists,
    offsets: &'a mut Offsets<'a>,
    seen: HashSet<u64, FxBuildHasher>,
    listing: Listing,
}

/// Enumerates all tasks, at the most `max` and until `deadline`.
pub(crate) fn follow<'a>(
    layout: &'a TaskLayout,
    lists: &'a Lists,
    offsets: &'a mut Offsets<'a>,
    max: usize,
    deadline: Instant,
) -> Listing {
    let (seen, listing) = (HashSet::default(), Listing { lists: lists.shards.len(), ..Listing::default() });
    let mut search = Search { layout, lists, offsets, seen, listing };
    let mut active: Vec<Cursor> = (0..lists.shards.len()).filter_map(|shard| search.start(shard)).collect();
    let (mut buffers, mut nodes) = (Buffers::default(), Vec::new());
    let mut rounds = 0_u32;
    while !active.is_empty() {
        rounds = rounds.wrapping_add(1);
        let is_late = rounds.is_multiple_of(256) && Instant::now() > deadline;
        if is_late || search.listing.tasks.len() >= max {
            search.listing.unfinished += active.len();
            search.listing.tasks.truncate(max);
            break;
        }
        search.read(&active, &mut buffers, &mut nodes);
        let mut nodes = nodes.drain(..);
        active.retain_mut(|cursor| search.step(cursor, nodes.next().flatten()));
    }
    search.listing
}

impl Cursor {
    fn advance(&mut self, next: u64) {
        if self.trail.len() >= TRAIL {
            self.trail.drain(..TRAIL / 2);
        }
        self.trail.push(self.at);
        self.at = next;
        self.steps += 1;
    }
}

impl Search<'_> {
    fn start(&self, shard: usize) -> Option<Cursor> {
        let at = read_word(self.lists.shards[shard].0).filter(|head| *head != 0)?;
        Some(Cursor { shard, at, tries: 0, steps: 0, trail: Vec::new() })
    }

    /// Reads the node that each cursor is at; `None` for a node that does not belong there.
    fn read(&mut self, active: &[Cursor], buffers: &mut Buffers, nodes: &mut Vec<Option<Node>>) {
        let Buffers { ranges, bytes, readable, checked } = buffers;
        ranges.clear();
        ranges.extend(active.iter().map(|cursor| Range { address: cursor.at, length: HEADER_BYTES }));
        memory::read_many(ranges, bytes, readable);
        checked.clear();
        let headers = bytes.chunks_exact(HEADER_BYTES).zip(readable.iter());
        checked.extend(active.iter().zip(headers).map(|(cursor, (header, readable))| {
            if *readable { self.check(header, cursor.shard) } else { None }
        }));

        // Both links: they are neighbours, in either order.
        let lower = self.layout.next.min(self.layout.previous);
        ranges.clear();
        ranges.extend(active.iter().zip(checked.iter()).map(|(cursor, checked)| match checked {
            Some(found) => {
                let address = cursor.at.wrapping_add(found.trailer).wrapping_add(lower);
                Range { address, length: LINKS_BYTES }
            }
            None => Range { address: cursor.at, length: 0 },
        }));
        memory::read_many(ranges, bytes, readable);
        let mut links = bytes.chunks_exact(LINKS_BYTES);
        nodes.extend(checked.drain(..).zip(readable.iter()).map(|(checked, readable)| {
            let found = checked?;
            let own = links.next()?;
            readable.then(|| Node {
                vtable: found.vtable,
                next: word_at(own, self.layout.next - lower),
                previous: word_at(own, self.layout.previous - lower),
            })
        }));
    }

    /// Takes the node down and goes on to the next one; false at the end of the list, or where it is given up.
    fn step(&mut self, cursor: &mut Cursor, node: Option<Node>) -> bool {
        let Some(node) = node else { return self.recover(cursor) };
        let alone = node.next == 0 && node.previous == 0;
        if alone && !cursor.trail.is_empty() {
            // It was taken out of the list while the search was on its way to it.
            return self.recover(cursor);
        }
        if self.seen.insert(cursor.at) {
            self.listing.tasks.push(Listed { header: cursor.at, vtable: node.vtable });
        }
        if node.next != 0 {
            cursor.advance(node.next);
            // A list that was caught in the middle of a change may lead in a circle.
            let goes_on = cursor.steps < MAX_STEPS;
            self.listing.unfinished += usize::from(!goes_on);
            return goes_on;
        }
        let tail = read_word(self.lists.shards[cursor.shard].1).unwrap_or(0);
        tail != cursor.at && tail != 0 && self.recover(cursor)
    }

    fn check(&mut self, header: &[u8], shard: usize) -> Option<Checked> {
        let vtable = word_at(header, self.layout.vtable);
        if word_at(header, self.layout.owner_id) != self.lists.owner_id {
            return None;
        }
        let (trailer, id) = (self.offsets)(vtable)?;
        let shards = self.lists.shards.len() as u64;
        let has_id = usize::try_from(id).is_ok_and(|id| id + 8 <= header.len());
        if has_id && shards > 1 && word_at(header, id) & (shards - 1) != shard as u64 {
            return None;
        }
        Some(Checked { vtable, trailer })
    }

    /// Steps back to a node that is still linked, or starts anew; false if this list has to be given up.
    fn recover(&mut self, cursor: &mut Cursor) -> bool {
        cursor.tries += 1;
        if cursor.tries > MAX_TRIES {
            self.listing.unfinished += 1;
            return false;
        }
        while let Some(node) = cursor.trail.pop() {
            let mut header = [0; HEADER_BYTES];
            if memory::read(node, &mut header).is_err() {
                continue;
            }
            let Some(found) = self.check(&header, cursor.shard) else { continue };
            let next = node.wrapping_add(found.trailer).wrapping_add(self.layout.next);
            let next = read_word(next).filter(|next| *next != 0 && *next != cursor.at);
            if let Some(next) = next {
                cursor.trail.push(node);
                cursor.at = next;
                return true;
            }
        }
        match read_word(self.lists.shards[cursor.shard].0) {
            Some(head) if head != 0 => {
                cursor.at = head;
                true
            }
            _ => false,
        }
    }
}
