//! Stacks of running tasks: those of the threads that poll them.
//!
//! A chain of awaits ends where the poll began; what is done since stands on the thread's stack. Such a stack is shown
//! only if its thread was seen at the task both before it was taken and after.

use gmr_inspect::tasks::tokio::is_poll_frame;
use gmr_inspect::tasks::{Polling, Task, TaskState};
use gmr_inspect::threads::{Capture, Stack, Thread};
use gmr_report::{Frame, NativeSection, NoStack, Reason, Trace, fold_from};

use crate::section::threads::translate;

/// What was seen of the threads before the look at the tasks.
#[derive(Default)]
pub(crate) struct Stacks {
    /// Which threads polled which tasks before the stacks were taken.
    pub(crate) polling: Vec<Polling>,
    /// The stacks, unless taking them failed.
    pub(crate) capture: Option<Capture>,
}

/// Tasks with one stack.
struct Group {
    threads: Vec<u32>,
    tasks: Vec<u64>,
    names: Vec<String>,
    stack: Result<Vec<Frame>, NoStack>,
}

impl Stacks {
    /// The stacks of the running ones among these tasks, equal ones together.
    pub(super) fn of(&self, tasks: &[&Task]) -> Vec<Trace> {
        let mut groups: Vec<Group> = Vec::new();
        for task in tasks.iter().filter(|task| task.state == TaskState::Running) {
            let Some(id) = task.running_on else { continue };
            let thread =
                self.capture.iter().flat_map(|capture| &capture.threads).find(|thread| thread.id == id);
            let stack = self.stack(task, id, thread);
            let name = thread.map(|thread| thread.name.clone()).unwrap_or_default();
            match groups.iter_mut().find(|group| group.stack == stack) {
                Some(group) => {
                    group.threads.push(id);
                    group.tasks.push(task.id);
                    group.names.push(name);
                }
                None => {
                    groups.push(Group { threads: vec![id], tasks: vec![task.id], names: vec![name], stack })
                }
            }
        }
        groups.into_iter().map(Group::trace).collect()
    }

    fn stack(&self, task: &Task, id: u32, thread: Option<&Thread>) -> Result<Vec<Frame>, NoStack> {
        // Nothing is seen as long as the debug information is being read: that is no denial.
        if self.polling.is_empty() {
            return Err(NoStack::NoPollsSeen);
        }
        if !self.polling.contains(&Polling::new(id, task.id)) {
            return Err(NoStack::CameLater);
        }
        match thread.map(|thread| &thread.stack) {
            Some(Stack::Captured { frames, method, .. }) => {
                let mut frames = translate::frames(frames, *method);
                // Of nested polls the innermost is the task's.
                if fold_from(&mut frames, is_poll_frame) {
                    frames.retain(|frame| !frame.folded);
                }
                // The whole stack stands in the section of the threads, where text shows it.
                frames.iter_mut().for_each(|frame| frame.folded = true);
                Ok(frames)
            }
            Some(Stack::Missing(missing)) => Err(translate::no_stack(missing)),
            None => Err(NoStack::NotListed),
        }
    }
}

impl Group {
    /// The threads are members of their own section: here nobody is counted again.
    fn trace(self) -> Trace {
        let title = match (&self.threads[..], &self.tasks[..], &self.names[..]) {
            ([thread], [task], [name]) => format!("task {task} runs on thread {thread}  \"{name}\""),
            (threads, tasks, _) => {
                format!("tasks {} run on threads {}", listed(tasks), listed(threads))
            }
        };
        let mut trace = Trace::stack(title);
        match self.stack {
            Ok(frames) => {
                trace.frames = frames;
                let stacks = if self.threads.len() == 1 { "its stack stands" } else { "their stack stands" };
                trace.summary.push(format!("{stacks} under {}", NativeSection::Threads.title()));
            }
            Err(reason) => trace.doubt = Some(Reason::NoStack(reason)),
        }
        trace
    }
}

fn listed(ids: &[impl ToString]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
