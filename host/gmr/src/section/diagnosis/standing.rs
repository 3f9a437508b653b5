//! Where threads and tasks stood at earlier reports, so that a later one tells for how long they have not moved.
//!
//! Of a task the futures and lines of its chain are compared, when its timers fire, and how often it was polled where that is
//! counted. One that is not registered and has come back to the same line cannot be told from one that has not gone on. Of a
//! thread its processor time is compared, which tells all.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use gmr_inspect::process::Listening;
use gmr_inspect::tasks::{Await, Fact, Polling, Snapshot, Task, TaskState};
use gmr_inspect::threads::Capture;

use crate::section::green_threads::known;

/// No more tasks and threads are kept in mind: some 24 bytes each.
const MOST: usize = 100_000;

/// What stood where at the last report, by id.
pub(crate) struct Standing {
    tasks: Vec<Seen>,
    threads: Vec<Seen>,
    /// By thread: the task that it polls, with how often it has parked.
    polls: Vec<Seen>,
    /// Connections that were not accepted at the report before, and now, by the address that they are to.
    queues: [HashMap<String, u32>; 2],
    /// What the times of timers are counted from.
    epoch: Instant,
    /// When the last report looked.
    now: Instant,
}

#[derive(Clone, Copy)]
struct Seen {
    id: u64,
    place: u64,
    since: Instant,
}

impl Standing {
    pub(crate) fn new(epoch: Instant) -> Standing {
        let (tasks, threads, polls) = (Vec::new(), Vec::new(), Vec::new());
        Standing { tasks, threads, polls, queues: Default::default(), epoch, now: epoch }
    }

    /// Takes in what a report sees now.
    pub(crate) fn update(
        &mut self,
        capture: &Capture,
        snapshot: &Snapshot,
        polling: &[Polling],
        listening: &[Listening],
        now: Instant,
    ) {
        let mut shared = None;
        let age = now.saturating_duration_since(self.epoch);
        let tasks = snapshot.tasks.iter();
        let tasks = tasks.filter_map(|task| Some((task.id, place_of_task(task, age, &mut shared)?)));
        self.tasks = joined(&self.tasks, tasks, now);
        // Nanoseconds of half a thousand years.
        let threads = capture.threads.iter();
        let threads =
            threads.filter_map(|thread| Some((thread.id.into(), thread.cpu_time?.as_nanos() as u64)));
        self.threads = joined(&self.threads, threads, now);
        let workers = snapshot.runtimes.iter().flat_map(|runtime| &runtime.workers);
        let polls = workers.filter_map(|worker| {
            let thread = worker.thread?;
            let task = polling.iter().find(|polling| polling.thread == thread)?.task;
            Some((thread.into(), hash(&(task, worker.parks?))))
        });
        self.polls = joined(&self.polls, polls, now);
        let queues = listening.iter().map(|socket| (socket.local.clone(), socket.not_accepted)).collect();
        self.queues = [std::mem::take(&mut self.queues[1]), queues];
        self.now = now;
    }

    /// For how long a task has been seen where it is; `None` if no earlier report saw it there.
    pub(crate) fn of_task(&self, id: u64) -> Option<Duration> {
        self.time(&self.tasks, id)
    }

    /// For how long a thread has not had a processor, at least; `None` if no earlier report saw it as it is.
    pub(crate) fn of_thread(&self, id: u32) -> Option<Duration> {
        self.time(&self.threads, id.into())
    }

    /// For how long a worker has been in one poll, at least.
    pub(crate) fn of_poll(&self, thread: u32) -> Option<Duration> {
        self.time(&self.polls, thread.into())
    }

    /// How many connections to this address were not accepted at the report before.
    pub(crate) fn not_accepted(&self, local: &str) -> Option<u32> {
        self.queues[0].get(local).copied()
    }

    fn time(&self, seen: &[Seen], id: u64) -> Option<Duration> {
        let at = seen.binary_search_by_key(&id, |seen| seen.id).ok()?;
        let time = self.now.saturating_duration_since(seen[at].since);
        (time > Duration::ZERO).then_some(time)
    }
}

/// What is seen now, with the times of what was there already.
fn joined(before: &[Seen], now_seen: impl Iterator<Item = (u64, u64)>, now: Instant) -> Vec<Seen> {
    let seen = |(id, place)| {
        let at = before.binary_search_by_key(&id, |seen| seen.id);
        let since =
            at.ok().map(|at| before[at]).filter(|seen| seen.place == place).map_or(now, |seen| seen.since);
        Seen { id, place, since }
    };
    let mut seen: Vec<Seen> = now_seen.take(MOST).map(seen).collect();
    seen.sort_by_key(|seen| seen.id);
    seen
}

/// When timers fire is known to some milliseconds, and compared by steps of this length.
const STEP: Duration = Duration::from_millis(100);

/// Of a task that is not being polled, and whose chain is known. Most tasks share their chain with the one before.
fn place_of_task(task: &Task, age: Duration, shared: &mut Option<(*const Await, u64)>) -> Option<u64> {
    let chain = known(task).filter(|_| task.state != TaskState::Running)?;
    let place = match *shared {
        Some((same, place)) if same == chain.as_ptr() => place,
        _ => {
            let mut state = DefaultHasher::new();
            chain.iter().for_each(|step| (step.depth, &step.future, &step.location).hash(&mut state));
            state.finish()
        }
    };
    *shared = Some((chain.as_ptr(), place));
    let mut state = DefaultHasher::new();
    (place, task.polls).hash(&mut state);
    for own in &task.particulars {
        if let Fact::FiresIn(left) = own.fact {
            ((age + left).as_nanos() / STEP.as_nanos()).hash(&mut state);
        }
    }
    Some(state.finish())
}

fn hash(of: &impl Hash) -> u64 {
    let mut state = DefaultHasher::new();
    of.hash(&mut state);
    state.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gmr_inspect::tasks::{Chain, Particular};
    use gmr_inspect::threads::Thread;

    use super::*;

    fn task(id: u64, future: &str, fires_in: Option<u64>) -> Task {
        let mut task = Task::new(id, "shop::serve", TaskState::Idle);
        task.chain = Chain::Known(Arc::from([Await::new(0, future)]));
        let fact = |left| Particular::new(0, Fact::FiresIn(Duration::from_secs(left)));
        task.particulars = fires_in.map(fact).into_iter().collect();
        task
    }

    fn thread(id: u32, cpu_time: Option<u64>) -> Thread {
        let mut thread = Thread::new(id, "worker");
        thread.cpu_time = cpu_time.map(Duration::from_millis);
        thread
    }

    #[test]
    fn what_has_not_moved_is_known_from_the_second_report_on() {
        let began = Instant::now();
        let mut standing = Standing::new(began);
        let mut see = |seconds, tasks, threads| {
            let mut snapshot = Snapshot::default();
            snapshot.tasks = tasks;
            let now = began + Duration::from_secs(seconds);
            standing.update(&Capture::new(threads), &snapshot, &[], &[], now);
            let tasks = [1, 2, 3, 4].map(|id| standing.of_task(id).map(|time| time.as_secs()));
            (tasks, [7, 8, 9].map(|id| standing.of_thread(id).map(|time| time.as_secs())))
        };
        let tasks = vec![
            task(1, "a", None),
            task(2, "a", None),
            task(3, "sleep", Some(60)),
            task(4, "tick", Some(1)),
        ];
        let threads = vec![thread(7, Some(10)), thread(8, Some(20)), thread(9, None)];
        assert_eq!(see(5, tasks, threads), ([None; 4], [None; 3]));
        let tasks = vec![
            task(1, "a", None),
            task(2, "b", None),
            task(3, "sleep", Some(48)),
            task(4, "tick", Some(1)),
        ];
        let threads = vec![thread(7, Some(10)), thread(8, Some(21)), thread(9, None)];
        assert_eq!(see(17, tasks, threads), ([Some(12), None, Some(12), None], [Some(12), None, None]));
        assert_eq!(see(20, vec![task(1, "a", None)], vec![]), ([Some(15), None, None, None], [None; 3]));
    }
}
