//! Titles and summaries of chains: how many tasks, their name, for how long they have waited, their state.

use std::time::Duration;

use gmr_inspect::tasks::{Task, TaskState};
use gmr_report::words::{duration, short_path};

use super::grouping::{Group, known};

/// `212 tasks, the longest for 33.1 s`, or `task 3  "gc"`. `stood` tells how long ago a task was seen where it stands: of those
/// whose waits are not timed no more is known.
pub(super) fn title(group: &Group<'_>, stood: impl Fn(u64) -> Option<Duration>) -> String {
    let first = group.tasks[0];
    let mut title = match group.tasks.len() {
        1 => format!("task {}", first.id),
        count => format!("{count} tasks"),
    };
    let names: Vec<&str> = group.tasks.iter().filter_map(|task| task.name.as_deref()).collect();
    if let [name, rest @ ..] = &names[..]
        && rest.iter().all(|other| other == name)
    {
        title.push_str(&format!("  \"{name}\""));
    }
    match (group.longest(), group.tasks.len()) {
        (None, count) => {
            let times: Vec<Duration> = group.tasks.iter().filter_map(|task| stood(task.id)).collect();
            let ago = times.iter().min().map(|time| format!("{} ago", duration(*time)));
            match (ago, times.len()) {
                (None, _) => {}
                (Some(ago), 1) if count == 1 => title.push_str(&format!(", where it stood {ago}")),
                (Some(ago), some) if some == count => title.push_str(&format!(", where they stood {ago}")),
                (Some(ago), some) => title.push_str(&format!(", {some} of them where they stood {ago}")),
            }
        }
        (Some(idle), 1) => title.push_str(&format!(", for {}", duration(idle))),
        (Some(idle), _) => title.push_str(&format!(", the longest for {}", duration(idle))),
    }
    title
}

/// `waiting, spawned at src/main.rs:7`; and the future where no chain begins with it.
pub(super) fn lines(group: &Group<'_>) -> Vec<String> {
    let first = group.tasks[0];
    let mut parts = vec![state(first.state).to_owned()];
    if let [Task { running_on: Some(thread), .. }] = group.tasks[..] {
        parts.push(format!("on thread {thread}"));
    }
    if let Some(place) = &first.spawned_at {
        parts.push(format!("spawned at {}:{}", short_path(&place.file), place.line));
    }
    if let ([_], Some(polls)) = (&group.tasks[..], first.polls) {
        parts.push(if polls == 1 { "polled once".to_owned() } else { format!("polled {polls} times") });
    }
    let mut lines = vec![parts.join(", ")];
    if known(first).is_none() {
        lines.push(first.future.to_string());
    }
    lines
}

/// What a task is doing.
pub(super) fn state(state: TaskState) -> &'static str {
    match state {
        TaskState::Running => "running",
        TaskState::Scheduled => "woken, waits for a worker",
        TaskState::Idle => "waiting",
        TaskState::NotStarted => "not polled yet",
        _ => "in an unknown state",
    }
}
