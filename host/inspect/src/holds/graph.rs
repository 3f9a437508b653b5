//! Wait-for graph: what was seen of threads and tasks, joined by what it is for.
//!
//! Waits for overlapping pieces of memory are one node; whoever holds a piece that overlaps it holds that node. A hold
//! that covers several nodes belongs to each of them. Everything here is linear in the number of waits and holds, but
//! for the sorting.

mod certainty;
mod cycles;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::{Graph, Hold, Kind, Library, Node, Object, Party, Progress, Role, Sightings, Wait, Want};
use crate::tasks::Polling;

/// What is known of the parties beside their waits and holds.
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// Which threads poll which tasks: where such a thread waits, its task waits too, and what it holds the task holds.
    pub polling: Vec<Polling>,
    /// The tasks that there are: one whose end is waited for is itself what is waited for.
    pub tasks: HashSet<u64>,
    /// Those that await several things at once: the end of another one may let them go on, so that a ring of which they
    /// are a member is not certain.
    pub several: HashSet<Party>,
}

/// Joins what was seen, of threads and of tasks, to one graph.
///
/// An edge is certain where all that can hold a thing is known and one alone has it for certain, probable where it is
/// the only one that is in question, or the only certain one among several; else it is one of several. Who was given what it waited
/// for is a holder, though it has not run since. Readers are several without being in doubt.
///
/// ```
/// use gmr_inspect::holds::{
///     Certainty, Circumstances, Hold, Kind, Library, Object, Party, Role, Sightings, Wait, Want, join,
/// };
///
/// let lock = |address| Object::new(Library::Std, Kind::Mutex, address, 4);
/// let (a, b) = (Party::Thread(11), Party::Thread(12));
/// let mut seen = Sightings::default();
/// seen.holds = vec![Hold::new(a, lock(0x10), Role::Exclusive), Hold::new(b, lock(0x20), Role::Exclusive)];
/// seen.waits = vec![Wait::new(a, lock(0x20), Want::Exclusive), Wait::new(b, lock(0x10), Want::Exclusive)];
///
/// let graph = join([seen], &Circumstances::default());
/// assert_eq!(graph.cycles[0].members.len(), 2);
/// assert_eq!(graph.cycles[0].certainty, Certainty::Certain);
/// ```
pub fn join(sightings: impl IntoIterator<Item = Sightings>, circumstances: &Circumstances) -> Graph {
    let (mut waits, mut holds, mut not_examined) = (Vec::new(), Vec::new(), 0);
    for seen in sightings {
        waits.extend(seen.waits);
        holds.extend(seen.holds);
        not_examined += seen.not_reached;
    }
    let one = Parties::new(circumstances);
    let mut nodes = gather(waits, holds);
    for node in &mut nodes {
        node.holds.extend(node.waits.iter().filter_map(granted));
        node.holds.extend(runner(&node.object, circumstances));
        certainty::settle(&mut node.holds, &one);
        node.object.kind = most_special(node);
        node.waits.sort_by_key(|wait| (!wait.stands(), place_in_queue(wait), wait.by));
    }
    nodes.sort_by_key(|node| (Reverse(node.waiters().count()), node.object));
    let cycles = cycles::find(&nodes, &one, circumstances);
    Graph { nodes, cycles, not_examined }
}

/// Those that go on together or not at all, as one party.
struct Parties {
    threads: HashMap<u64, u32>,
}

impl Parties {
    fn new(circumstances: &Circumstances) -> Parties {
        Parties { threads: circumstances.polling.iter().map(|at| (at.task, at.thread)).collect() }
    }

    /// The thread, of a task that it polls and of a future that it runs.
    fn of(&self, party: Party) -> Party {
        match party {
            Party::BlockOn(thread) => Party::Thread(thread),
            Party::Task(task) => self.threads.get(&task).map_or(party, |thread| Party::Thread(*thread)),
            Party::Thread(_) => party,
        }
    }
}

/// What numbers are compared with what numbers: addresses of one library's objects, or ids.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Space {
    Memory(Library),
    Threads,
    Tasks,
}

impl Space {
    fn of(object: &Object) -> Space {
        match object.kind {
            Kind::ThreadEnd => Space::Threads,
            Kind::TaskEnd => Space::Tasks,
            _ => Space::Memory(object.library),
        }
    }
}

/// Nodes by place, each with its waits and with the holds that overlap it. What lies nowhere is a node for each wait, as
/// nobody can tell whether two of them are for the same.
fn gather(mut waits: Vec<Wait>, holds: Vec<Hold>) -> Vec<Node> {
    waits.sort_by_key(|wait| (Space::of(&wait.object), wait.object.start));
    let mut nodes: Vec<Node> = Vec::new();
    // The places that the nodes take up, in ascending order.
    let mut places: Vec<(Space, u64, u64, usize)> = Vec::new();
    for wait in waits {
        let Object { start, end, .. } = wait.object;
        let space = Space::of(&wait.object);
        match places.last_mut() {
            Some((last, _, until, node)) if *last == space && start < *until && start != 0 => {
                *until = end.max(*until);
                nodes[*node].waits.push(wait);
            }
            _ => {
                if start != 0 {
                    places.push((space, start, end, nodes.len()));
                }
                nodes.push(Node { object: wait.object, waits: vec![wait], holds: Vec::new() });
            }
        }
    }
    for hold in holds.into_iter().filter(|hold| hold.object.start != 0) {
        let space = Space::of(&hold.object);
        let first =
            places.partition_point(|(other, _, until, _)| (*other, *until) <= (space, hold.object.start));
        let met = places[first..].iter();
        for (_, _, _, node) in met.take_while(|(other, from, ..)| (*other, *from) < (space, hold.object.end))
        {
            nodes[*node].holds.push(hold.clone());
        }
    }
    nodes
}

/// Who was given what it waited for has it.
fn granted(wait: &Wait) -> Option<Hold> {
    let role = match wait.want {
        Want::Exclusive => Role::Exclusive,
        Want::Shared => Role::Shared,
        Want::Permits(count) => Role::Permits(count),
        Want::Send | Want::Receive | Want::End => return None,
    };
    (wait.progress == Progress::Granted).then(|| {
        let hold = Hold::new(wait.by, wait.object, role);
        Hold { at: wait.at, words: wait.words.clone(), ..hold }
    })
}

/// The thread or task whose end is waited for.
fn runner(object: &Object, circumstances: &Circumstances) -> Option<Hold> {
    let by = match object.kind {
        Kind::ThreadEnd => Party::Thread(u32::try_from(object.start).ok()?),
        Kind::TaskEnd if circumstances.tasks.contains(&object.start) => Party::Task(object.start),
        // What `spawn_blocking` runs is no task.
        Kind::TaskEnd => {
            let polling = circumstances.polling.iter().find(|polling| polling.task == object.start)?;
            Party::Thread(polling.thread)
        }
        _ => return None,
    };
    Some(Hold::new(by, *object, Role::Runs))
}

/// Who waits for a lock that is made of a semaphore sees the semaphore, who holds it sees the lock.
fn most_special(node: &Node) -> Kind {
    let kinds = node.waits.iter().map(|wait| wait.object.kind);
    let mut kinds = kinds.chain(node.holds.iter().map(|hold| hold.object.kind));
    kinds.find(|kind| *kind != Kind::Semaphore).unwrap_or(Kind::Semaphore)
}

/// Those whose place is known come first.
fn place_in_queue(wait: &Wait) -> u64 {
    match wait.progress {
        Progress::Queued(Some(place)) => place,
        _ => u64::MAX,
    }
}
