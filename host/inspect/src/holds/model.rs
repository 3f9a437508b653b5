//! Waits, holds and the wait-for graph: owned values only.
//!
//! What is seen of one thread or task is a list of [`Wait`]s and [`Hold`]s. Joined by the addresses of what they are for,
//! they are a [`Graph`].

use std::sync::Arc;

/// What waits or holds.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    /// The thread with this kernel id.
    Thread(u32),
    /// The task with this id, as in [`Task::id`](crate::tasks::Task::id).
    Task(u64),
    /// The future that the thread with this kernel id runs by `block_on`, which is no task.
    BlockOn(u32),
}

/// Whose type a lock or channel is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Library {
    /// Rust's standard library.
    Std,
    /// The C library's POSIX threads.
    Pthread,
    /// tokio.
    Tokio,
    /// parking_lot, also by way of lock_api.
    ParkingLot,
    /// crossbeam-channel and crossbeam-utils.
    Crossbeam,
    /// rayon-core.
    Rayon,
    /// futures-channel and futures-util.
    Futures,
    /// async-lock, async-channel and event-listener.
    Smol,
}

/// What kind of thing is waited for.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A lock that one at a time has.
    Mutex,
    /// A lock that many readers or one writer have.
    RwLock,
    /// A counter of permits.
    Semaphore,
    /// A channel for many messages.
    Channel,
    /// A channel for one message.
    Oneshot,
    /// A value that is watched for changes.
    Watch,
    /// A channel of which each receiver gets each message.
    Broadcast,
    /// A value or code that is initialised once: `Once`, `OnceLock`, `LazyLock`, `OnceCell`.
    Once,
    /// A barrier. Nobody holds it.
    Barrier,
    /// A condition variable. Nobody holds it.
    Condvar,
    /// A notification, as tokio's `Notify`. Nobody holds it.
    Notify,
    /// The end of a thread.
    ThreadEnd,
    /// The end of a task, or of what `spawn_blocking` runs.
    TaskEnd,
    /// The end of all threads of a `thread::scope`, or of all jobs of a `rayon::scope`.
    ScopeEnd,
    /// Work that was given to a thread pool, as by rayon's `install` and `join`.
    Work,
}

impl Kind {
    /// Whether there can be a holder that a waiter waits for. Of the others nobody can say who will end the wait.
    pub fn has_holder(self) -> bool {
        !matches!(self, Kind::Barrier | Kind::Condvar | Kind::Notify)
    }
}

/// What is waited for or held, by where it lies in memory.
///
/// A waiter knows the address of a part of it, a holder often that of the whole: two are the same where their ranges
/// overlap and their libraries are the same. The kinds need not be: a tokio `Mutex` is waited for by its semaphore.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// Whose it is.
    pub library: Library,
    /// What it is, as far as the one who saw it can tell.
    pub kind: Kind,
    /// Its first byte. Of [`Kind::ThreadEnd`] and [`Kind::TaskEnd`] it is the kernel's id of the thread, or the task's id.
    /// 0 where it is not known.
    pub start: u64,
    /// The byte after its last one.
    pub end: u64,
}

impl Object {
    /// An object in memory of at least one byte.
    pub fn new(library: Library, kind: Kind, start: u64, size: u64) -> Object {
        Object { library, kind, start, end: start.saturating_add(size.max(1)) }
    }

    /// Whether both are one thing, or one is a part of the other. Of what lies nowhere nothing is known.
    pub fn meets(&self, other: &Object) -> bool {
        let numbered = |object: &Object| matches!(object.kind, Kind::ThreadEnd | Kind::TaskEnd);
        let alike = if numbered(self) || numbered(other) {
            self.kind == other.kind
        } else {
            self.library == other.library
        };
        alike && self.start != 0 && other.start != 0 && self.start < other.end && other.start < self.end
    }
}

/// What a waiter wants of it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Want {
    /// To have it alone.
    Exclusive,
    /// To read, beside others.
    Shared,
    /// So many permits of it.
    Permits(u64),
    /// To put a message into it.
    Send,
    /// To take a message out of it, or to see a change.
    Receive,
    /// That it ends, is initialised or is notified.
    End,
}

/// How far a wait has come.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// It waits; its place among those that wait for the same, from 0, where that is known.
    Queued(Option<u64>),
    /// It has been given what it wanted, and has not run since: so it holds it.
    Granted,
    /// Nobody will wake it: it has left no waker, or was never polled.
    NoWaker,
}

/// A thread or task that cannot go on.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// Who.
    pub by: Party,
    /// For what.
    pub object: Object,
    /// What it wants of it.
    pub want: Want,
    /// Whether it gives up after a time.
    pub timed: bool,
    /// How far it has come.
    pub progress: Progress,
    /// Whether the party itself stands in this wait. False of a future that it has, and that is not awaited at present.
    pub awaited: bool,
    /// Which frame of its stack, or which await of its chain, from 0, waits.
    pub at: Option<usize>,
    /// Permits that are free, of a semaphore.
    pub permits: Option<u64>,
    /// What must not have changed for this to be true.
    pub words: Arc<[Word]>,
}

impl Wait {
    /// A wait in a queue of which no more is known.
    pub fn new(by: Party, object: Object, want: Want) -> Wait {
        Wait {
            by,
            object,
            want,
            timed: false,
            progress: Progress::Queued(None),
            awaited: true,
            at: None,
            permits: None,
            words: Arc::new([]),
        }
    }

    /// Whether its party cannot go on because of it: it is awaited, and not granted yet.
    pub fn stands(&self) -> bool {
        self.awaited && self.progress != Progress::Granted
    }
}

/// In which role something is held.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Alone: a guard.
    Exclusive,
    /// As a reader: a guard beside others.
    Shared,
    /// So many permits.
    Permits(u64),
    /// The end of a channel that sends.
    Sender,
    /// The end of a channel that receives.
    Receiver,
    /// It is what is waited for: the thread or task itself, or who initialises it or works at it.
    Runs,
}

impl Role {
    /// Whether who waits in this way waits for one that holds in this role.
    pub fn blocks(self, want: Want) -> bool {
        match want {
            Want::Send => self == Role::Receiver,
            Want::Receive => self == Role::Sender,
            Want::End => self == Role::Runs,
            Want::Shared => matches!(self, Role::Exclusive | Role::Permits(_)),
            Want::Exclusive | Want::Permits(_) => {
                matches!(self, Role::Exclusive | Role::Shared | Role::Permits(_))
            }
        }
    }
}

/// How sure something is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Certainty {
    /// Several may, and nothing tells which.
    OneOf,
    /// It is the only one that was found, and nothing proves it.
    Probable,
    /// It was proved.
    Certain,
}

/// Something that a thread or task has, for which others may wait.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// Who.
    pub by: Party,
    /// What.
    pub object: Object,
    /// How.
    pub role: Role,
    /// How sure it is: [`Certainty::Certain`] for a stored owner, or a guard that is alive for certain, else
    /// [`Certainty::Probable`].
    pub certainty: Certainty,
    /// The variable that has it, where one has.
    pub variable: Option<Arc<str>>,
    /// The function or future that it is in, as debug information names it.
    pub function: Option<Arc<str>>,
    /// Which frame of its stack, or which await of its chain, from 0, has it.
    pub at: Option<usize>,
    /// What must not have changed for this to be true.
    pub words: Arc<[Word]>,
}

impl Hold {
    /// Something that is held for certain, and of which no more is known.
    pub fn new(by: Party, object: Object, role: Role) -> Hold {
        let certainty = Certainty::Certain;
        Hold { by, object, role, certainty, variable: None, function: None, at: None, words: Arc::new([]) }
    }
}

/// A word of memory that something rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Word {
    /// Where it lies.
    pub address: u64,
    /// The bits that count.
    pub mask: u64,
    /// What those bits were.
    pub value: u64,
}

/// What was seen of threads, or of tasks.
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub struct Sightings {
    /// Who waits.
    pub waits: Vec<Wait>,
    /// Who holds.
    pub holds: Vec<Hold>,
    /// How many parties could not be looked at for want of time.
    pub not_reached: usize,
}

/// Who waits for whom: things as nodes, between those that wait for them and those that hold them.
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// What is waited for, those with the most waiters first.
    pub nodes: Vec<Node>,
    /// Rings of parties that wait for each other, each in the order of waiting, the surest first.
    pub cycles: Vec<Cycle>,
    /// How many waits were only counted, to save time.
    pub not_examined: usize,
}

/// One thing that is waited for.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub object: Object,
    /// Those that wait for it, in the order of its queue where that is known.
    pub waits: Vec<Wait>,
    /// Those that hold it, or may. [`Hold::certainty`] is that of the edge: with [`Certainty::OneOf`] all of them are in
    /// question.
    pub holds: Vec<Hold>,
}

impl Node {
    /// The waits that their parties stand in; the others are of futures that are not awaited at present, or have been granted
    /// what they wanted.
    pub fn waiters(&self) -> impl Iterator<Item = &Wait> {
        self.waits.iter().filter(|wait| wait.stands())
    }
}

/// A ring: each member waits for something that the next one holds, and the last one for what the first one holds.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Cycle {
    /// At least one: who waits for what it holds itself is a ring alone.
    pub members: Vec<Member>,
    /// As sure as its least sure edge.
    pub certainty: Certainty,
    /// Whether one of the waits gives up after a time.
    pub timed: bool,
}

/// A member of a ring.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Member {
    /// Index into [`Graph::nodes`]: what it waits for.
    pub node: usize,
    /// Index into [`Node::waits`].
    pub wait: usize,
    /// Index into [`Node::holds`]: who has it, the next member.
    pub hold: usize,
}
