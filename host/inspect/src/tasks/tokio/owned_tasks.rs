//! Follows the lists of tasks while they change: no lock, no trust.
//!
//! A node counts only if its header says that it belongs to this runtime and, by its id, to this shard, and
//! if its links say that it is still in the list. Where the way breaks off, the walk steps back to the last
//! node that is still linked; the end counts only at the list's own tail.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Instant;

use super::layout::{Lists, TaskLayout};
use crate::memory::{self, Range, read_word};
use crate::tasks::decode::word_at;

/// How much of a header is read: all that is asked of it and the id behind it.
const HEADER_BYTES: usize = 64;
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
    /// Lists that were not followed to their end.
    pub(crate) unfinished: usize,
}

/// What is asked of the kinds of tasks: where the trailer is and where the id is.
pub(crate) type Offsets<'a> = dyn FnMut(u64) -> Option<(u64, u64)> + 'a;

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

struct Walk<'a> {
    layout: &'a TaskLayout,
    lists: &'a Lists,
    offsets: &'a mut Offsets<'a>,
}

/// Enumerates all tasks, at the most `max` and until `deadline`.
pub(crate) fn follow<'a>(
    layout: &'a TaskLayout,
    lists: &'a Lists,
    offsets: &'a mut Offsets<'a>,
    max: usize,
    deadline: Instant,
) -> Listing {
    let mut walk = Walk { layout, lists, offsets };
    let mut listing = Listing::default();
    let mut seen: HashSet<u64, BuildHasherDefault<AddressHasher>> = HashSet::default();
    let mut active: Vec<Cursor> = (0..lists.shards.len()).filter_map(|shard| walk.start(shard)).collect();
    let (mut ranges, mut headers, mut links) = (Vec::new(), Vec::new(), Vec::new());
    let (mut readable, mut linked) = (Vec::new(), Vec::new());
    let lower = layout.next.min(layout.previous);
    let mut rounds = 0_u32;
    while !active.is_empty() {
        rounds = rounds.wrapping_add(1);
        if listing.tasks.len() >= max || (rounds.is_multiple_of(256) && Instant::now() > deadline) {
            listing.unfinished += active.len();
            listing.tasks.truncate(max);
            break;
        }
        // All lists at once, a node of each: first the headers, then the links behind them.
        ranges.clear();
        ranges.extend(active.iter().map(|cursor| Range { address: cursor.at, length: HEADER_BYTES }));
        memory::read_many(&ranges, &mut headers, &mut readable);
        ranges.clear();
        let mut checked = Vec::with_capacity(active.len());
        for ((cursor, header), readable) in active.iter().zip(headers.chunks(HEADER_BYTES)).zip(&readable) {
            let found = if *readable { walk.check(header, cursor.shard) } else { None };
            let trailer = found.as_ref().map_or(0, |found| found.trailer);
            let address = cursor.at.wrapping_add(trailer).wrapping_add(lower);
            // Both links: they are neighbours, in either order.
            ranges.push(Range { address, length: if found.is_some() { 16 } else { 0 } });
            checked.push(found);
        }
        memory::read_many(&ranges, &mut links, &mut linked);

        let mut start = 0;
        let mut index = 0;
        active.retain_mut(|cursor| {
            let found = checked[index].take();
            let own = &links[start..start + ranges[index].length];
            start += ranges[index].length;
            let readable = linked[index];
            index += 1;
            let Some(found) = found.filter(|_| readable) else { return walk.recover(cursor, &mut listing) };
            let next = word_at(own, layout.next - lower);
            let previous = word_at(own, layout.previous - lower);
            let alone = next == 0 && previous == 0;
            if alone && !cursor.trail.is_empty() {
                // It was taken out of the list while we were on our way to it.
                return walk.recover(cursor, &mut listing);
            }
            if seen.insert(cursor.at) {
                listing.tasks.push(Listed { header: cursor.at, vtable: found.vtable });
            }
            if next != 0 {
                cursor.advance(next);
                // A list that was caught in the middle of a change may lead in a circle.
                let goes_on = cursor.steps < MAX_STEPS;
                listing.unfinished += usize::from(!goes_on);
                return goes_on;
            }
            let tail = read_word(lists.shards[cursor.shard].1).unwrap_or(0);
            if tail == cursor.at || tail == 0 { false } else { walk.recover(cursor, &mut listing) }
        });
    }
    listing
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

impl Walk<'_> {
    fn start(&self, shard: usize) -> Option<Cursor> {
        let at = read_word(self.lists.shards[shard].0).filter(|head| *head != 0)?;
        Some(Cursor { shard, at, tries: 0, steps: 0, trail: Vec::new() })
    }

    fn check(&mut self, header: &[u8], shard: usize) -> Option<Checked> {
        let vtable = word_at(header, self.layout.vtable);
        if word_at(header, self.layout.owner_id) != self.lists.owner_id {
            return None;
        }
        let (trailer, id) = (self.offsets)(vtable)?;
        let shards = self.lists.shards.len() as u64;
        let told = usize::try_from(id).is_ok_and(|id| id + 8 <= header.len());
        if told && shards > 1 && word_at(header, id) & (shards - 1) != shard as u64 {
            return None;
        }
        Some(Checked { vtable, trailer })
    }

    /// Steps back to a node that is still linked, or starts anew; false if this list has to be given up.
    fn recover(&mut self, cursor: &mut Cursor, listing: &mut Listing) -> bool {
        cursor.tries += 1;
        if cursor.tries > MAX_TRIES {
            listing.unfinished += 1;
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

/// Addresses are spread well enough by one multiplication.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, address: u64) {
        // Knuth's multiplicative constant, 2^64 divided by the golden ratio.
        self.0 = (self.0 ^ address).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}
