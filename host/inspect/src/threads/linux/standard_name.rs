//! Names of threads beyond the 15 bytes that the kernel keeps: as Rust's standard library has them.
//!
//! std keeps in a thread-local variable a pointer to what it has of the thread, its name among that, as a C string with its
//! length. Neither place is promised or described in an executable, so both are found by experiment: in a thread
//! whose name fills the kernel's 15 bytes, a variable leads to a string that begins with just these. What is read of
//! any thread counts only if it begins with what the kernel says of that one, so a place that was learnt wrongly, a
//! thread that has ended and one that was renamed since cost the rest of a name and nothing else.

use crate::memory::{self, Range};
use crate::thread_locals::{own_variables, robust_list};
use crate::threads::Thread;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// What the kernel keeps of a name (`TASK_COMM_LEN` less its final zero).
const KERNEL_BYTES: usize = 15;
/// The longest name that is read.
const MAX_BYTES: usize = 256;
/// How much is looked at of what a variable points to: two counts, the name, the id and what parks the thread.
const POINTEE_BYTES: usize = 64;
/// Most of an executable's variables that are looked through. They have some hundred bytes.
const MAX_VARIABLES: usize = 64 << 10;
/// Threads by which the place may be learnt in one capture, and in all: names of threads that std has not started are found
/// nowhere.
const MAX_TEACHERS: usize = 4;
const MAX_TRIES: u32 = 64;
/// Below this no memory is mapped.
const FIRST_ADDRESS: u64 = 4096;

/// Where std keeps the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// From a thread's list of robust locks to the variable, modulo 2^64.
    variable: u64,
    /// In what the variable points to: the string's address, then its length with the final zero.
    name: u64,
}

static PLACE: OnceLock<Place> = OnceLock::new();
static TRIES: AtomicU32 = AtomicU32::new(0);

/// Gives each thread whose name the kernel has cut off the whole of it, where std has it.
pub(super) fn complete(threads: &mut [Thread]) {
    let mut cut: Vec<(&mut Thread, u64)> = threads
        .iter_mut()
        .filter(|thread| thread.name.len() >= KERNEL_BYTES)
        .filter_map(|thread| robust_list(thread.id).ok().map(|anchor| (thread, anchor)))
        .collect();
    let Some(place) = place(&cut) else { return };
    let anchors: Vec<u64> = cut.iter().map(|(_, anchor)| *anchor).collect();
    let names = names(place, &anchors);
    for ((thread, _), name) in cut.iter_mut().zip(names) {
        if let Some(name) = name.filter(|name| begins_as(name, &thread.name)) {
            thread.name = String::from_utf8_lossy(&name).into_owned();
        }
    }
}

/// The place, learnt by these threads if it is not known yet.
fn place(threads: &[(&mut Thread, u64)]) -> Option<Place> {
    if let Some(place) = PLACE.get() {
        return Some(*place);
    }
    if threads.is_empty() || TRIES.fetch_add(1, Ordering::Relaxed) >= MAX_TRIES {
        return None;
    }
    let mut teachers = threads.iter().take(MAX_TEACHERS);
    let place = teachers.find_map(|(thread, anchor)| learn(*anchor, &thread.name))?;
    Some(*PLACE.get_or_init(|| place))
}

/// The one place by which the thread with that anchor has a name of which the kernel has the beginning.
fn learn(anchor: u64, kernel_name: &str) -> Option<Place> {
    let own = own_variables().ok().filter(|own| own.length <= MAX_VARIABLES)?;
    let distance = own.address.wrapping_sub(robust_list(0).ok()?);
    let mut bytes = vec![0; own.length];
    memory::read(anchor.wrapping_add(distance), &mut bytes).ok()?;
    let pointers = (0..own.length).step_by(8).map(|offset| (offset as u64, word_at(&bytes, offset)));
    let pointers: Vec<(u64, u64)> = pointers.filter(|(_, to)| is_address(*to)).collect();
    let pointees = read(pointers.iter().map(|(_, to)| Range { address: *to, length: POINTEE_BYTES }));
    let mut strings: Vec<(Place, Range)> = Vec::new();
    for ((offset, _), pointee) in pointers.iter().zip(pointees) {
        let Some(pointee) = pointee else { continue };
        for name in (0..POINTEE_BYTES - 8).step_by(8) {
            let place = Place { variable: distance.wrapping_add(*offset), name: name as u64 };
            strings.extend(string(&pointee[name..]).map(|string| (place, string)));
        }
    }
    let found = read(strings.iter().map(|(_, range)| *range));
    let mut places = strings.iter().zip(found).filter_map(|((place, _), found)| {
        let name = found.and_then(name_in).filter(|name| begins_as(name, kernel_name));
        name.map(|_| *place)
    });
    places.next().filter(|_| places.next().is_none())
}

/// The names that std has of the threads with these anchors; `None` for what was no name, or changed meanwhile.
fn names(place: Place, anchors: &[u64]) -> Vec<Option<Vec<u8>>> {
    let variable = |anchor: &u64| Range { address: anchor.wrapping_add(place.variable), length: 8 };
    let pointers = || read(anchors.iter().map(variable));
    let strings = |pointers: &[Option<Vec<u8>>]| -> Vec<Option<Range>> {
        let places = pointers.iter().map(|pointer| {
            let to = pointer.as_ref().map_or(0, |pointer| word_at(pointer, 0));
            Range { address: to.wrapping_add(place.name), length: 16 }
        });
        read(places).into_iter().map(|words| string(&words?)).collect()
    };
    let before = pointers();
    let ranges = strings(&before);
    let names = read(ranges.iter().map(|range| range.unwrap_or(Range { address: 0, length: 0 })));
    let after = pointers();
    let again = strings(&after);
    let names = names.into_iter().enumerate().map(|(at, name)| {
        let is_same = before[at] == after[at] && ranges[at] == again[at];
        ranges[at].filter(|_| is_same).and(name).and_then(name_in)
    });
    names.collect()
}

/// The string that an address and a length are of, if it can be a name that the kernel has cut off.
fn string(words: &[u8]) -> Option<Range> {
    let (address, length) = (word_at(words, 0), word_at(words, 8));
    let length = usize::try_from(length).ok()?;
    let fits = (KERNEL_BYTES + 2..=MAX_BYTES + 1).contains(&length);
    (fits && address >= FIRST_ADDRESS).then_some(Range { address, length })
}

/// A C string that ends where it was said to.
fn name_in(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let is_last = bytes.pop() == Some(0);
    (is_last && !bytes.contains(&0)).then_some(bytes)
}

/// Whether the kernel calls a thread by the beginning of that name.
fn begins_as(name: &[u8], kernel_name: &str) -> bool {
    name.get(..KERNEL_BYTES).is_some_and(|begin| String::from_utf8_lossy(begin) == kernel_name)
}

/// The word at `offset`; 0 beyond the end.
fn word_at(bytes: &[u8], offset: usize) -> u64 {
    let word = bytes.get(offset..).and_then(<[u8]>::first_chunk);
    word.map_or(0, |word| u64::from_ne_bytes(*word))
}

fn is_address(word: u64) -> bool {
    word >= FIRST_ADDRESS && word.is_multiple_of(8)
}

/// What lies in each of these ranges; `None` for what could not be read.
fn read(ranges: impl Iterator<Item = Range>) -> Vec<Option<Vec<u8>>> {
    let ranges: Vec<Range> = ranges.collect();
    let (mut bytes, mut readable) = (Vec::new(), Vec::new());
    memory::read_many(&ranges, &mut bytes, &mut readable);
    let mut rest: &[u8] = &bytes;
    let each = ranges.iter().zip(readable).map(|(range, readable)| {
        let own = rest.split_off(..range.length).unwrap_or_default();
        readable.then(|| own.to_vec())
    });
    each.collect()
}
