//! Remarks on the threads, for "look at": locks that several wait for, threads without a stack.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use gmr_inspect::threads::{Missing, Resource, Stack, Thread};

use super::grouping::Group;

/// Threads that stand in the function that waits for a lock, by the address they wait on. A condition or
/// an idle pool also sleeps in a futex and is no reason to look.
pub(super) fn locks(groups: &[Group<'_>]) -> Vec<String> {
    let mut waiters: BTreeMap<u64, usize> = BTreeMap::new();
    for thread in groups.iter().filter(|group| waits_for_lock(group)).flat_map(|group| &group.threads) {
        if let Some(Resource::Futex(address)) = thread.wait.as_ref().and_then(|wait| wait.resource.as_ref()) {
            *waiters.entry(*address).or_default() += 1;
        }
    }
    let mut waiters: Vec<_> = waiters.into_iter().filter(|(_, count)| *count > 1).collect();
    waiters.sort_by_key(|(_, count)| Reverse(*count));
    waiters
        .into_iter()
        .map(|(address, count)| format!("{count} threads wait for the lock at {address:#x}"))
        .collect()
}

/// Parts of the names of functions that wait for a lock: std's, parking_lot's and the C library's.
const LOCKS: [&str; 8] = [
    "lock_contended",
    "read_contended",
    "write_contended",
    "lock_slow",
    "lll_lock_wait",
    "rwlock_rdlock",
    "rwlock_wrlock",
    "pthread_mutex_lock",
];

fn waits_for_lock(group: &Group<'_>) -> bool {
    let mut symbols = group.frames().iter().flat_map(|frame| frame.symbols.iter()).take(8);
    symbols.any(|symbol| LOCKS.iter().any(|name| symbol.function.contains(name)))
}

/// Threads of the application that have no stack. The reporter's own ones, which begin with `gmr` and let
/// no signal in, are no reason to look.
pub(super) fn without_stack(threads: &[Thread]) -> Option<String> {
    let is_own = |thread: &Thread| crate::own_threads::is_ours(&thread.name);
    let without = |thread: &&Thread| match &thread.stack {
        Stack::Missing(Missing::Ended | Missing::NoUserStack) | Stack::Captured { .. } => false,
        Stack::Missing(_) => !is_own(thread),
    };
    match threads.iter().filter(without).count() {
        0 => None,
        1 => Some("1 thread has no stack; its reason stands with it".to_owned()),
        count => Some(format!("{count} threads have no stack; the reasons stand with them")),
    }
}
