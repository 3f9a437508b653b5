//! A thread's stack while a capture is under way: unwound or not, named later.

use crate::threads::evidence;
use crate::threads::{Incomplete, Method, Missing};
use crate::unwind::{End, RawFrame};
use std::sync::Arc;

/// What is known of a thread's stack so far.
pub(super) enum Draft {
    /// Unwound, as far as that goes.
    Done(RawStack),
    /// Decided: there is none.
    Missing(Missing),
    /// Only a signal can tell the rest; until then the frames that are certain, if there are any.
    Wanted(Option<RawStack>),
    /// In code that the snapshot of the modules does not know: a library may have been opened since.
    Again(RawStack),
}

impl Draft {
    /// The frames that were found, if any were looked for.
    pub fn raw(&self) -> Option<&RawStack> {
        match self {
            Draft::Done(raw) | Draft::Wanted(Some(raw)) | Draft::Again(raw) => Some(raw),
            Draft::Missing(_) | Draft::Wanted(None) => None,
        }
    }

    /// Decides for a stack, unless what is known is better: it has more frames, and this one does not reach the thread's
    /// start.
    pub fn improve(&mut self, found: RawStack) {
        let before = match std::mem::replace(self, Draft::Done(found)) {
            Draft::Wanted(partial) => partial,
            _ => None,
        };
        if let (Draft::Done(found), Some(before)) = (&*self, before)
            && !matches!(found.end, End::Root | End::ZeroReturn)
            && before.frames.len() > found.frames.len()
        {
            *self = Draft::Done(before);
        }
    }

    /// A stack of which more may be had by another signal; what is known already is kept if it is better.
    pub fn want_more(&mut self, found: RawStack) {
        self.improve(found);
        if let Draft::Done(raw) = std::mem::replace(self, Draft::Wanted(None)) {
            *self = Draft::Wanted(Some(raw));
        }
    }

    /// Decides, if only a signal could tell more and none can be had: what is certain of the stack is all
    /// there is.
    pub fn give_up(&mut self, missing: &Missing) {
        if let Draft::Wanted(partial) = self {
            *self = match partial.take().filter(|raw| !raw.frames.is_empty()) {
                Some(raw) => Draft::Done(raw),
                None => Draft::Missing(missing.clone()),
            };
        }
    }
}

/// A stack, unwound over the modules of one snapshot.
pub(super) struct RawStack {
    /// Shared by threads that stand in the same ones.
    pub frames: Arc<[RawFrame]>,
    pub end: End,
    pub method: Method,
    /// Says more about an incomplete stack than its end does.
    pub reason: Option<Incomplete>,
    /// Which of the capture's snapshots it was unwound over.
    pub map: usize,
    /// What it was unwound from, if that is kept.
    pub evidence: Option<evidence::Place>,
}
