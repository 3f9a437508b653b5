//! The wait-for graph: what is waited for, by whom, who holds it, and the rings of those that wait for each other.
//!
//! One long file, since it is a list of values and of the words of their kinds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::unknown::words;
use super::{Frame, encoding};

/// Who waits for whom: things as nodes, between those that wait for them and those that hold them.
///
/// In JSON it is whole and exact. Text shows the rings and the things that most wait for, and counts the rest.
///
/// ```
/// use gmr_report::graph::{Graph, Hold, Kind, Library, Node, Party, Role, Wait, Want};
/// use gmr_report::{Block, Call};
///
/// let mut wait = Wait::new(Party::task(17), Want::Exclusive);
/// wait.place = Some(Call::of("bank::transfer").at("src/bank.rs", 42).into());
/// let mut node = Node::at(Library::Tokio, Kind::Mutex, 0x7f3a_10c0);
/// node.waits.push(wait);
/// node.holds.push(Hold::new(Party::thread(12).named("writer"), Role::Exclusive));
///
/// let text = gmr_report::format::text::body(&[Block::Graph(Graph::new([node]))]);
/// assert!(text.contains("tokio Mutex at 0x7f3a10c0: 1 waits for it\n  held by thread 12 \"writer\"\n"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Graph {
    /// What is waited for, that with the most waiters first.
    pub nodes: Vec<Node>,
    /// Rings of parties that wait for each other, each in the order of waiting, the surest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cycles: Vec<Cycle>,
    /// How many waits were only counted, to save time, and are in no node.
    #[serde(default, skip_serializing_if = "encoding::is_none")]
    pub not_examined: u64,
}

/// One thing that is waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Node {
    /// Whose type it is.
    pub library: Library,
    /// What it is.
    pub kind: Kind,
    /// Its address, or that of the part which is waited for.
    #[serde(with = "encoding::optional_hexadecimal", default, skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
    /// The thread or task whose end is waited for, of [`Kind::ThreadEnd`] and [`Kind::TaskEnd`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<Party>,
    /// Of a semaphore, and of what is made of one, how many permits are free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permits: Option<u64>,
    /// Those that wait for it, in the order of its queue where that is known.
    #[serde(default)]
    pub waits: Vec<Wait>,
    /// Those that hold it, or may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
}

/// A thread, a task, or the future that a thread runs by `block_on`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Party {
    /// Which of these.
    pub kind: PartyKind,
    /// The kernel's thread id, or the runtime's task id.
    pub id: u64,
    /// The name of the thread or task, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A party that waits for a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Wait {
    /// Who.
    pub party: Party,
    /// What it wants of the node.
    pub want: Want,
    /// How many permits it wants, of [`Want::Permits`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permits: Option<u64>,
    /// How far it has come.
    pub progress: Progress,
    /// Its place in the queue, from 0, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u64>,
    /// Whether it gives up after a time.
    #[serde(default, skip_serializing_if = "encoding::is_false")]
    pub timed: bool,
    /// Whether the party itself stands in this wait. False of a future that it has, and that it does not await at
    /// present.
    #[serde(default = "encoding::yes", skip_serializing_if = "encoding::is_true")]
    pub awaited: bool,
    /// Where it waits: the innermost function of the application's own. Its first call that is not folded is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Frame>,
    /// For how long at least it has waited, where that is known.
    #[serde(with = "encoding::optional_nanoseconds", default, skip_serializing_if = "Option::is_none")]
    pub waited: Option<Duration>,
}

/// A party that holds a node, or may.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hold {
    /// Who.
    pub party: Party,
    /// How.
    pub role: Role,
    /// How many permits, of [`Role::Permits`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permits: Option<u64>,
    /// How sure that is.
    pub certainty: Certainty,
    /// The variable that has it, where one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// The function or future that the variable is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// What the holder does, in a few words that follow its name: `sleeps`, `writes to descriptor 9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doing: Option<String>,
    /// Where it does that: the innermost function of the application's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Frame>,
}

/// A ring: each member waits for something that the next one holds, and the last one for what the first one holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cycle {
    /// At least one: who waits for what it holds itself is a ring alone.
    pub members: Vec<CycleMember>,
    /// As sure as its least sure edge.
    pub certainty: Certainty,
    /// Whether one of the waits gives up after a time.
    #[serde(default, skip_serializing_if = "encoding::is_false")]
    pub timed: bool,
}

/// A member of a ring, by its place in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CycleMember {
    /// Index into [`Graph::nodes`]: what it waits for.
    pub node: u32,
    /// Index into [`Node::waits`]: the member itself.
    pub wait: u32,
    /// Index into [`Node::holds`]: who has it, the next member.
    pub hold: u32,
}

words! {
    /// What waits or holds.
    PartyKind {
        /// A thread.
        Thread = "thread",
        /// A task.
        Task = "task",
        /// The future that a thread runs by `block_on`, which is no task; its id is the thread's.
        BlockOn = "block_on",
    }
}

words! {
    /// Whose type a lock or channel is.
    Library {
        /// Rust's standard library.
        Std = "std",
        /// The C library's POSIX threads.
        Pthread = "pthread",
        /// tokio.
        Tokio = "tokio",
        /// parking_lot, also by way of lock_api.
        ParkingLot = "parking_lot",
        /// crossbeam-channel and crossbeam-utils.
        Crossbeam = "crossbeam",
        /// rayon-core.
        Rayon = "rayon",
        /// futures-channel and futures-util.
        Futures = "futures",
        /// async-lock, async-channel and event-listener.
        Smol = "smol",
    }
}

words! {
    /// What kind of thing is waited for.
    Kind {
        /// A lock that one at a time has.
        Mutex = "mutex",
        /// A lock that many readers or one writer have.
        RwLock = "rw_lock",
        /// A counter of permits.
        Semaphore = "semaphore",
        /// A channel for many messages.
        Channel = "channel",
        /// A channel for one message.
        Oneshot = "oneshot",
        /// A value that is watched for changes.
        Watch = "watch",
        /// A channel of which each receiver gets each message.
        Broadcast = "broadcast",
        /// A value or code that is initialised once.
        Once = "once",
        /// A barrier. Nobody holds it.
        Barrier = "barrier",
        /// A condition variable. Nobody holds it.
        Condvar = "condvar",
        /// A notification. Nobody holds it.
        Notify = "notify",
        /// The end of a thread.
        ThreadEnd = "thread_end",
        /// The end of a task, or of what runs as a blocking one.
        TaskEnd = "task_end",
        /// The end of all that was started in a scope.
        ScopeEnd = "scope_end",
        /// Work that was given to a pool of threads.
        Work = "work",
    }
}

words! {
    /// What a waiter wants of a node.
    Want {
        /// To have it alone.
        Exclusive = "exclusive",
        /// To read, beside others.
        Shared = "shared",
        /// Permits of it.
        Permits = "permits",
        /// To put a message into it.
        Send = "send",
        /// To take a message out of it, or to see a change.
        Receive = "receive",
        /// That it ends, is initialised or is notified.
        End = "end",
    }
}

words! {
    /// How far a wait has come.
    Progress {
        /// It waits.
        Queued = "queued",
        /// It has been given what it wanted, and has not run since: so it holds it.
        Granted = "granted",
        /// Nobody will wake it: it has left no waker, or was never polled.
        NoWaker = "no_waker",
    }
}

words! {
    /// In which role a node is held.
    Role {
        /// Alone: a guard.
        Exclusive = "exclusive",
        /// As a reader, beside others.
        Shared = "shared",
        /// Permits of it.
        Permits = "permits",
        /// The end of a channel that sends.
        Sender = "sender",
        /// The end of a channel that receives.
        Receiver = "receiver",
        /// It is what is waited for: the thread or task itself, or who initialises it or works at it.
        Runs = "runs",
    }
}

words! {
    /// How sure a hold or a ring is.
    Certainty {
        /// Several may hold it, and nothing tells which.
        OneOf = "one_of",
        /// It is the only one that was found, and nothing proves it.
        Probable = "probable",
        /// It was proved.
        Certain = "certain",
    }
}

impl Graph {
    /// A graph of these nodes, without rings.
    pub fn new(nodes: impl IntoIterator<Item = Node>) -> Graph {
        Graph { nodes: nodes.into_iter().collect(), ..Graph::default() }
    }

    /// What a member of a ring waits for, the member, and who holds it. `None` if one of its indices leads nowhere, as it
    /// may in another program's file.
    pub fn member(&self, member: &CycleMember) -> Option<(&Node, &Wait, &Hold)> {
        let node = self.nodes.get(usize::try_from(member.node).ok()?)?;
        let wait = node.waits.get(usize::try_from(member.wait).ok()?)?;
        Some((node, wait, node.holds.get(usize::try_from(member.hold).ok()?)?))
    }

    /// Where parties wait, and where holders are.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Frame> {
        self.nodes.iter().flat_map(|node| {
            let waits = node.waits.iter().filter_map(|wait| wait.place.as_ref());
            waits.chain(node.holds.iter().filter_map(|hold| hold.place.as_ref()))
        })
    }

    pub(crate) fn places_mut(&mut self) -> impl Iterator<Item = &mut Frame> {
        self.nodes.iter_mut().flat_map(|node| {
            let waits = node.waits.iter_mut().filter_map(|wait| wait.place.as_mut());
            waits.chain(node.holds.iter_mut().filter_map(|hold| hold.place.as_mut()))
        })
    }
}

impl Node {
    /// Something that nobody waits for yet, of an unknown address.
    pub fn new(library: Library, kind: Kind) -> Node {
        let (waits, holds) = (Vec::new(), Vec::new());
        Node { library, kind, address: None, party: None, permits: None, waits, holds }
    }

    /// Something at this address that nobody waits for yet.
    pub fn at(library: Library, kind: Kind, address: u64) -> Node {
        Node { address: Some(address), ..Node::new(library, kind) }
    }
}

impl Party {
    /// The thread with this kernel id.
    pub fn thread(id: u32) -> Party {
        Party::new(PartyKind::Thread, id.into())
    }

    /// The task with this id.
    pub fn task(id: u64) -> Party {
        Party::new(PartyKind::Task, id)
    }

    /// The future that the thread with this kernel id runs by `block_on`.
    pub fn block_on(thread: u32) -> Party {
        Party::new(PartyKind::BlockOn, thread.into())
    }

    /// A party of this kind, without a name.
    pub fn new(kind: PartyKind, id: u64) -> Party {
        Party { kind, id, name: None }
    }

    /// The same party under this name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Party {
        self.name = Some(name.into());
        self
    }
}

impl Wait {
    /// A wait in a queue of which no more is known.
    pub fn new(party: Party, want: Want) -> Wait {
        Wait {
            party,
            want,
            permits: None,
            progress: Progress::Queued,
            queue_position: None,
            timed: false,
            awaited: true,
            place: None,
            waited: None,
        }
    }
}

impl Hold {
    /// A hold that is certain, and of which no more is known.
    pub fn new(party: Party, role: Role) -> Hold {
        Hold {
            party,
            role,
            permits: None,
            certainty: Certainty::Certain,
            variable: None,
            function: None,
            doing: None,
            place: None,
        }
    }
}

impl Cycle {
    /// A ring of these members, none of which gives up after a time.
    pub fn new(members: impl IntoIterator<Item = CycleMember>, certainty: Certainty) -> Cycle {
        Cycle { members: members.into_iter().collect(), certainty, timed: false }
    }
}

impl CycleMember {
    /// The member that waits for this node by this one of its waits, and for this one of its holds.
    pub fn new(node: u32, wait: u32, hold: u32) -> CycleMember {
        CycleMember { node, wait, hold }
    }
}
