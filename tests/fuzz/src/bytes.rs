//! Bytes made from real ones: bits turned, numbers replaced by those at limits, pieces cut out, repeated and moved.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::{Just, any, prop_oneof};
use proptest::sample::Index;
use proptest::strategy::{BoxedStrategy, Strategy};

use crate::run::run;

/// The longest input: what is larger takes longer and shows nothing more.
pub const LONGEST: usize = 64 << 10;

/// Gives `case` bytes that are made from `seeds`, and some that are not, at most 64 KiB of them: `inputs` of them, or for
/// as long as the environment says.
#[track_caller]
pub fn bytes<S: AsRef<[u8]>>(target: &str, inputs: u32, seeds: &[S], case: impl Fn(&[u8])) {
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.as_ref().to_vec()).collect();
    seeds.iter().for_each(|seed| case(seed));
    run(target, inputs, &input(seeds), |input| case(&input.0));
}

/// As [`bytes`], without changes of the length: for files whose parts are found by their places.
#[track_caller]
pub fn bytes_in_place<S: AsRef<[u8]>>(target: &str, inputs: u32, seeds: &[S], case: impl Fn(&[u8])) {
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.as_ref().to_vec()).collect();
    seeds.iter().for_each(|seed| case(seed));
    if !seeds.is_empty() {
        run(target, inputs, &changed(seeds, in_place().boxed()).prop_map(Input), |input| case(&input.0));
    }
}

/// Gives `case` each seed with some of its bytes changed and its length kept, whatever that is: for files of megabytes. What
/// fails is told as the number of the seed, from 0, and the changes.
#[track_caller]
pub fn patched<S: AsRef<[u8]>>(target: &str, inputs: u32, seeds: &[S], case: impl Fn(&[u8])) {
    if seeds.is_empty() {
        return;
    }
    run(target, inputs, &(0..seeds.len(), vec(in_place(), 1..6)), |(seed, edits)| {
        let mut bytes = seeds[*seed].as_ref().to_vec();
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        case(&bytes);
    });
}

fn input(seeds: Vec<Vec<u8>>) -> BoxedStrategy<Input> {
    let made_up =
        prop_oneof![vec(any::<u8>(), 0..512), vec(prop_oneof![Just(0), Just(0xff), 1..4_u8], 0..64)];
    if seeds.is_empty() {
        return made_up.prop_map(Input).boxed();
    }
    let changed = changed(seeds, edit().boxed());
    prop_oneof![1 => made_up, 9 => changed].prop_map(Input).boxed()
}

fn changed(seeds: Vec<Vec<u8>>, edit: BoxedStrategy<Edit>) -> impl Strategy<Value = Vec<u8>> {
    (0..seeds.len(), vec(edit, 1..12)).prop_map(move |(seed, edits)| {
        let mut bytes = seeds[seed].clone();
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        bytes
    })
}

/// Bytes, printed so that they can be pasted into a test.
#[derive(Clone)]
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// A change.
#[derive(Clone, Debug)]
enum Edit {
    Turn {
        at: Index,
        bit: u8,
    },
    Set {
        at: Index,
        byte: u8,
    },
    /// A number of so many bytes, in the machine's order.
    Number {
        at: Index,
        length: usize,
        number: u64,
    },
    Insert {
        at: Index,
        bytes: Vec<u8>,
    },
    Remove {
        at: Index,
        length: usize,
    },
    End {
        at: Index,
    },
    /// A piece once more, behind itself.
    Repeat {
        at: Index,
        length: usize,
        times: usize,
    },
    /// A piece over another.
    Copy {
        from: Index,
        to: Index,
        length: usize,
    },
}

/// Most things are small, and some are as long as the input.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 1..16_usize, 2 => 16..1024_usize]
}

/// A change that keeps the length.
fn in_place() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    let number = prop_oneof![
        Just(0),
        Just(u64::MAX),
        Just(i64::MAX as u64),
        Just(1 << 63),
        Just(u64::from(u32::MAX)),
        1..256_u64,
        any::<u64>(),
    ];
    prop_oneof![
        4 => (at(), 0..8_u8).prop_map(|(at, bit)| Edit::Turn { at, bit }),
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set { at, byte }),
        4 => (at(), prop_oneof![Just(1), Just(2), Just(4), Just(8)], number)
            .prop_map(|(at, length, number)| Edit::Number { at, length, number }),
        2 => (at(), at(), length()).prop_map(|(from, to, length)| Edit::Copy { from, to, length }),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    let times = prop_oneof![4 => 1..4_usize, 1 => 4..4096_usize];
    prop_oneof![
        14 => in_place(),
        2 => (at(), vec(any::<u8>(), 1..16)).prop_map(|(at, bytes)| Edit::Insert { at, bytes }),
        2 => (at(), length()).prop_map(|(at, length)| Edit::Remove { at, length }),
        1 => at().prop_map(|at| Edit::End { at }),
        2 => (at(), length(), times).prop_map(|(at, length, times)| Edit::Repeat { at, length, times }),
    ]
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let size = bytes.len();
        let place = |at: &Index| at.index(size);
        let piece = |at: &Index, length: usize| place(at)..(place(at) + length).min(size);
        match self {
            Edit::Turn { at, bit } => bytes[place(at)] ^= 1 << bit,
            Edit::Set { at, byte } => bytes[place(at)] = *byte,
            Edit::Number { at, length, number } => {
                let into = &mut bytes[piece(at, *length)];
                into.copy_from_slice(&number.to_ne_bytes()[..into.len()]);
            }
            Edit::Insert { at, bytes: new } => drop(bytes.splice(place(at)..place(at), new.iter().copied())),
            Edit::Remove { at, length } => drop(bytes.drain(piece(at, *length))),
            Edit::End { at } => bytes.truncate(place(at)),
            Edit::Repeat { at, length, times } => {
                let piece = piece(at, *length);
                let times = (*times).min((LONGEST.saturating_sub(size)) / piece.len());
                let repeated = bytes[piece.clone()].repeat(times);
                bytes.splice(piece.end..piece.end, repeated);
            }
            Edit::Copy { from, to, length } => {
                let length = (*length).min(size - place(from)).min(size - place(to));
                bytes.copy_within(place(from)..place(from) + length, place(to));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn inputs_are_changed_seeds_and_never_too_long() {
        let seen = RefCell::new(Vec::new());
        bytes("test", 500, &["0123456789".repeat(100)], |input| seen.borrow_mut().push(input.to_vec()));
        let seen = seen.into_inner();
        assert_eq!((seen.len(), seen[0].len()), (501, 1000), "the seed itself comes first");
        assert!(seen.iter().all(|input| input.len() <= LONGEST + 16 * 12));
        let like_the_seed = |input: &&Vec<u8>| input.windows(10).any(|part| part == b"0123456789");
        assert!(seen.iter().filter(like_the_seed).count() > 300);
        assert!(seen.iter().any(|input| input.len() > 10_000) && seen.iter().any(|input| input.len() < 500));
    }

    #[test]
    fn a_large_seed_keeps_its_length_and_most_of_its_bytes() {
        let seed = vec![7; LONGEST * 2];
        let changed = RefCell::new(0);
        patched("test", 50, &[&seed], |input| {
            assert_eq!(input.len(), seed.len());
            let changes = input.iter().filter(|byte| **byte != 7).count();
            assert!(changes <= 6 * 1024, "{changes}");
            *changed.borrow_mut() += usize::from(changes > 0);
        });
        assert!(changed.into_inner() > 30);
        patched("test", 50, &[] as &[Vec<u8>], |_| panic!("there is nothing to change"));
    }
}
