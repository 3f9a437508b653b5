//! Words for parties, for what they wait for, and for what they do.

use std::borrow::Cow;
use std::time::Duration;

use gmr_inspect::holds::{Certainty, Hold, Kind, Node, Party, Role, Wait, Want};
use gmr_inspect::tasks::{Fact, TaskState};
use gmr_inspect::threads::{Resource, State, Thread};
use gmr_report::words::{counted, duration, short_function};

use super::scene::Scene;

/// No more names of parties stand in a line.
const MOST_NAMES: usize = 4;

/// `thread 12 "writer"`, `task 17`, `main's future`.
pub(super) fn party(scene: &Scene<'_>, party: Party) -> String {
    match party {
        Party::BlockOn(id) if id == std::process::id() => format!("main's future (thread {id})"),
        party => gmr_report::words::party(&super::graph::party(scene, party)),
    }
}

/// `tasks 17 and 18`, `threads 4, 7 and 9`, `task 1 and thread 2`; of many the first, and how many more.
pub(super) fn parties(scene: &Scene<'_>, all: &[Party]) -> String {
    let (shown, more) = all.split_at(all.len().min(MOST_NAMES));
    let id = |of: &Party| match of {
        Party::Task(id) => Some((false, id.to_string())),
        Party::Thread(id) => Some((true, id.to_string())),
        _ => None,
    };
    let ids: Option<Vec<(bool, String)>> = shown.iter().map(id).collect();
    let mut names: Vec<String> = match ids {
        Some(ids) if ids.len() > 1 && ids.iter().all(|(is_thread, _)| *is_thread == ids[0].0) => {
            let noun = if ids[0].0 { "threads" } else { "tasks" };
            let mut numbers: Vec<String> = ids.into_iter().map(|(_, id)| id).collect();
            numbers[0].insert_str(0, &format!("{noun} "));
            numbers
        }
        _ => shown.iter().map(|of| party(scene, *of)).collect(),
    };
    if !more.is_empty() {
        names.push(format!("{} more", more.len()));
    }
    listed(&names, "and")
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(names: &[String], word: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}

/// How many there are of each kind: `12 threads`, `2 threads and 3 tasks`, `main's future`.
pub(super) fn crowd(scene: &Scene<'_>, all: &[Party]) -> String {
    if let [one] = all {
        return party(scene, *one);
    }
    let count = |test: fn(&Party) -> bool| all.iter().filter(|party| test(party)).count() as u64;
    let kinds = [
        (count(|party| matches!(party, Party::Thread(_))), "thread"),
        (count(|party| matches!(party, Party::Task(_))), "task"),
        (count(|party| matches!(party, Party::BlockOn(_))), "future of block_on"),
    ];
    let kinds: Vec<String> = kinds
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| match (count, noun) {
            (count @ 2.., "future of block_on") => format!("{count} futures of block_on"),
            (count, noun) => counted(count, noun),
        })
        .collect();
    listed(&kinds, "and")
}

/// What is waited for: `a Mutex`, `a permit of a Semaphore`.
pub(super) fn object(node: &Node, wait: &Wait) -> Cow<'static, str> {
    let words = match (node.object.kind, wait.want) {
        (Kind::Mutex, _) => "a Mutex",
        (Kind::RwLock, Want::Shared) => "an RwLock (to read)",
        (Kind::RwLock, Want::Exclusive) => "an RwLock (to write)",
        (Kind::RwLock, _) => "an RwLock",
        (Kind::Semaphore, Want::Permits(count @ 2..)) => {
            return format!("{count} permits of a Semaphore").into();
        }
        (Kind::Semaphore, _) => "a permit of a Semaphore",
        (Kind::Channel, Want::Send) => "room in a channel",
        (Kind::Channel, _) => "a message of a channel",
        (Kind::Oneshot, _) => "an answer (oneshot)",
        (Kind::Watch, _) => "a change of a watched value",
        (Kind::Broadcast, _) => "a message of a broadcast channel",
        (Kind::Once, _) => "an initialiser",
        (Kind::Barrier, _) => "the others at a Barrier",
        (Kind::Condvar, _) => "a condition",
        (Kind::Notify, _) => "a notification",
        (Kind::ThreadEnd, _) => return format!("thread {} to end", node.object.start).into(),
        (Kind::TaskEnd, _) => return format!("task {} to end", node.object.start).into(),
        (Kind::ScopeEnd, _) => "the others of a scope to end",
        (Kind::Work, _) => "work that was given to a pool",
        _ => "something",
    };
    words.into()
}

/// How one has it, after "that": `task 18 holds`, `thread 13 probably holds`.
pub(super) fn holds(scene: &Scene<'_>, hold: &Hold) -> String {
    let probably = if hold.certainty == Certainty::Certain { "" } else { " probably" };
    let verb = match hold.role {
        Role::Sender => "sends to",
        Role::Receiver => "receives from",
        Role::Runs => "runs",
        _ => "holds",
    };
    format!("{}{probably} {verb}", party(scene, hold.by))
}

/// `` (`from` in bank::transfer)``: the variable that has it, where that is known.
pub(super) fn variable(hold: &Hold) -> String {
    match (&hold.variable, &hold.function) {
        (Some(variable), Some(function)) => format!(" (`{variable}` in {})", short_function(function)),
        (None, Some(function)) => format!(" (in {})", short_function(function)),
        _ => String::new(),
    }
}

/// What a party does, after "it": `sleeps 10 s in store::flush (store.rs:88)`, `waits for a Mutex that task 4 holds`.
pub(super) fn does(scene: &Scene<'_>, of: Party) -> Option<String> {
    if let Some((node, wait)) = scene.wait_of(of) {
        let at = at(scene, of, wait.at);
        let mut holders = node.holders(wait);
        return Some(match (holders.next(), holders.next()) {
            (Some(hold), None) if hold.role != Role::Runs => {
                format!("waits for {} that {}{at}", object(node, wait), holds(scene, hold))
            }
            _ => format!("waits for {}{at}", object(node, wait)),
        });
    }
    match of {
        Party::Thread(id) => thread_does(scene, scene.thread(id)?),
        Party::Task(id) => match scene.polls(id) {
            Some(thread) => {
                let does = thread_does(scene, scene.thread(thread)?)?;
                Some(format!("{does} on thread {thread}"))
            }
            None => future_does(scene, of),
        },
        Party::BlockOn(id) => future_does(scene, of).or_else(|| thread_does(scene, scene.thread(id)?)),
        _ => None,
    }
}

/// What the one does who has what a thread waits for: `thread 9 "pusher" sleeps 10h 0m in shop::push (src/shop.rs:7)`.
pub(super) fn holder(scene: &Scene<'_>, thread: u32) -> Option<String> {
    let (node, wait) = scene.wait_of(Party::Thread(thread))?;
    let mut holders = node.holders(wait);
    let (Some(hold), None) = (holders.next(), holders.next()) else { return None };
    Some(format!("{} {}", party(scene, hold.by), does(scene, hold.by)?))
}

/// ` in shop::pay (src/shop.rs:7)`, or nothing.
pub(super) fn at(scene: &Scene<'_>, party: Party, at: Option<usize>) -> String {
    scene.place(party, at).map(|place| format!(" in {place}")).unwrap_or_default()
}

/// What a thread does, by the scheduler and its system call.
pub(super) fn thread_does(scene: &Scene<'_>, thread: &Thread) -> Option<String> {
    let place = at(scene, Party::Thread(thread.id), None);
    let since = since(scene, Party::Thread(thread.id));
    if thread.state == State::Running {
        return Some(format!("runs{place}"));
    }
    let wait = thread.wait.as_ref()?;
    let call = crate::section::threads::system_call(wait);
    Some(match &wait.resource {
        Some(Resource::Time(time)) => format!("sleeps {}{place}{since}", duration(*time)),
        Some(Resource::Descriptor { number, target: Some(target) }) => {
            format!("is in {call} on descriptor {number}, {target}{place}{since}")
        }
        Some(Resource::Descriptor { number, target: None }) => {
            format!("is in {call} on descriptor {number}{place}{since}")
        }
        _ if call.contains("nanosleep") => format!("sleeps{place}{since}"),
        _ if call.starts_with("futex") => format!("waits{place}{since}"),
        _ => format!("is in {call}{place}{since}"),
    })
}

fn future_does(scene: &Scene<'_>, of: Party) -> Option<String> {
    let (place, since) = (at(scene, of, None), since(scene, of));
    Some(match scene.future(of)?.state {
        TaskState::Running => "is being polled".to_owned(),
        TaskState::Scheduled => format!("is woken and waits for a worker{place}"),
        TaskState::NotStarted => "was never polled".to_owned(),
        _ => match fires_in(scene, of) {
            Some(left) => format!("sleeps{place}, {} more{since}", duration(left)),
            None => format!("waits{place}{since}"),
        },
    })
}

/// How long the timer that is all a future waits for will take.
pub(super) fn fires_in(scene: &Scene<'_>, of: Party) -> Option<Duration> {
    let (task, chain) = (scene.future(of)?, scene.chain(of)?);
    let last = super::place::stem(chain).len().checked_sub(1).filter(|last| last + 1 == chain.len())?;
    task.particulars.iter().find_map(|own| match own.fact {
        Fact::FiresIn(left) if own.step == last => Some(left),
        _ => None,
    })
}

/// For how long it has been so, where that is known: `, for at least 12 s`. Of a task whose polls are not counted
/// it is known only where it stood: `, where it stood 12 s ago`.
pub(super) fn since(scene: &Scene<'_>, of: Party) -> String {
    let Some(time) = scene.stood(of) else { return String::new() };
    if is_measured(scene, of) {
        format!(", for at least {}", duration(time))
    } else {
        format!(", where it stood {} ago", duration(time))
    }
}

/// Whether it is known that it has not moved, and not only that it stands where it stood.
pub(super) fn is_measured(scene: &Scene<'_>, of: Party) -> bool {
    match of {
        Party::Task(id) => scene.task(id).is_some_and(|task| task.polls.is_some()),
        _ => true,
    }
}
