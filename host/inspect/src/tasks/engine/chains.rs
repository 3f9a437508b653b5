//! Chains as callers get them, made of what a decoding found; equal chains are made once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use crate::tasks::decode::{Branch, Detail, Node, Progress, StateKind};
use crate::tasks::found::Made;
use crate::tasks::model::{Await, Fact, Particular, SourceLine};

/// What a chain was made of, and the chain.
type Shared = (Box<[Node]>, Arc<[Await]>);

/// Chains made for one look.
pub(crate) struct Chains {
    /// By their fingerprint, with what each was made of: comparing the names of sixty nodes for each of ten thousand
    /// tasks would cost more than making them anew.
    made: HashMap<u64, Shared>,
    /// On the clock that tokio's deadlines are on.
    now: Duration,
}

impl Chains {
    pub(crate) fn new() -> Self {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let now =
            Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0));
        Chains { made: HashMap::new(), now }
    }

    /// The chain of these nodes; the last of them says so if the chain is cut.
    pub(crate) fn make(&mut self, nodes: &[Node], cut: Option<Fact>) -> Made {
        Made { awaits: self.awaits(nodes, cut), particulars: self.particulars(nodes) }
    }

    fn awaits(&mut self, nodes: &[Node], cut: Option<Fact>) -> Arc<[Await]> {
        if let Some(cut) = cut {
            let mut awaits: Vec<Await> = make(nodes).collect();
            if let Some(last) = awaits.last_mut() {
                last.facts.push(cut);
            }
            return awaits.into();
        }
        let fingerprint = fingerprint(nodes);
        if let Some((same, made)) = self.made.get(&fingerprint)
            && same.len() == nodes.len()
            && same.iter().zip(nodes).all(|(one, other)| one.stands_with(other))
        {
            return Arc::clone(made);
        }
        let made: Arc<[Await]> = make(nodes).collect();
        self.made.insert(fingerprint, (nodes.into(), Arc::clone(&made)));
        made
    }

    fn particulars(&self, nodes: &[Node]) -> Vec<Particular> {
        let own = |node: &Node| match node.detail {
            Detail::Deadline { seconds, nanoseconds } => {
                let deadline = Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanoseconds));
                Some(self.fires(deadline))
            }
            Detail::Task(id) => Some(Fact::Task(id)),
            Detail::Descriptor { number, .. } => Some(Fact::Descriptor(number)),
            Detail::Permits { semaphore, .. } => Some(Fact::Semaphore(semaphore)),
            Detail::Span(ref name) => Some(Fact::Span(Arc::clone(name))),
            Detail::None
            | Detail::Futures { .. }
            | Detail::Tasks(_)
            | Detail::MadeFor(_)
            | Detail::NotDescribed => None,
        };
        let steps = nodes.iter().enumerate();
        let facts = |node: &Node| own(node).into_iter().chain(peer(node));
        steps.flat_map(|(step, node)| facts(node).map(move |fact| Particular { step, fact })).collect()
    }

    fn fires(&self, deadline: Duration) -> Fact {
        match deadline.checked_sub(self.now) {
            Some(left) => Fact::FiresIn(left),
            None => Fact::Overdue(self.now.saturating_sub(deadline)),
        }
    }
}

/// The other end of the socket that it waits for.
fn peer(node: &Node) -> Option<Fact> {
    match &node.detail {
        Detail::Descriptor { peer, .. } => peer.as_ref().map(|peer| Fact::Peer(Arc::clone(peer))),
        _ => None,
    }
}

fn make(nodes: &[Node]) -> impl Iterator<Item = Await> {
    nodes.iter().enumerate().map(|(step, node)| {
        let below = nodes[step + 1..].iter().take_while(|below| below.depth > node.depth);
        make_one(node, &mut below.map(|below| &below.label))
    })
}

/// An await, given what it awaits itself.
fn make_one(node: &Node, below: &mut dyn Iterator<Item = &Arc<str>>) -> Await {
    let shared: Vec<Fact> = match &node.detail {
        Detail::Permits { free, .. } => vec![Fact::Permits(*free)],
        Detail::Futures { count, more } => vec![Fact::Futures { count: *count, more: *more }],
        Detail::Tasks(count) => vec![Fact::Tasks(*count)],
        Detail::NotDescribed => vec![Fact::NotDescribed],
        Detail::MadeFor(functions) => {
            // What it awaits has a line of its own.
            let awaited: Vec<_> = below.filter(|label| functions.contains(label)).collect();
            let left = functions.iter().filter(|function| !awaited.contains(function));
            left.map(|function| Fact::MadeFor(Arc::clone(function))).collect()
        }
        Detail::None
        | Detail::Deadline { .. }
        | Detail::Task(_)
        | Detail::Descriptor { .. }
        | Detail::Span(_) => Vec::new(),
    };
    let progress = match node.progress {
        Some(Progress::State(StateKind::NotStarted)) => Some(Fact::NotStarted),
        Some(Progress::State(StateKind::Finished)) => Some(Fact::Finished),
        _ => None,
    };
    let alike = (node.alike > 0).then_some(Fact::Alike(node.alike));
    Await {
        depth: node.depth,
        branch: match &node.branch {
            Branch::Only => None,
            Branch::Named(name) => Some(name.to_string()),
            Branch::Index(index) => Some(format!("[{index}]")),
        },
        future: node.label.to_string(),
        location: node.place.as_ref().map(|(file, line)| SourceLine { file: file.to_string(), line: *line }),
        facts: shared.into_iter().chain(progress).chain(alike).collect(),
    }
}

/// Nearly unique to a chain. Names count by where they lie: a plan has its own.
fn fingerprint(nodes: &[Node]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for node in nodes {
        (node.depth, node.alike, node.label.as_ptr().addr(), node.place.as_ref().map(|(_, line)| *line))
            .hash(&mut hasher);
        node.detail.shared().hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(label: &Arc<str>, detail: Detail) -> Node {
        Node {
            depth: 0,
            branch: Branch::Only,
            label: Arc::clone(label),
            place: None,
            detail,
            progress: None,
            awaited: false,
            alike: 0,
        }
    }

    #[test]
    fn tasks_in_one_place_share_their_chain_and_keep_what_is_their_own() {
        let (sleep, acquire) = (Arc::from("Sleep"), Arc::from("Acquire"));
        let mut chains = Chains::new();
        let deadline = |seconds| Detail::Deadline { seconds, nanoseconds: 0 };
        let past = chains.make(&[node(&sleep, Detail::None), node(&sleep, deadline(0))], None);
        let future = chains.make(&[node(&sleep, Detail::None), node(&sleep, deadline(u64::MAX))], None);
        assert!(Arc::ptr_eq(&past.awaits, &future.awaits));
        let now = chains.now;
        assert_eq!(past.particulars, [Particular::new(1, Fact::Overdue(now))]);
        let left = Duration::from_secs(u64::MAX) - now;
        assert_eq!(future.particulars, [Particular::new(1, Fact::FiresIn(left))]);

        let permits = |free, semaphore| [node(&acquire, Detail::Permits { free, semaphore })];
        let (first, same) = (chains.make(&permits(0, 16), None), chains.make(&permits(0, 32), None));
        assert!(Arc::ptr_eq(&first.awaits, &same.awaits));
        assert_eq!(first.particulars, [Particular::new(0, Fact::Semaphore(16))]);
        assert_eq!(same.particulars, [Particular::new(0, Fact::Semaphore(32))]);
        let other = chains.make(&permits(1, 16), None);
        assert_eq!(other.awaits[0].facts, [Fact::Permits(1)]);
        assert_eq!(first.awaits[0].facts, [Fact::Permits(0)]);
    }
}
