//! Decoded awaits: nodes, outermost first, cheap to make and to compare.

use std::sync::Arc;

use super::plan::{StateKind, Text};
use super::sync::SyncOutput;

/// One await.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) depth: u16,
    pub(crate) branch: Branch,
    pub(crate) label: Text,
    pub(crate) place: Option<(Text, u32)>,
    pub(crate) detail: Detail,
    /// Of an async function: how far it is.
    pub(crate) progress: Option<Progress>,
    /// Its parent is an async function that awaits just this.
    pub(crate) awaited: bool,
    /// Of one of many side by side: so many more are like it that are not kept.
    pub(crate) alike: u64,
}

impl Node {
    /// Whether it is the same but for what is each task's own.
    pub(crate) fn stands_with(&self, other: &Node) -> bool {
        self.alike == other.alike && self.is_like(other, false)
    }

    /// Whether it is the same but for what is each one's own, and perhaps for what it is called among others.
    pub(crate) fn is_like(&self, other: &Node, whatever_branch: bool) -> bool {
        let Node { depth, branch, label, place, detail, progress, awaited, alike: _ } = self;
        *depth == other.depth
            && (whatever_branch || *branch == other.branch)
            && *label == other.label
            && *place == other.place
            && detail.shared() == other.detail.shared()
            && *progress == other.progress
            && *awaited == other.awaited
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Branch {
    Only,
    Named(Text),
    Index(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    State(StateKind),
    /// Its discriminant is none of its states.
    Nonsense,
}

/// What more is known of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Detail {
    None,
    /// A timer's deadline on the monotonic clock.
    Deadline {
        seconds: u64,
        nanoseconds: u64,
    },
    /// Waits for the task of that id.
    Task(u64),
    /// A file descriptor, and the other end of the socket that it is of, if it is connected.
    Descriptor {
        number: i32,
        peer: Option<Text>,
    },
    /// Free permits of the semaphore there.
    Permits {
        free: u64,
        semaphore: u64,
    },
    /// So many futures, and whether there are more.
    Futures {
        count: u64,
        more: bool,
    },
    /// So many tasks in a set.
    Tasks(u64),
    /// Functions of other crates that a generic async function or block was made for.
    MadeFor(Arc<[Text]>),
    /// The name of the span that it runs in.
    Span(Text),
    /// The type behind a trait object is not in the debug information.
    NotDescribed,
}

impl Detail {
    pub(crate) fn made_for(functions: &Arc<[Text]>) -> Detail {
        if functions.is_empty() { Detail::None } else { Detail::MadeFor(Arc::clone(functions)) }
    }

    /// What of it is the same for all tasks that wait in one place.
    pub(crate) fn shared(&self) -> Detail {
        match self {
            Detail::Deadline { .. } => Detail::Deadline { seconds: 0, nanoseconds: 0 },
            Detail::Task(_) => Detail::Task(0),
            Detail::Descriptor { .. } => Detail::Descriptor { number: 0, peer: None },
            Detail::Permits { free, .. } => Detail::Permits { free: *free, semaphore: 0 },
            Detail::Span(_) => Detail::None,
            Detail::None
            | Detail::Futures { .. }
            | Detail::Tasks(_)
            | Detail::MadeFor(_)
            | Detail::NotDescribed => self.clone(),
        }
    }
}

/// Where an await was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) address: u64,
    /// Its parent waits for all of its branches, not for the first that is ready.
    pub(crate) joined: bool,
}

/// What a decoding has found so far.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) nodes: Vec<Node>,
    /// Of each node where it was found.
    pub(crate) spots: Vec<Spot>,
    /// What it waits for and what it holds, if that was asked for.
    pub(crate) sync: SyncOutput,
    /// Registered futures met on the way: the address of the slot and how many nodes came before.
    pub(crate) tracked: Vec<(u64, usize)>,
    /// Where the lists of local tasks are that it drives.
    pub(crate) local_sets: Vec<u64>,
}

impl Output {
    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
        self.spots.clear();
        self.sync.clear();
        self.tracked.clear();
        self.local_sets.clear();
    }

    /// Whether the nodes make sense for a task that nobody is polling: what a suspended function awaits
    /// is suspended itself.
    pub(crate) fn is_sound(&self) -> bool {
        self.nodes.iter().all(|node| match node.progress {
            Some(Progress::Nonsense) => false,
            Some(Progress::State(state)) => !node.awaited || state == StateKind::Suspended,
            None => true,
        })
    }

    /// Whether this can hardly be anything but a future: an async function in one of its states or a registered future, and
    /// nothing that is not described before it.
    pub(crate) fn shows_future(&self) -> bool {
        let is_coroutine = |node: &Node| matches!(node.progress, Some(Progress::State(_)));
        let begins = self.nodes.first().is_some_and(|node| node.detail != Detail::NotDescribed);
        begins && self.is_sound() && (self.nodes.iter().any(is_coroutine) || !self.tracked.is_empty())
    }

    /// Cuts off what is not known of a task that is being polled: everything behind the first function
    /// that is not suspended any more.
    pub(crate) fn keep_passed(&mut self) {
        let over = |node: &Node| {
            node.progress.is_some_and(|progress| progress != Progress::State(StateKind::Suspended))
        };
        if let Some(first) = self.nodes.iter().position(over) {
            self.nodes.truncate(first);
            self.spots.truncate(first);
        }
    }
}
