//! The scene that rules look at: what was seen of threads, tasks and the process, and how to find one in it.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use gmr_inspect::holds::{Certainty, Circumstances, Graph, Node, Party, Wait};
use gmr_inspect::process::Utilization;
use gmr_inspect::tasks::tokio::{is_poll_frame, is_scheduler_frame};
use gmr_inspect::tasks::{Await, Polling, Snapshot, Task, TaskState};
use gmr_inspect::threads::{Capture, Frame, Stack, Thread};

use super::place::{self, Place};
use super::standing::Standing;
use crate::section::green_threads::known;

/// What was seen for one report.
pub(crate) struct Scene<'a> {
    pub(crate) capture: &'a Capture,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) graph: &'a Graph,
    /// Which threads polled which tasks both before the stacks were taken and after.
    pub(crate) polling: &'a [Polling],
    /// Threads that were asleep when their stacks were read and have been so since.
    pub(crate) stood_still: &'a HashSet<u32>,
    pub(crate) standing: &'a Standing,
    pub(crate) utilization: &'a Utilization,
    pub(crate) index: Index<'a>,
}

/// What is looked up in a scene, made when it is first needed.
#[derive(Default)]
pub(crate) struct Index<'a> {
    tasks: OnceCell<HashMap<u64, &'a Task>>,
    waits: OnceCell<HashMap<Party, (usize, usize)>>,
    holds: OnceCell<HashMap<Party, Vec<usize>>>,
}

impl<'a> Scene<'a> {
    /// Threads are listed by their ids.
    pub(super) fn thread(&self, id: u32) -> Option<&'a Thread> {
        let threads = &self.capture.threads;
        threads.binary_search_by_key(&id, |thread| thread.id).ok().map(|at| &threads[at])
    }

    pub(super) fn task(&self, id: u64) -> Option<&'a Task> {
        let tasks = || self.snapshot.tasks.iter().map(|task| (task.id, task)).collect();
        self.index.tasks.get_or_init(tasks).get(&id).copied()
    }

    /// The task that a thread polls; a worker's own job and what `spawn_blocking` runs are none.
    pub(super) fn polled_by(&self, thread: u32) -> Option<u64> {
        let polls = self.polling.iter().filter(|polling| polling.thread == thread);
        polls.map(|polling| polling.task).find(|task| self.task(*task).is_some())
    }

    /// The thread that polls a task.
    pub(super) fn polls(&self, task: u64) -> Option<u32> {
        self.polling.iter().find(|polling| polling.task == task).map(|polling| polling.thread)
    }

    /// What keeps a party: the node, and the party's wait for it. Of several the first.
    pub(super) fn wait_of(&self, party: Party) -> Option<(&'a Node, &'a Wait)> {
        let waits = self.index.waits.get_or_init(|| {
            let nodes = self.graph.nodes.iter().enumerate();
            let waits = nodes.flat_map(|(node, of)| {
                let waits = of.waits.iter().enumerate().filter(|(_, wait)| wait.stands());
                waits.map(move |(wait, of)| (of.by, (node, wait)))
            });
            // The first stays.
            waits.collect::<Vec<_>>().into_iter().rev().collect()
        });
        let found = |party| {
            waits.get(&party).map(|(node, wait)| {
                let node = &self.graph.nodes[*node];
                (node, &node.waits[*wait])
            })
        };
        found(party).or_else(|| match party {
            Party::Task(task) => self.polls(task).and_then(|thread| found(Party::Thread(thread))),
            Party::Thread(thread) => found(Party::BlockOn(thread)),
            _ => None,
        })
    }

    /// What a party has, as far as others wait for it.
    pub(super) fn held_by(&self, party: Party) -> impl Iterator<Item = &'a Node> {
        let holds = self.index.holds.get_or_init(|| {
            let mut holds: HashMap<Party, Vec<usize>> = HashMap::new();
            for (number, node) in self.graph.nodes.iter().enumerate() {
                for hold in node.holds.iter().filter(|hold| hold.certainty > Certainty::OneOf) {
                    holds.entry(hold.by).or_default().push(number);
                }
            }
            holds
        });
        holds.get(&party).into_iter().flatten().map(|number| &self.graph.nodes[*number])
    }

    /// What is known of a task, or of the future that a thread runs by `block_on`: of several the innermost.
    pub(super) fn future(&self, party: Party) -> Option<&'a Task> {
        match party {
            Party::Task(id) => self.task(id),
            Party::BlockOn(id) => {
                self.snapshot.roots.iter().rev().find(|root| root.thread == id).map(|root| &root.task)
            }
            _ => None,
        }
    }

    /// The chain of awaits of a task or of what a thread runs by `block_on`.
    pub(super) fn chain(&self, party: Party) -> Option<&'a [Await]> {
        known(self.future(party)?)
    }

    /// Where a party stands, in the application's own code; `at` is the frame or await that waits, where it is known.
    pub(super) fn place(&self, party: Party, at: Option<usize>) -> Option<Place<'a>> {
        match party {
            Party::Thread(id) => place::of_stack(frames(self.thread(id)?)),
            Party::Task(id) => match self.chain(party) {
                _ if self.polls(id).is_some() => self.place(Party::Thread(self.polls(id)?), None),
                Some(chain) => place::of_chain(chain, at),
                None => None,
            },
            Party::BlockOn(id) => {
                let of_chain = self.chain(party).and_then(|chain| place::of_chain(chain, at));
                of_chain.or_else(|| self.place(Party::Thread(id), None))
            }
            _ => None,
        }
    }

    /// For how long a party has been where it is, at least: since an earlier report, or as the registry knows.
    pub(super) fn stood(&self, party: Party) -> Option<Duration> {
        match party {
            Party::Task(id) => {
                let registered = self.task(id).and_then(|task| task.polling.or(task.idle));
                registered.max(self.standing.of_task(id))
            }
            Party::Thread(id) | Party::BlockOn(id) => self.standing.of_thread(id),
            _ => None,
        }
    }

    /// Tasks that could go on if a worker of their runtime were free.
    pub(super) fn ready(&self, runtime: usize) -> usize {
        let is_ready = |task: &&Task| matches!(task.state, TaskState::Scheduled | TaskState::NotStarted);
        self.snapshot.tasks.iter().filter(|task| task.runtime == Some(runtime)).filter(is_ready).count()
    }
}

/// What can be known before tasks and threads are joined.
pub(crate) fn circumstances(snapshot: &Snapshot, polling: &[Polling]) -> Circumstances {
    let mut circumstances = Circumstances::default();
    circumstances.polling = polling.to_vec();
    circumstances.tasks = snapshot.tasks.iter().map(|task| task.id).collect();
    // Most tasks share their chain with the one before.
    let mut last = None;
    let mut several = |task: &Task| {
        let Some(chain) = known(task) else { return false };
        let several = match last {
            Some((same, several)) if same == chain.as_ptr() => several,
            _ => place::stem(chain).len() < chain.len(),
        };
        last = Some((chain.as_ptr(), several));
        several
    };
    let tasks = snapshot.tasks.iter().filter(|task| several(task));
    circumstances.several = tasks.map(|task| Party::Task(task.id)).collect();
    let roots = snapshot.roots.iter().filter(|root| several(&root.task));
    circumstances.several.extend(roots.map(|root| Party::BlockOn(root.thread)));
    circumstances
}

/// The frames of a thread, innermost first; none where it has no stack.
pub(super) fn frames(thread: &Thread) -> &[Frame] {
    match &thread.stack {
        Stack::Captured { frames, .. } => frames,
        Stack::Missing(_) => &[],
    }
}

/// Whether one of the functions that a thread stands in has this in its name.
pub(super) fn stands_in(thread: &Thread, part: &str) -> bool {
    functions(thread).any(|function| function.contains(part))
}

/// Whether a thread is in the poll of a task that a runtime's scheduler called, by its stack. A worker is itself a
/// job of the pool for what blocks, so that an idle one is in a poll, too: but not inside of the scheduler.
pub(super) fn is_in_poll(thread: &Thread) -> bool {
    let mut outwards = functions(thread).skip_while(|function| !is_poll_frame(function));
    outwards.any(is_scheduler_frame)
}

/// Whether a thread runs a job of the pool for what blocks, which is no worker.
pub(super) fn runs_blocking_job(thread: &Thread) -> bool {
    functions(thread).any(is_poll_frame) && !runs_scheduler(thread)
}

/// Whether a thread runs a scheduler, as a worker does, which is a job of that pool.
pub(super) fn runs_scheduler(thread: &Thread) -> bool {
    functions(thread).any(is_scheduler_frame)
}

fn functions(thread: &Thread) -> impl Iterator<Item = &str> {
    frames(thread).iter().flat_map(|frame| frame.symbols.iter().map(|symbol| symbol.function.as_str()))
}
