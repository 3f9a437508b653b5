//! The Green Threads section: async tasks and what they await, those that wait in the same place together.

mod running;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use gmr_inspect::tasks::{
    Await, Blocking, Chain, Rung, Runtime, Snapshot, SourceLine, Task, TaskState, Worker,
};

use crate::report::words::duration;
use crate::report::{Block, Field, Frame, Member, Section, Trace, TraceKind, Value};

pub(crate) use running::Stacks;

/// The section of a look at the tasks, with the stacks that were taken before it.
pub(crate) fn section(snapshot: &Snapshot, stacks: &Stacks) -> Section {
    let mut section = Section::native("green_threads", "Green Threads");
    let mut lines: Vec<String> = snapshot.runtimes.iter().map(runtime).collect();
    lines.push(rung(snapshot));
    lines.extend(snapshot.notes.iter().cloned());
    lines.extend(without_thread(snapshot));
    section.blocks.push(Block::Paragraph { text: lines.join("\n") });
    let groups = groups(&snapshot.tasks);
    section.remarks.extend(largest_wait(&groups, snapshot.tasks.len()));
    for group in &groups {
        section.blocks.push(Block::Trace(group.trace()));
        section.blocks.extend(stacks.of(&group.tasks).into_iter().map(Block::Trace));
    }
    section.blocks.extend(workers(&snapshot.runtimes).into_iter().flatten());
    section
}

/// How many running tasks no thread is named for, and why.
fn without_thread(snapshot: &Snapshot) -> Option<String> {
    let is_one = |task: &&Task| task.state == TaskState::Running && task.running_on.is_none();
    let count = snapshot.tasks.iter().filter(is_one).count();
    let reason = snapshot.polling_unknown.as_deref().unwrap_or("the poll was shorter than the look");
    (count > 0).then(|| format!("running on a thread that is not known: {} ({reason})", tasks(count)))
}

/// `tokio runtime 1: 4 workers, 10,004 tasks, 0 in the global queue; busy 12 % since start`.
fn runtime(runtime: &Runtime) -> String {
    let workers = match runtime.workers.len() {
        0 => None,
        1 => Some("1 worker".to_owned()),
        count => Some(format!("{count} workers")),
    };
    let alive = runtime.alive_tasks.map(|count| format!("{} alive", tasks(count)));
    let queue = runtime.global_queue_depth.map(|count| format!("{count} in the global queue"));
    let counts: Vec<String> = [workers, alive, queue].into_iter().flatten().collect();
    let counts = if counts.is_empty() { "this tokio tells no figures".to_owned() } else { counts.join(", ") };
    let mut text = format!("tokio runtime {} ({}): {counts}", runtime.id, runtime.flavor);
    let workers = runtime.workers.iter();
    let busy: Option<Duration> = workers.clone().map(|worker| worker.busy).sum();
    let parks: Option<u64> = workers.clone().map(|worker| worker.parks).sum();
    if let (Some(busy), Some(parks), Some(_)) = (busy, parks, workers.last()) {
        text.push_str(&format!("; busy for {} in all, parked {parks} times", duration(busy)));
    }
    if let Some(Blocking { threads, idle, queue_depth }) = runtime.blocking {
        text.push_str(&format!("; {idle} of {threads} blocking threads idle, {queue_depth} waiting for one"));
    }
    text
}

/// A row for each worker, with more columns where the application lets tokio count more.
fn workers(runtimes: &[Runtime]) -> Option<[Block; 2]> {
    let more = runtimes.iter().flat_map(|runtime| &runtime.workers).any(|worker| worker.work.is_some());
    let mut columns = vec!["runtime", "worker", "thread", "busy", "parks"];
    if more {
        columns.extend(["polls", "mean poll", "queue", "steals", "overflows", "woken for nothing"]);
    }
    let row = |runtime: &Runtime, number: usize, worker: &Worker| {
        let mut row: Vec<Value> = vec![runtime.id.into(), number.into(), worker.thread.into()];
        row.extend([worker.busy.into(), worker.parks.into()]);
        if let Some(work) = &worker.work {
            row.extend([work.polls.into(), work.mean_poll_time.into(), work.queue_depth.into()]);
            row.extend([work.steals.into(), work.overflows.into(), work.noops.into()]);
        }
        row
    };
    let rows: Vec<Vec<Value>> = runtimes
        .iter()
        .flat_map(|runtime| {
            let workers = runtime.workers.iter().enumerate();
            workers.map(|(number, worker)| row(runtime, number, worker)).collect::<Vec<_>>()
        })
        .collect();
    let columns = columns.into_iter().map(str::to_owned).collect();
    let heading = Block::Heading { level: 1, text: "workers".to_owned() };
    (!rows.is_empty()).then_some([heading, Block::Table { columns, rows }])
}

fn tasks(count: usize) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}

fn rung(snapshot: &Snapshot) -> String {
    let mut text = match &snapshot.rung {
        Rung::DebugInformation => {
            format!("chains from debug information, checked: {}", tasks(snapshot.tasks.len()))
        }
        Rung::Registered(reason) => {
            format!("registered tasks only ({reason}): {}", tasks(snapshot.tasks.len()))
        }
        Rung::Nothing => "no tokio runtime was given and no task was registered".to_owned(),
    };
    if snapshot.racy > 0 {
        text.push_str(&format!("; {} changed while read", snapshot.racy));
    }
    if snapshot.not_reached > 0 {
        text.push_str(&format!("; {} not reached in time", snapshot.not_reached));
    }
    text
}

/// Tasks that stand in the same place in the same state.
struct Group<'s> {
    tasks: Vec<&'s Task>,
}

/// What makes two tasks stand in the same place. What is each task's own (when a timer fires) does not.
#[derive(PartialEq, Eq, Hash)]
struct Place<'s, C> {
    state: TaskState,
    runtime: Option<usize>,
    spawned_at: Option<&'s SourceLine>,
    future: &'s str,
    chain: Option<C>,
}

/// Running ones first, then the longest waits, then the largest groups.
fn groups(tasks: &[Task]) -> Vec<Group<'_>> {
    let mut at: HashMap<Place<'_, &[Await]>, usize> = HashMap::new();
    // Most tasks share their chain with another one, so that these need not be compared.
    let mut shared: HashMap<Place<'_, *const Await>, usize> = HashMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for task in tasks {
        let chain = known(task);
        let compare = || {
            *at.entry(place(task, chain)).or_insert_with(|| {
                groups.push(Group { tasks: Vec::new() });
                groups.len() - 1
            })
        };
        let group = *shared.entry(place(task, chain.map(<[Await]>::as_ptr))).or_insert_with(compare);
        groups[group].tasks.push(task);
    }
    groups.sort_by_key(|group| {
        let running = group.tasks[0].state == TaskState::Running;
        (!running, std::cmp::Reverse(group.longest()), std::cmp::Reverse(group.tasks.len()))
    });
    groups
}

fn place<C>(task: &Task, chain: Option<C>) -> Place<'_, C> {
    Place {
        state: task.state,
        runtime: task.runtime,
        spawned_at: task.spawned_at.as_ref(),
        future: &task.future,
        chain,
    }
}

fn known(task: &Task) -> Option<&[Await]> {
    match &task.chain {
        Chain::Known(chain) | Chain::Passed(chain) => Some(chain),
        Chain::Racy | Chain::Unknown(_) => None,
    }
}

/// What is known of this task's own await.
fn particular(task: &Task, step: usize) -> Option<&str> {
    task.particulars.iter().find(|one| one.step == step).map(|one| one.text.as_str())
}

impl Group<'_> {
    fn longest(&self) -> Option<Duration> {
        self.tasks.iter().filter_map(|task| task.idle).max()
    }

    fn trace(&self) -> Trace {
        let first = self.tasks[0];
        let (frames, doubt) = match &first.chain {
            Chain::Known(chain) => (self.frames(chain), None),
            Chain::Passed(chain) => (
                self.frames(chain),
                Some("being polled: this is what it awaited when the poll began".to_owned()),
            ),
            Chain::Racy => (Vec::new(), Some("no chain: it changed each time it was read".to_owned())),
            Chain::Unknown(reason) => (Vec::new(), Some(format!("no chain: {reason}"))),
        };
        Trace {
            kind: TraceKind::Await,
            title: self.title(),
            summary: self.summary(),
            members: self.tasks.iter().map(|task| member(task)).collect(),
            frames,
            doubt,
        }
    }

    /// `212 tasks, the longest for 33.1 s`, or `task 3  "gc"`.
    fn title(&self) -> String {
        let first = self.tasks[0];
        let mut title = match self.tasks.len() {
            1 => format!("task {}", first.id),
            count => format!("{count} tasks"),
        };
        let names: Vec<&str> = self.tasks.iter().filter_map(|task| task.name.as_deref()).collect();
        if let [name, rest @ ..] = &names[..]
            && rest.iter().all(|other| other == name)
        {
            title.push_str(&format!("  \"{name}\""));
        }
        match (self.longest(), self.tasks.len()) {
            (None, _) => {}
            (Some(idle), 1) => title.push_str(&format!(", for {}", duration(idle))),
            (Some(idle), _) => title.push_str(&format!(", the longest for {}", duration(idle))),
        }
        title
    }

    fn summary(&self) -> Vec<String> {
        let first = self.tasks[0];
        let mut parts = vec![state(first.state).to_owned()];
        if let [Task { running_on: Some(thread), .. }] = self.tasks[..] {
            parts.push(format!("on thread {thread}"));
        }
        if let Some(place) = &first.spawned_at {
            parts.push(format!("spawned at {}:{}", place.file, place.line));
        }
        if let ([_], Some(polls)) = (&self.tasks[..], first.polls) {
            parts.push(if polls == 1 { "polled once".to_owned() } else { format!("polled {polls} times") });
        }
        let mut lines = vec![parts.join(", ")];
        if !matches!(first.chain, Chain::Known(_) | Chain::Passed(_)) {
            lines.push(first.future.to_string());
        }
        lines
    }

    /// The chain; what differs from task to task stands only where there is one task.
    fn frames(&self, chain: &[Await]) -> Vec<Frame> {
        let frame = |(at, step): (usize, &Await)| {
            let mut details: Vec<&str> = step.detail.as_deref().into_iter().collect();
            let own = particular(self.tasks[0], at);
            if self.tasks.len() == 1 {
                details.extend(own);
            }
            Frame {
                depth: step.depth,
                branch: step.branch.clone(),
                file: step.location.as_ref().map(|place| place.file.clone()),
                line: step.location.as_ref().map(|place| place.line),
                folded: own.is_none() && is_machinery(chain, at),
                detail: (!details.is_empty()).then(|| details.join(", ")),
                ..Frame::of(step.future.as_str())
            }
        };
        chain.iter().enumerate().map(frame).collect()
    }
}

/// Whether an await has nothing of its own to tell: no line, no name among branches, no figures, and one
/// single thing that it passes every poll on to. Middleware is twenty of these on top of each other.
fn is_machinery(chain: &[Await], at: usize) -> bool {
    let step = &chain[at];
    let below = chain[at + 1..].iter().take_while(|other| other.depth > step.depth);
    let children = below.filter(|other| other.depth == step.depth + 1).count();
    let is_plain = step.location.is_none() && step.branch.is_none();
    is_plain && step.detail.is_none() && children == 1
}

fn state(state: TaskState) -> &'static str {
    match state {
        TaskState::Running => "running",
        TaskState::Scheduled => "woken, waits for a worker",
        TaskState::Idle => "waiting",
        TaskState::NotStarted => "not polled yet",
        TaskState::Unknown => "in an unknown state",
    }
}

fn member(task: &Task) -> Member {
    let mut fields =
        vec![Field::new("state", Cow::Borrowed(state(task.state))), Field::new("future", &*task.future)];
    let place = task.spawned_at.as_ref().map(|place| format!("{}:{}", place.file, place.line));
    let optional = [
        ("runtime", task.runtime.map(|runtime| Value::from(runtime + 1))),
        ("spawned_at", place.map(Value::from)),
        ("age", task.age.map(Value::Duration)),
        ("idle", task.idle.map(Value::Duration)),
        ("polls", task.polls.map(Value::from)),
        ("poll_time", task.poll_time.map(Value::Duration)),
        ("thread", task.running_on.map(Value::from)),
    ];
    fields.extend(optional.into_iter().filter_map(|(key, value)| Some(Field::new(key, value?))));
    // Where many stand in one place, what is each one's own is kept with it.
    let chain = known(task).unwrap_or_default();
    let own = task.particulars.iter();
    fields.extend(
        own.filter_map(|own| Some(Field::new(chain.get(own.step)?.future.clone(), own.text.as_str()))),
    );
    Member { id: task.id, name: task.name.clone(), fields }
}

/// The largest group of those that have waited for long, where ten or more wait in one place.
fn largest_wait(groups: &[Group<'_>], total: usize) -> Option<String> {
    /// Shorter waits are how a service works.
    const LONG: Duration = Duration::from_secs(10);
    /// Fewer are not a crowd.
    const CROWD: usize = 10;
    let long =
        |group: &&Group<'_>| group.longest().is_some_and(|idle| idle >= LONG) && group.tasks.len() >= CROWD;
    let group = groups.iter().filter(long).max_by_key(|group| group.tasks.len())?;
    let first = group.tasks[0];
    let place = match &first.chain {
        Chain::Known(chain) => innermost(chain).unwrap_or(&first.future),
        _ => &*first.future,
    };
    Some(format!(
        "{} of {total} tasks wait in {place}, the longest for {}",
        group.tasks.len(),
        duration(group.longest()?)
    ))
}

/// The innermost await that has a line of its own: what lies below it is machinery.
fn innermost(chain: &[Await]) -> Option<&str> {
    chain.iter().rev().find(|step| step.location.is_some()).map(|step| step.future.as_str())
}
