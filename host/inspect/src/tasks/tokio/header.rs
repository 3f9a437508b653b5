//! tokio's task header: where a task's state, vtable, owner and links are, and what its state bits mean.

use crate::holds::Word;
use crate::memory::read_word;
use crate::tasks::decode::word_at;
use crate::tasks::model::LayoutFault;
use crate::tasks::types::Types;

use super::handle::Lists;
use super::layout::{member, named};

/// Offsets in a task's header, its vtable and its trailer.
#[derive(Clone, Debug)]
pub(crate) struct TaskLayout {
    pub(super) header_size: u64,
    state: u64,
    pub(super) vtable: u64,
    pub(super) owner_id: u64,
    /// In the vtable.
    pub(super) poll: u64,
    pub(super) trailer_offset: u64,
    pub(super) id_offset: u64,
    /// In the trailer.
    pub(super) next: u64,
    pub(super) previous: u64,
}

impl TaskLayout {
    pub(super) fn find(types: &Types<'_>) -> Result<TaskLayout, LayoutFault> {
        let header = named(types, "tokio::runtime::task::core::Header")?;
        let vtable = named(types, "tokio::runtime::task::raw::Vtable")?;
        let trailer = named(types, "tokio::runtime::task::core::Trailer")?;
        let (pointers, links) = member(types, &trailer, "owned")?;
        Ok(TaskLayout {
            header_size: header.size,
            state: member(types, &header, "state")?.0,
            vtable: member(types, &header, "vtable")?.0,
            owner_id: member(types, &header, "owner_id")?.0,
            poll: member(types, &vtable, "poll")?.0,
            trailer_offset: member(types, &vtable, "trailer_offset")?.0,
            id_offset: member(types, &vtable, "id_offset")?.0,
            next: pointers + member(types, &links, "next")?.0,
            previous: pointers + member(types, &links, "prev")?.0,
        })
    }

    /// The state of a task, of which these are the bytes from its header on.
    pub(crate) fn state(&self, task: &[u8]) -> State {
        State(word_at(task, self.state))
    }

    /// That the task with that header has not ended.
    pub(crate) fn is_alive(&self, header: u64) -> Word {
        Word { address: header.wrapping_add(self.state), mask: COMPLETE, value: 0 }
    }

    /// That the task with that header has not ended and nobody polls it.
    pub(crate) fn is_idle(&self, header: u64) -> Word {
        Word { address: header.wrapping_add(self.state), mask: RUNNING | COMPLETE, value: 0 }
    }

    /// Whether these are the bytes of a task with that vtable that the runtime with that id owns.
    pub(crate) fn is_owned(&self, task: &[u8], vtable: u64, owner_id: u64) -> bool {
        word_at(task, self.vtable) == vtable && word_at(task, self.owner_id) == owner_id
    }

    /// The vtable of the first task of a set's list, whose header says that it belongs there.
    pub(crate) fn first_vtable(&self, lists: &Lists) -> Option<u64> {
        let (head, _) = lists.shards.first()?;
        let header = read_word(*head).filter(|header| *header != 0)?;
        let word = |offset: u64| read_word(header.wrapping_add(offset));
        let is_owned = word(self.owner_id)? == lists.owner_id;
        word(self.vtable).filter(|_| is_owned)
    }

    /// Offsets of the words that stay the same as long as a task is the same and has the same owner.
    pub(crate) fn identity(&self) -> [u64; 2] {
        [self.vtable, self.owner_id]
    }
}

const RUNNING: u64 = 1;
const COMPLETE: u64 = 2;
const NOTIFIED: u64 = 4;
/// References are counted above the lowest six bits.
const REFERENCE_SHIFT: u32 = 6;
/// No task has more references than this; a freed header may seem to.
const MAX_REFERENCES: u64 = 1 << 24;

/// A task's state word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State(u64);

impl State {
    /// It is being polled.
    pub(crate) fn is_running(self) -> bool {
        self.0 & RUNNING != 0
    }

    /// It was woken and waits for a worker.
    pub(crate) fn is_scheduled(self) -> bool {
        self.0 & NOTIFIED != 0
    }

    /// It has finished, or its memory was freed.
    pub(crate) fn is_over(self) -> bool {
        let references = self.0 >> REFERENCE_SHIFT;
        self.0 & COMPLETE != 0 || references == 0 || references > MAX_REFERENCES
    }

    /// Whether a poll began or ended between the two, or the task finished.
    pub(crate) fn moved(self, later: State) -> bool {
        (self.0 ^ later.0) & (RUNNING | COMPLETE) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_tells_what_a_task_is_doing() {
        let one = 1 << REFERENCE_SHIFT;
        let check = |bits: u64, running, scheduled, over| {
            let state = State(bits);
            assert_eq!(
                (state.is_running(), state.is_scheduled(), state.is_over()),
                (running, scheduled, over)
            );
        };
        check(one, false, false, false);
        check(one | RUNNING, true, false, false);
        check(one | NOTIFIED, false, true, false);
        check(one | COMPLETE, false, false, true);
        // Freed memory: no reference, or more than anybody holds.
        check(NOTIFIED, false, true, true);
        check((MAX_REFERENCES + 1) << REFERENCE_SHIFT, false, false, true);
        check(MAX_REFERENCES << REFERENCE_SHIFT, false, false, false);

        assert!(State(one).moved(State(one | RUNNING)));
        assert!(!State(one).moved(State((2 * one) | NOTIFIED)), "woken, and held by one more");
    }
}
