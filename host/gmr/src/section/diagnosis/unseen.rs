//! Rule: what this report could not see and another one may, in one line.
//!
//! It fires for threads without a stack, for tasks that were not reached in time, for debug information that is
//! still being read, and for waits that were not followed where the holder of a lock is missing. It does not for
//! what can never be seen in this program: its section says that.

use gmr_inspect::holds::{Kind, Node};
use gmr_inspect::tasks::Rung;
use gmr_inspect::threads::{Missing, Stack, Thread};
use gmr_report::words::counted;

use super::scene::Scene;
use super::{Entry, Rank};
use crate::section::green_threads::words_of_reason;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Entry> {
    let mut parts = Vec::new();
    match scene.capture.threads.iter().filter(|thread| is_without_stack(thread)).count() {
        0 => {}
        1 => parts.push("1 thread has no stack; its reason stands with it".to_owned()),
        count => parts.push(format!("{count} threads have no stack; the reasons stand with them")),
    }
    if let Rung::Registered(reason) = &scene.snapshot.rung
        && reason.is_passing()
    {
        parts.push(format!("tasks that are not registered: {}", words_of_reason(reason)));
    }
    if let count @ 1.. = scene.snapshot.not_reached as u64 {
        let verb = if count == 1 { "was" } else { "were" };
        parts.push(format!("{} {verb} not reached in time", counted(count, "task")));
    }
    if let count @ 1.. = scene.graph.not_examined as u64
        && scene.graph.nodes.iter().any(is_held_by_nobody)
    {
        let (were, them) = if count == 1 { ("was", "it") } else { ("were", "them") };
        parts.push(format!("{} {were} not followed to all who may hold {them} up", counted(count, "wait")));
    }
    if parts.is_empty() {
        return Vec::new();
    }
    vec![Entry { rank: Rank::Unseen, weight: 0, lines: vec![format!("not seen: {}", parts.join("; "))] }]
}

/// A lock for which somebody waits, and of which nobody was found to have it.
fn is_held_by_nobody(node: &Node) -> bool {
    let is_lock = matches!(node.object.kind, Kind::Mutex | Kind::RwLock | Kind::Once);
    is_lock && node.holds.is_empty() && node.waiters().next().is_some()
}

/// Threads of the application that have no stack. The reporter's own ones, which begin with `gmr` and let no signal
/// in, are no reason to look.
fn is_without_stack(thread: &Thread) -> bool {
    match &thread.stack {
        Stack::Missing(Missing::Ended | Missing::NoUserStack) | Stack::Captured { .. } => false,
        Stack::Missing(_) => !crate::own_threads::is_ours(&thread.name),
    }
}
