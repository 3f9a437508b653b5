//! One look at all tasks: the runtimes' figures, the walk where it can be had, the registered tasks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::clock::coarse_nanoseconds;
use super::metrics;
use super::model::{Chain, Options, Rung, Snapshot, SourceLine, Task, TaskState};
use super::registry::{Reading, readings};

/// Looks at the tasks of the runtimes that it was made for, and at all registered futures.
///
/// ```
/// use gmr_inspect::tasks::{Inspector, Options};
///
/// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// let inspector = Inspector::new([runtime.handle().clone()]);
/// let snapshot = inspector.look(&Options::default());
/// assert_eq!(snapshot.runtimes[0].flavor, "current_thread");
/// ```
pub struct Inspector {
    handles: Vec<Handle>,
}

impl Inspector {
    /// An inspector of these runtimes. A handle does not keep its runtime running.
    pub fn new(handles: impl IntoIterator<Item = Handle>) -> Self {
        Inspector { handles: handles.into_iter().collect() }
    }

    /// All tasks at about this moment. Never blocks on anything that the program holds.
    pub fn look(&self, options: &Options) -> Snapshot {
        let began = Instant::now();
        let mut tasks: Vec<Task> = readings()
            .into_iter()
            .take(options.max_tasks)
            .map(|(_, reading)| registered(&reading, coarse_nanoseconds()))
            .collect();
        tasks.sort_by_key(|task| task.id);
        Snapshot {
            runtimes: self.handles.iter().map(metrics::runtime).collect(),
            tasks,
            rung: Rung::Registered("chains are not decoded in this version".to_owned()),
            took: began.elapsed(),
            ..Snapshot::default()
        }
    }
}

/// As [`Inspector::look`], for a program that looks once.
pub fn look(handles: &[Handle], options: &Options) -> Snapshot {
    Inspector::new(handles.iter().cloned()).look(options)
}

/// A registered future as a task of its own.
fn registered(reading: &Reading, now: u64) -> Task {
    let since = |then: u64| Duration::from_nanos(now.saturating_sub(then));
    Task {
        id: reading.task.unwrap_or(reading.id),
        runtime: None,
        name: reading.name.clone(),
        future: (reading.kind.type_name)().to_owned(),
        state: match reading {
            Reading { polling: true, .. } => TaskState::Running,
            Reading { polls: 0, .. } => TaskState::NotStarted,
            _ => TaskState::Idle,
        },
        spawned_at: Some(SourceLine {
            file: reading.location.file().to_owned(),
            line: reading.location.line(),
        }),
        age: Some(since(reading.created)),
        idle: (!reading.polling && reading.polls > 0).then(|| since(reading.poll_ended)),
        polls: Some(reading.polls),
        poll_time: Some(Duration::from_nanos(reading.poll_time)),
        polling: reading.polling.then(|| since(reading.poll_began)),
        running_on: (reading.polling && reading.thread != 0).then_some(reading.thread),
        chain: Chain::Unknown(Arc::from("not decoded")),
    }
}
