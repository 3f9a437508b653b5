//! From what a run found to the values that callers get; equal chains are made once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use crate::tasks::decode::{Branch, Fact, Node, Progress, StateKind};
use crate::tasks::model::{Await, Particular, SourceLine};

/// A task's chain.
#[derive(Debug)]
pub(crate) struct Made {
    /// Shared by all tasks that wait in the same place.
    pub(crate) awaits: Arc<[Await]>,
    /// What is this task's own.
    pub(crate) particulars: Vec<Particular>,
}

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

    /// The chain of these nodes; the last of them says so if the chain is not complete.
    pub(crate) fn make(&mut self, nodes: &[Node], truncated: bool) -> Made {
        Made { awaits: self.awaits(nodes, truncated), particulars: self.particulars(nodes) }
    }

    fn awaits(&mut self, nodes: &[Node], truncated: bool) -> Arc<[Await]> {
        if truncated {
            let mut awaits: Vec<Await> = nodes.iter().map(make_one).collect();
            if let Some(last) = awaits.last_mut() {
                last.detail = Some("too large to be read to its end".to_owned());
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
        let made: Arc<[Await]> = nodes.iter().map(make_one).collect();
        self.made.insert(fingerprint, (nodes.into(), Arc::clone(&made)));
        made
    }

    fn particulars(&self, nodes: &[Node]) -> Vec<Particular> {
        let text = |node: &Node| match node.fact {
            Fact::Deadline { seconds, nanoseconds } => {
                let deadline = Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanoseconds));
                Some(self.fires(deadline))
            }
            Fact::Task(id) => Some(format!("task {id}")),
            Fact::Descriptor(number) => Some(format!("descriptor {number}")),
            Fact::Permits { semaphore, .. } => Some(format!("semaphore {semaphore:#x}")),
            Fact::None | Fact::Futures { .. } | Fact::Tasks(_) | Fact::NotDescribed => None,
        };
        let told = nodes.iter().enumerate();
        told.filter_map(|(step, node)| Some(Particular { step, text: text(node)? })).collect()
    }

    fn fires(&self, deadline: Duration) -> String {
        match deadline.checked_sub(self.now) {
            Some(left) => format!("fires in {:.1} s", left.as_secs_f64()),
            None => format!("due {:.1} s ago", self.now.saturating_sub(deadline).as_secs_f64()),
        }
    }
}

fn make_one(node: &Node) -> Await {
    let mut detail = match node.fact {
        Fact::Permits { free, .. } => Some(format!("{free} permits")),
        Fact::Futures { count, more: false } => Some(format!("{count} futures")),
        Fact::Futures { count, more: true } => Some(format!("more than {count} futures")),
        Fact::Tasks(count) => Some(format!("{count} tasks")),
        Fact::NotDescribed => Some("its type is not in the debug information".to_owned()),
        Fact::None | Fact::Deadline { .. } | Fact::Task(_) | Fact::Descriptor(_) => None,
    };
    match node.progress {
        Some(Progress::State(StateKind::NotStarted)) => detail = Some("not started".to_owned()),
        Some(Progress::State(StateKind::Finished)) => detail = Some("finished".to_owned()),
        _ => {}
    }
    Await {
        depth: node.depth,
        branch: match &node.branch {
            Branch::Only => None,
            Branch::Named(name) => Some(name.to_string()),
            Branch::Index(index) => Some(format!("[{index}]")),
        },
        future: node.label.to_string(),
        location: node.place.as_ref().map(|(file, line)| SourceLine { file: file.to_string(), line: *line }),
        detail,
    }
}

/// Nearly unique to a chain. Names count by where they lie: a plan has its own.
fn fingerprint(nodes: &[Node]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for node in nodes {
        (node.depth, node.label.as_ptr().addr(), node.place.as_ref().map(|(_, line)| *line))
            .hash(&mut hasher);
        node.fact.shared().hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(label: &Arc<str>, fact: Fact) -> Node {
        Node {
            depth: 0,
            branch: Branch::Only,
            label: Arc::clone(label),
            place: None,
            fact,
            progress: None,
            awaited: false,
        }
    }

    #[test]
    fn tasks_in_one_place_share_their_chain_and_keep_what_is_their_own() {
        let (sleep, acquire) = (Arc::from("Sleep"), Arc::from("Acquire"));
        let mut chains = Chains::new();
        let deadline = |seconds| Fact::Deadline { seconds, nanoseconds: 0 };
        let past = chains.make(&[node(&sleep, Fact::None), node(&sleep, deadline(0))], false);
        let future = chains.make(&[node(&sleep, Fact::None), node(&sleep, deadline(u64::MAX))], false);
        assert!(Arc::ptr_eq(&past.awaits, &future.awaits));
        let [Particular { step: 1, text: past }] = &past.particulars[..] else { panic!("{past:?}") };
        let [Particular { step: 1, text: future }] = &future.particulars[..] else { panic!("{future:?}") };
        assert!(past.starts_with("due ") && future.starts_with("fires in "), "{past}, {future}");

        let permits = |free, semaphore| [node(&acquire, Fact::Permits { free, semaphore })];
        let (first, same) = (chains.make(&permits(0, 16), false), chains.make(&permits(0, 32), false));
        assert!(Arc::ptr_eq(&first.awaits, &same.awaits));
        assert_ne!(first.particulars, same.particulars);
        let other = chains.make(&permits(1, 16), false);
        assert_eq!(other.awaits[0].detail.as_deref(), Some("1 permits"));
        assert_eq!(first.awaits[0].detail.as_deref(), Some("0 permits"));
    }
}
