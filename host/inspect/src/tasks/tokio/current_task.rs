//! The current task of each thread: tokio's thread-local variable that has the id of the task which a thread polls.
//!
//! Its distance from what is known of each thread is measured by experiment, not by name: tasks with known ids look at their
//! own thread's variables, and the variable is where each of them finds its id and nothing is found outside of them.

use tokio::runtime::Builder;

use super::task_id;
use crate::memory::{self, Range};
use crate::tasks::decode::word_at;
use crate::tasks::model::{CurrentTaskFault, Polling};
use crate::thread_locals::{Fault, own_variables, robust_list};
use crate::threads::Listing;

/// Tasks that take part in the experiment. Their ids follow each other, so that a counter could pass for the variable
/// if it were not found empty outside.
const TASKS: usize = 4;

/// How a thread's variable is found.
#[derive(Clone, Copy, Debug)]
pub(in crate::tasks) struct CurrentTask {
    /// From a thread's list of robust locks to its variable, modulo 2^64.
    distance: u64,
    /// Whether a word of its own before it says that there is an id: tokio before 1.40 leaves the last one behind.
    has_tag: bool,
}

impl CurrentTask {
    /// Makes the experiment, in a runtime of its own. It must not be called inside of another one.
    pub(super) fn learn() -> Result<CurrentTask, CurrentTaskFault> {
        let anchor = robust_list(0)?;
        let variables = own_variables()?;
        let runtime = Builder::new_current_thread()
            .build()
            .map_err(|error| CurrentTaskFault::NoRuntime(error.into()))?;
        let look = move || words(variables);
        let outside = look();
        let mut seen = Vec::new();
        for _ in 0..TASKS {
            let handle = runtime.spawn(async move { look() });
            let id = task_id::of(&handle);
            let inside = runtime.block_on(handle).map_err(|error| CurrentTaskFault::ExperimentFailed {
                task: id,
                panicked: error.is_panic(),
            })?;
            seen.push((id, inside, look()));
        }
        let has_id = |at: usize| seen.iter().all(|(id, inside, _)| inside.get(at) == Some(id) && *id != 0);
        let is_empty = |at: usize| outside[at] == 0 && seen.iter().all(|(_, _, after)| after[at] == 0);
        let is_tag = |at: usize| is_empty(at) && seen.iter().all(|(_, inside, _)| inside[at] == 1);
        let variables_where = |is_one: &dyn Fn(usize) -> bool| -> Vec<usize> {
            (0..outside.len()).filter(|at| has_id(*at) && is_one(*at)).collect()
        };
        let plain = variables_where(&is_empty);
        let has_tag = plain.is_empty();
        let found =
            if has_tag { variables_where(&|at| at.checked_sub(1).is_some_and(is_tag)) } else { plain };
        match found[..] {
            [at] => {
                let distance = (variables.address + 8 * at as u64).wrapping_sub(anchor);
                Ok(CurrentTask { distance, has_tag })
            }
            [] => Err(CurrentTaskFault::KeptElsewhere),
            _ => Err(CurrentTaskFault::Ambiguous),
        }
    }

    /// Where each thread of a list has the variable. A thread that the C library did not start has none; one that has
    /// ended since may have left memory behind ([`Listing::lives`]).
    pub(super) fn places(&self, listing: &Listing) -> Vec<(u32, u64)> {
        let threads = listing.robust_lists().iter();
        threads.map(|(thread, place)| (*thread, place.wrapping_add(self.distance))).collect()
    }

    /// The threads of a list that poll a task at this moment, by thread id.
    pub(in crate::tasks) fn now(&self, listing: &Listing) -> Vec<Polling> {
        let places = self.places(listing);
        let (before, length) = if self.has_tag { (8, 16) } else { (0, 8) };
        let range = |(_, address): &(u32, u64)| Range { address: address.wrapping_sub(before), length };
        let ranges: Vec<Range> = places.iter().map(range).collect();
        let (mut bytes, mut readable) = (Vec::new(), Vec::new());
        memory::read_many(&ranges, &mut bytes, &mut readable);
        let task = |variable: &[u8]| {
            let is_stale = self.has_tag && word_at(variable, 0) != 1;
            if is_stale { 0 } else { word_at(variable, before) }
        };
        let tasks = bytes.chunks_exact(length).map(task).zip(readable);
        let mut polling: Vec<Polling> = places
            .iter()
            .zip(tasks)
            .filter(|((thread, _), (task, readable))| *readable && *task != 0 && listing.lives(*thread))
            .map(|((thread, _), (task, _))| Polling { thread: *thread, task })
            .collect();
        polling.sort_unstable();
        polling
    }
}

fn words(range: Range) -> Vec<u64> {
    let mut bytes = vec![0; range.length];
    // What cannot be read stays zero, and so is no task's id.
    memory::read_some(range.address, &mut bytes);
    bytes.chunks_exact(8).map(|word| word_at(word, 0)).collect()
}

impl From<Fault> for CurrentTaskFault {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NoRobustList => CurrentTaskFault::NoRobustList,
            Fault::RobustListRefused(error) => CurrentTaskFault::RobustListRefused(error.into()),
            Fault::NoThreadLocals => CurrentTaskFault::NoThreadLocals,
            Fault::TooLarge => CurrentTaskFault::ThreadLocalsTooLarge,
            Fault::UnknownArchitecture => CurrentTaskFault::UnknownArchitecture,
        }
    }
}
