//! A thread with known variables, read from outside while it waits.

use super::*;
use crate::tasks::types::{Index, Source, Types};
use crate::threads::{Options, Stack, capture};
use std::sync::mpsc::{Receiver, channel};

const VALUE: u64 = 0x1234_5678_9abc_def0;

#[inline(never)]
fn keeper(number: u64, wait: &Receiver<()>) -> u64 {
    let pair = (number, number + 1);
    let pointer = std::hint::black_box(&pair);
    {
        let inner = std::hint::black_box(number ^ 1);
        let _ = wait.recv();
        std::hint::black_box(inner);
    }
    let later = std::hint::black_box(7_u64);
    pointer.0 + later
}

/// The value of a word-sized variable in the innermost frame of `keeper` that has one of that name.
fn word(in_frame: &InFrame<'_>, name: &str) -> Option<u64> {
    let variable = in_frame.scope.variables.iter().find(|variable| &*variable.name == name)?;
    let place = in_frame.locate(variable, 8).ok()?;
    let mut bytes = [0; 8];
    in_frame.read(&place, &mut bytes).then_some(u64::from_ne_bytes(bytes))
}

#[test]
fn the_variables_of_a_waiting_function_have_their_values() {
    let (end, wait) = channel();
    let thread = std::thread::spawn(move || keeper(VALUE, &wait));
    let source = Source::new("/proc/self/exe");
    let (index, bias) = (Index::build(&source, || false).unwrap(), source.bias().unwrap());
    let types = Types::new(&source, &index, bias);
    let options = Options::default().with_evidence(true);
    let found = loop {
        let capture = capture(&options);
        let stands = |stack: &Stack| match stack {
            Stack::Captured { frames, .. } => frames.iter().position(|frame| {
                frame.symbols.iter().any(|symbol| symbol.function.ends_with("variables::tests::keeper"))
            }),
            Stack::Missing(_) => None,
        };
        let mut standing = capture.threads.iter();
        let found = standing.find_map(|thread| Some((thread.id, stands(&thread.stack)?)));
        if let Some((thread, frame)) = found.filter(|(thread, _)| {
            capture.evidence.of(*thread).is_some_and(|evidence| evidence.is_still(*thread))
        }) {
            break (capture, thread, frame);
        }
        std::thread::yield_now();
    };
    let (capture, id, at) = found;
    let evidence = capture.evidence.of(id).unwrap();
    let frame = evidence.frames()[at];
    let scope = types.scope_at(frame.address.lookup()).unwrap();
    let in_frame = InFrame { scope: &scope, frame: &frame, evidence: &evidence };
    assert_eq!(word(&in_frame, "pair"), Some(VALUE));
    assert_eq!(word(&in_frame, "inner"), Some(VALUE ^ 1));
    let pointer = word(&in_frame, "pointer").unwrap();
    let mut behind = [0; 16];
    assert!(in_frame.read(&Place::Memory(pointer), &mut behind));
    assert_eq!(behind, *[VALUE.to_ne_bytes(), (VALUE + 1).to_ne_bytes()].concat());
    let symbol = types.function_symbol(scope.functions[0]);
    assert!(symbol.contains("keeper"), "{symbol}");
    // Its block has not begun yet.
    assert_eq!(word(&in_frame, "later"), None);
    assert!(types.scope_at(frame.address.lookup().wrapping_add(1 << 40)).is_none());
    end.send(()).unwrap();
    thread.join().unwrap();
}
