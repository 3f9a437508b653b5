//! Hidden locals: those that debug information does not describe where they are.
//!
//! `let mut count = count.lock().await` shadows an argument. rustc (1.95) gives the saved local the place and the
//! type of the argument of its name, so that the guard stands nowhere. That there is one shows in the states in
//! which the argument is listed once more than in others; the guard is in a word then that nothing else takes up.
//! What lies in such words may also be left over from before: by itself it proves nothing.

use std::collections::HashMap;

use crate::tasks::decode::plan::Text;
use crate::tasks::types::{Member, Type, Types, Variant};

/// No more words of a state are looked at.
const MAX_WORDS: usize = 32;

const WORD: u64 = 8;

/// What may be hidden in a state.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    /// Offsets of the words that nothing is said to be in.
    pub(crate) words: Vec<u64>,
    /// The name that is listed too often, if it is one.
    pub(crate) variable: Option<Text>,
}

/// How often each name is listed at a place.
fn counts(of: &Type) -> HashMap<(&str, u64), usize> {
    let mut counts = HashMap::new();
    for Member { name, offset, .. } in &of.members {
        *counts.entry((&**name, *offset)).or_default() += 1;
    }
    counts
}

/// What is hidden in each of these states, all of one coroutine in which it is suspended.
pub(crate) fn hidden(types: &Types<'_>, states: &[&Variant]) -> Vec<Hidden> {
    let inside: Vec<_> = states.iter().map(|state| types.get(state.member.type_id)).collect();
    let counts: Vec<_> = inside.iter().map(|of| self::counts(of)).collect();
    let least =
        |place| counts.iter().map(|counts| counts.get(place).copied().unwrap_or(0)).min().unwrap_or(0);
    let mut found = Vec::with_capacity(states.len());
    for ((state, of), counts) in states.iter().zip(&inside).zip(&counts) {
        let too_often = counts.iter().filter(|(place, count)| **count > least(place).max(1));
        let mut names: Vec<&str> = too_often.map(|((name, _), _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        let variable = if let [one] = names[..] { Some(one.into()) } else { None };
        let words = if names.is_empty() { Vec::new() } else { free_words(types, of, state.member.offset) };
        found.push(Hidden { words, variable });
    }
    found
}

/// The words of a state in which no member lies, from the beginning of the coroutine.
fn free_words(types: &Types<'_>, of: &Type, base: u64) -> Vec<u64> {
    let taken: Vec<(u64, u64)> = of
        .members
        .iter()
        .map(|member| (member.offset, member.offset + types.get(member.type_id).size))
        .collect();
    let words = (0..of.size / WORD).map(|word| word * WORD);
    let free = words.filter(|word| !taken.iter().any(|(from, to)| *from < word + WORD && *word < *to));
    free.take(MAX_WORDS).map(|word| base + word).collect()
}
