//! Waits and holds as a decoding finds them, before it is known whose they are.

use std::collections::HashSet;
use std::ops::Range;

use rustc_hash::FxBuildHasher;

use crate::holds::{Object, Progress, Role, Want, Word};
use crate::tasks::decode::plan::{PlanId, Text};

/// A future that waits.
#[derive(Clone, Debug)]
pub(crate) struct WaitSeen {
    pub(crate) object: Object,
    pub(crate) want: Want,
    pub(crate) progress: Progress,
    /// The innermost await of the chain that it is or lies in.
    pub(crate) at: Option<usize>,
    /// That await waits for it at present.
    pub(crate) awaited: bool,
    /// What [`Progress`] says is true only of a task that nobody is about to poll.
    pub(crate) queue: Option<QueueSeen>,
    /// In [`SyncOutput::words`].
    pub(crate) words: Range<usize>,
    /// Which integers of the read set it rests on.
    pub(crate) looked: Range<usize>,
}

/// A place in the queue of a semaphore.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueSeen {
    pub(crate) semaphore: u64,
    /// Permits that were free.
    pub(crate) free: u64,
    /// This waiter's node.
    pub(crate) node: u64,
    /// Where the pointer to the queue's first node is: new ones come in at the other end.
    pub(crate) first: u64,
    /// In a node, the pointers to the node before it in memory's order, which came later, and to that after it.
    pub(crate) previous: u64,
    pub(crate) next: u64,
}

/// Something that a future has.
#[derive(Clone, Debug)]
pub(crate) struct HoldSeen {
    pub(crate) object: Object,
    pub(crate) role: Role,
    /// It is alive for certain, if drop flags are to be trusted.
    pub(crate) alive: bool,
    pub(crate) variable: Option<Text>,
    pub(crate) function: Option<Text>,
    pub(crate) at: Option<usize>,
    pub(crate) words: Range<usize>,
    pub(crate) looked: Range<usize>,
}

/// What was found in one future, and what finding it takes; kept from task to task for its memory.
#[derive(Default)]
pub(crate) struct SyncOutput {
    pub(crate) waits: Vec<WaitSeen>,
    pub(crate) holds: Vec<HoldSeen>,
    pub(crate) words: Vec<Word>,
    /// The states of the async functions around what is being looked at, the outermost first.
    pub(super) path: Vec<Word>,
    /// What may be met twice: by a `&mut` from what is awaited, and as the local that it borrows.
    pub(super) visited: HashSet<(u64, PlanId), FxBuildHasher>,
}

impl SyncOutput {
    pub(crate) fn clear(&mut self) {
        self.waits.clear();
        self.holds.clear();
        self.words.clear();
        self.path.clear();
        self.visited.clear();
    }

    /// Keeps what rests on integers that `unchanged` says are still the same.
    pub(crate) fn retain(&mut self, unchanged: impl Fn(Range<usize>) -> bool) {
        self.waits.retain(|wait| unchanged(wait.looked.clone()));
        self.holds.retain(|hold| unchanged(hold.looked.clone()));
    }
}
