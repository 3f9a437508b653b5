//! Rule: lost wake-ups. Tasks that wait and have left nobody a waker.
//!
//! It fires for a task that awaits one single thing, which has no waker of it: a hand-written future that returned pending without
//! having been polled through, as a rule. It does not for tasks that await several things, since another one may wake them, nor for
//! those that are woken already.

use gmr_inspect::holds::{Node, Party, Progress, Wait};
use gmr_inspect::tasks::TaskState;

use super::scene::Scene;
use super::{Entry, Rank, place, words};

/// No more tasks have a line.
const MOST_LINES: usize = 4;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Entry> {
    let nodes = scene.graph.nodes.iter();
    let lost: Vec<(&Node, &Wait)> = nodes
        .flat_map(|node| node.waiters().map(move |wait| (node, wait)))
        .filter(|(_, wait)| wait.progress == Progress::NoWaker && is_alone(scene, wait.by))
        .collect();
    let Some(((node, wait), more)) = lost.split_first() else { return Vec::new() };
    let line = |node: &Node, wait: &Wait| {
        let place = words::at(scene, wait.by, wait.at);
        format!("{} waits for {}{place}", words::party(scene, wait.by), words::object(node, wait))
    };
    let mut lines = Vec::new();
    if more.is_empty() {
        lines.push(format!("{}, and nobody will wake it: it has left no waker", line(node, wait)));
    } else {
        lines.push(format!("nobody will wake {} tasks, which have left no waker", lost.len()));
        lines.extend(lost.iter().take(MOST_LINES).map(|(node, wait)| line(node, wait)));
        if let more @ 1.. = lost.len().saturating_sub(MOST_LINES) {
            lines.push(format!("and {more} more"));
        }
    }
    vec![Entry { rank: Rank::LostWakeup, weight: lost.len(), lines }]
}

/// Whether it is a task that awaits one thing, and is not about to run.
fn is_alone(scene: &Scene<'_>, party: Party) -> bool {
    let Party::Task(id) = party else { return false };
    let is_idle = scene.task(id).is_some_and(|task| task.state == TaskState::Idle);
    is_idle && scene.chain(party).is_some_and(|chain| place::stem(chain).len() == chain.len())
}
