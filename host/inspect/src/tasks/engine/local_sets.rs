//! Sets of local tasks: those that the futures of `block_on` drive, and those that the stacks of threads lead to.
//!
//! A library without debug information may drive a set, as actix-rt does; then no variable leads to the future that does.

use std::collections::HashMap;
use std::time::Instant;

use super::batch::Decode as _;
use super::look::{Belonging, Look};
use crate::tasks::model::Note;
use crate::tasks::tokio::{Lists, Tokio};
use crate::threads::{Capture, Frame, OfFrames, Stack};

/// Words of stacks that are looked at in one look: of thirty stacks at the most that is kept of one, of hundreds of usual
/// ones.
const MAX_WORDS: usize = 1 << 18;

impl Look<'_, '_, '_> {
    /// Looks for sets in the stacks of those threads that have made one and of which none is known yet, and notes the threads
    /// that drive one which was not found. `entered` tells which runtime a thread has entered.
    pub(super) fn local_sets(&mut self, tokio: &Tokio, capture: &Capture, entered: &HashMap<u32, usize>) {
        let numbers = tokio.set_makers(&capture.listing());
        let mut words_left = MAX_WORDS;
        let mut drives_local_set = OfFrames::new(drives_local_set);
        for thread in &capture.threads {
            if self.sets.iter().any(|(driver, ..)| *driver == thread.id) {
                continue;
            }
            let evidence = capture.evidence.of(thread.id);
            if let (Some(number), Some(evidence)) = (numbers.get(&thread.id), evidence) {
                let (_, stack) = evidence.stack();
                let registers = evidence
                    .frames()
                    .into_iter()
                    .flat_map(|frame| frame.registers.known().map(|(_, value)| value).collect::<Vec<_>>());
                let words: Vec<u64> = stack.iter().copied().chain(registers).collect();
                let is_late = Instant::now() > self.decoder.deadline;
                if let Some(left) = words_left.checked_sub(words.len()).filter(|_| !is_late) {
                    words_left = left;
                    let mut owned = tokio.sets_in(&words, *number);
                    owned.retain(|owned| tokio.local_set(*owned).is_some_and(|lists| self.is_list(&lists)));
                    let runtime = entered.get(&thread.id).copied();
                    self.sets.extend(owned.into_iter().map(|owned| (thread.id, runtime, owned)));
                }
            }
            let is_found = self.sets.iter().any(|(driver, ..)| *driver == thread.id);
            let Stack::Captured { frames, .. } = &thread.stack else { continue };
            if !is_found && drives_local_set.of(frames) {
                self.all.notes.push(Note::LocalSetNotRead { thread: thread.id });
            }
        }
    }

    /// Whether a list is empty, or begins with a task that belongs there.
    fn is_list(&mut self, lists: &Lists) -> bool {
        let task = self.decoder.task;
        if lists.is_empty() {
            return true;
        }
        task.first_vtable(lists).is_some_and(|vtable| self.decoder.kind(vtable).is_some())
    }

    /// Finds the tasks of the sets that were met, each set once.
    pub(super) fn local_tasks(&mut self, tokio: &Tokio, max: usize) {
        let mut sets = std::mem::take(&mut self.sets);
        sets.sort_unstable_by_key(|(_, _, owned)| *owned);
        sets.dedup_by_key(|(_, _, owned)| *owned);
        for (thread, runtime, owned) in sets {
            match tokio.local_set(owned) {
                Some(lists) => {
                    let belonging = Belonging { runtime, local_set: Some(thread) };
                    self.listed(belonging, &lists, max, || None);
                }
                None => self.all.notes.push(Note::LocalSetNotRead { thread }),
            }
        }
    }
}

/// Whether a thread with these frames stands in functions of a set.
fn drives_local_set(frames: &[Frame]) -> bool {
    let mut functions = frames.iter().flat_map(|frame| frame.symbols.iter()).map(|symbol| &symbol.function);
    functions.any(|function| function.contains("tokio::task::local::"))
}
