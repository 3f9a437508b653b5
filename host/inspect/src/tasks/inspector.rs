//! One look at all tasks: the runtimes' figures, the walk where it can be had, the registered tasks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::merge;
use super::metrics;
use super::model::{Options, Rung, Snapshot, Task};
#[cfg(target_os = "linux")]
use super::preparation::{self, Haste};
use super::registry::{Reading, Slot, readings};

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
#[derive(Clone, Debug)]
pub struct Inspector {
    handles: Arc<[Handle]>,
}

impl Inspector {
    /// An inspector of these runtimes. A handle does not keep its runtime running. It does nothing yet:
    /// the debug information is read by [`Inspector::prepare`] or the first look.
    pub fn new(handles: impl IntoIterator<Item = Handle>) -> Self {
        Inspector { handles: handles.into_iter().collect() }
    }

    /// Reads the executable's debug information ahead of the first look, in a thread of the lowest
    /// priority that ends with it. Once per process; later calls do nothing.
    ///
    /// It takes 50 ms to a second of processor time and for that time as much memory as the executable has
    /// debug information; a few megabytes are kept.
    pub fn prepare(&self) {
        #[cfg(target_os = "linux")]
        preparation::start(Haste::Whenever);
    }

    /// Breaks off what [`Inspector::prepare`] began, if it is still under way, and returns when its thread has
    /// ended. What is ready stays, for the other inspectors of this process.
    pub fn stop_preparing(&self) {
        #[cfg(target_os = "linux")]
        preparation::stop();
    }

    /// Waits for what [`Inspector::prepare`] began, at the most for `patience`.
    ///
    /// # Errors
    ///
    /// The reason why chains cannot be read in this process, or not yet.
    pub fn prepared(&self, patience: Duration) -> Result<(), String> {
        #[cfg(target_os = "linux")]
        return preparation::wait(after(Instant::now(), patience));
        #[cfg(not(target_os = "linux"))]
        {
            let _ = patience;
            Err(NOT_HERE.to_owned())
        }
    }

    /// All tasks at about this moment. It stops nobody, waits for nothing that the program holds, and keeps
    /// to [`Options::deadline`]; if the debug information is not read by then, registered tasks are listed
    /// without their chains and [`Snapshot::rung`] has the reason.
    pub fn look(&self, options: &Options) -> Snapshot {
        let began = Instant::now();
        let mut snapshot =
            Snapshot { runtimes: self.handles.iter().map(metrics::runtime).collect(), ..Snapshot::default() };
        let registered = readings();
        let unlisted = self.chains(&registered, options, began, &mut snapshot);
        let room = options.max_tasks.saturating_sub(snapshot.tasks.len());
        snapshot.not_reached += unlisted.len().saturating_sub(room);
        snapshot.tasks.extend(unlisted.into_iter().take(room));
        snapshot.took = began.elapsed();
        snapshot
    }

    /// Puts the walk's tasks into the snapshot and returns the registered futures that it did not list.
    #[cfg(target_os = "linux")]
    fn chains(
        &self,
        registered: &[(&'static Slot, Reading)],
        options: &Options,
        began: Instant,
        snapshot: &mut Snapshot,
    ) -> Vec<Task> {
        if self.handles.is_empty() && registered.is_empty() {
            return Vec::new();
        }
        let deadline = after(began, options.deadline);
        let walked = preparation::with_engine(deadline, |engine| {
            engine.walk(&self.handles, registered, options.max_tasks, deadline)
        });
        match walked {
            Ok(walked) => {
                snapshot.rung = Rung::DebugInformation;
                merge::with_walk(walked, registered, snapshot)
            }
            Err(reason) => {
                let why: Arc<str> = Arc::from(reason.as_str());
                snapshot.rung = Rung::Registered(reason);
                merge::by_themselves(registered, &why)
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn chains(
        &self,
        registered: &[(&'static Slot, Reading)],
        _options: &Options,
        _began: Instant,
        snapshot: &mut Snapshot,
    ) -> Vec<Task> {
        if !self.handles.is_empty() || !registered.is_empty() {
            snapshot.rung = Rung::Registered(NOT_HERE.to_owned());
        }
        merge::by_themselves(registered, &Arc::from(NOT_HERE))
    }
}

/// A moment that far ahead; a year where the clock cannot tell one that far.
#[cfg(target_os = "linux")]
fn after(moment: Instant, span: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    moment + span.min(YEAR)
}

#[cfg(not(target_os = "linux"))]
const NOT_HERE: &str = "chains are read on Linux only";

/// As [`Inspector::look`], for a program that looks once.
pub fn look(handles: &[Handle], options: &Options) -> Snapshot {
    Inspector::new(handles.iter().cloned()).look(options)
}
