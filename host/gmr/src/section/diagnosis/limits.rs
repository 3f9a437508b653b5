//! Rule: what limits the process is nearly used up: descriptors, memory, the queues of listening sockets.
//!
//! It fires from nine tenths on of `RLIMIT_NOFILE`, of `RLIMIT_AS`, and of the control group's memory without cached files; for a
//! listening socket when its queue is full, when it has grown since an earlier report, or when connections stand in it while
//! nobody is seen to be accepting: a task or `block_on`'s future waits for a permit. It does not for a queue that is only not empty.

use gmr_inspect::holds::{Hold, Kind, Party, Want};
use gmr_inspect::process::{Listening, Usage};
use gmr_report::words::{bytes, counted};

use super::scene::Scene;
use super::{Entry, Rank};
use super::{holder, words};

pub(super) fn find(scene: &Scene<'_>) -> Vec<Entry> {
    let usage = scene.utilization;
    let descriptors = usage
        .descriptors
        .filter(is_near)
        .map(|of| (of, format!("{} of {} descriptors are open", of.used, of.limit)));
    let memory = [
        (
            usage.control_group,
            "of its control group's memory is in use: the kernel ends the process at the limit",
        ),
        (usage.address_space, "of address space (RLIMIT_AS) is in use"),
    ];
    let memory = memory.into_iter().filter_map(|(of, what)| {
        let of = of.filter(is_near)?;
        Some((of, format!("{} of {} {what}", bytes(of.used), bytes(of.limit))))
    });
    let near = descriptors.into_iter().chain(memory).map(|(of, line)| {
        let rank = if of.used >= of.limit { Rank::UsedUp } else { Rank::NearlyUsedUp };
        Entry { rank, weight: 0, lines: vec![line] }
    });
    near.chain(usage.listening.iter().filter_map(|socket| queue(scene, socket))).collect()
}

fn is_near(usage: &Usage) -> bool {
    usage.used.saturating_mul(10) >= usage.limit.saturating_mul(9)
}

fn queue(scene: &Scene<'_>, socket: &Listening) -> Option<Entry> {
    let waiting = socket.not_accepted;
    let before = scene.standing.not_accepted(&socket.local);
    let instead = instead(scene).filter(|_| waiting > 0);
    let why = if waiting >= socket.limit {
        ", which is the most that may wait".to_owned()
    } else if let Some(before) = before.filter(|before| *before < waiting && *before > 0) {
        format!(", {before} at the report before")
    } else if instead.is_some() {
        String::new()
    } else {
        return None;
    };
    let count = counted(waiting.into(), "connection");
    let is = if waiting == 1 { "is" } else { "are" };
    let mut lines = vec![format!("{count} to {} {is} not accepted{why}", socket.local)];
    lines.extend(instead.unwrap_or_default());
    Some(Entry { rank: Rank::Queue, weight: waiting as usize, lines })
}

/// Who waits for a permit, as an accept loop does at its limit, and who has the permits. What `block_on` runs comes first.
fn instead(scene: &Scene<'_>) -> Option<Vec<String>> {
    let nodes = scene.graph.nodes.iter().filter(|node| node.object.kind == Kind::Semaphore);
    let waits = nodes.filter_map(|node| {
        let wait = node.waiters().next()?;
        (matches!(wait.want, Want::Permits(_)) && wait.permits == Some(0)).then_some((node, wait))
    });
    let (node, wait) = waits.min_by_key(|(_, wait)| !matches!(wait.by, Party::BlockOn(_)))?;
    let place = words::at(scene, wait.by, wait.at);
    let holders: Vec<&Hold> = node.holds.iter().filter(|hold| hold.role.blocks(wait.want)).collect();
    let mut lines = vec![format!("{} waits for a permit{place} meanwhile", words::party(scene, wait.by))];
    lines.extend(holder::told(scene, node, &holders));
    Some(lines)
}
