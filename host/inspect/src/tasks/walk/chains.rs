//! From what a run found to the values that callers get; equal chains are made once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use crate::tasks::decode::{Branch, Fact, Node, Progress, StateKind};
use crate::tasks::model::{Await, SourceLine};

/// What a chain was made of, and the chain.
type Made = (Box<[Node]>, Arc<[Await]>);

/// Chains made for one look.
pub(crate) struct Chains {
    /// By their fingerprint: comparing the names of sixty nodes for each of ten thousand tasks would cost more
    /// than making them anew.
    made: HashMap<u64, Made>,
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
    pub(crate) fn make(&mut self, nodes: &[Node], truncated: bool) -> Arc<[Await]> {
        // Deadlines are each task's own.
        let shared = !truncated && !nodes.iter().any(|node| matches!(node.fact, Fact::Deadline { .. }));
        let fingerprint = if shared { fingerprint(nodes) } else { 0 };
        if let (true, Some((same, made))) = (shared, self.made.get(&fingerprint))
            && **same == *nodes
        {
            return Arc::clone(made);
        }
        let mut awaits: Vec<Await> = nodes.iter().map(|node| self.make_one(node)).collect();
        if let (Some(last), true) = (awaits.last_mut(), truncated) {
            last.detail = Some("too large to be read to its end".to_owned());
        }
        let made: Arc<[Await]> = awaits.into();
        if shared {
            self.made.insert(fingerprint, (nodes.into(), Arc::clone(&made)));
        }
        made
    }

    fn make_one(&self, node: &Node) -> Await {
        let (mut detail, mut individual) = (None, None);
        match &node.fact {
            Fact::None => {}
            Fact::Deadline { seconds, nanoseconds } => {
                let deadline =
                    Duration::from_secs(*seconds).saturating_add(Duration::from_nanos(*nanoseconds));
                individual = Some(self.fires(deadline));
            }
            Fact::Task(id) => individual = Some(format!("task {id}")),
            Fact::Descriptor(number) => individual = Some(format!("descriptor {number}")),
            Fact::Permits { free, semaphore } => {
                detail = Some(format!("{free} permits"));
                individual = Some(format!("semaphore {semaphore:#x}"));
            }
            Fact::Futures { count, more: false } => detail = Some(format!("{count} futures")),
            Fact::Futures { count, more: true } => detail = Some(format!("more than {count} futures")),
            Fact::Tasks(count) => detail = Some(format!("{count} tasks")),
            Fact::NotDescribed => {
                detail = Some("its type is not in the debug information".to_owned());
            }
        }
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
            location: node
                .place
                .as_ref()
                .map(|(file, line)| SourceLine { file: file.to_string(), line: *line }),
            detail,
            individual,
        }
    }

    fn fires(&self, deadline: Duration) -> String {
        match deadline.checked_sub(self.now) {
            Some(left) => format!("fires in {:.1} s", left.as_secs_f64()),
            None => format!("due {:.1} s ago", self.now.saturating_sub(deadline).as_secs_f64()),
        }
    }
}

/// Nearly unique to a chain. Names count by where they lie: a plan has its own.
fn fingerprint(nodes: &[Node]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for node in nodes {
        (node.depth, node.label.as_ptr().addr(), node.place.as_ref().map(|(_, line)| *line))
            .hash(&mut hasher);
        node.fact.hash(&mut hasher);
    }
    hasher.finish()
}
