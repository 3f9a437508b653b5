//! Emergency reports: a second thread, which writes what can be seen of the threads when the reporter does not finish a
//! report within its deadline and a second more.
//!
//! The reporter allocates, and what it calls takes the dynamic loader's lock. A program that hangs may hang in just
//! those. So this thread needs neither: all that it uses was taken when it was started, it makes system calls alone,
//! and it waits for nothing without a limit. As long as no report is being made it sleeps without a timer.

mod output;
mod report;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gmr_inspect::emergency::{Capture, Watchdog};
use report::Reporter;

use crate::channel::{Receiver, channel};
use crate::section::package::Package;
use crate::settings::Settings;

/// How long after the deadline a report that is not finished is taken for stuck: reports keep to the deadline within
/// some milliseconds, and a loaded machine may stretch those.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// Its functions are shallow, and its buffers lie elsewhere.
const STACK: usize = 256 << 10;

/// How long its start and its end are waited for: both take microseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the reporter knows of the emergency reports.
#[derive(Clone, Default)]
pub(crate) struct EmergencyReports {
    /// How many were written since the reporter has told of them.
    written: Arc<AtomicU32>,
    /// Why there are none, if that is so.
    missing: Option<String>,
}

impl EmergencyReports {
    /// That some were written since this was asked last.
    pub(crate) fn remark(&self) -> Option<String> {
        match self.written.swap(0, Ordering::Relaxed) {
            0 => None,
            1 => Some("an emergency report was written, since a report was not finished in time".to_owned()),
            count => Some(format!(
                "{count} emergency reports were written, since a report was not finished in time"
            )),
        }
    }

    /// That there are none, and why.
    pub(crate) fn missing(&self) -> Option<String> {
        let reason = self.missing.as_ref()?;
        Some(format!("there will be no emergency report if a report is not finished in time: {reason}"))
    }
}

/// The second thread. Dropping this ends it.
pub(crate) struct Emergency {
    watchdog: Arc<Watchdog>,
    pub(crate) reports: EmergencyReports,
    thread: Option<(JoinHandle<()>, Receiver<()>)>,
}

impl Emergency {
    /// Starts it over the calling thread, which is the reporter. Where the system refuses what it needs, reports are
    /// made all the same, and say that.
    pub(crate) fn start(
        watchdog: Arc<Watchdog>,
        settings: &Settings,
        package: &Package,
        service: &str,
    ) -> Emergency {
        let mut emergency = Emergency { watchdog, reports: EmergencyReports::default(), thread: None };
        if let Err(error) = emergency.start_thread(settings, package, service) {
            // Where stacks cannot be read at all, nobody expects one.
            emergency.reports.missing =
                (error.kind() != std::io::ErrorKind::Unsupported).then(|| error.to_string());
        }
        emergency
    }

    fn start_thread(&mut self, settings: &Settings, package: &Package, service: &str) -> std::io::Result<()> {
        let capture = Capture::prepare()?;
        let mut reporter = Reporter::new(capture, settings, package, service);
        let mut waiter = self.watchdog.waiter(settings.deadline.saturating_add(GRACE));
        let written = self.reports.written.clone();
        let (alive, ended) = channel::<()>();
        let (ready, is_ready) = channel();
        let run = move || {
            // Dropped when the thread has nothing more to do.
            let _alive = alive;
            gmr_inspect::signals::block_all_in_this_thread();
            ready.send(());
            while let Some(overdue) = waiter.overdue() {
                // Before it is read: the reporter may go on at that moment.
                written.fetch_add(1, Ordering::Relaxed);
                reporter.report(overdue.after);
            }
        };
        let builder = std::thread::Builder::new().name("gmr-emergency".to_owned()).stack_size(STACK);
        self.thread = Some((builder.spawn(run)?, ended));
        // A thread that starts allocates and takes the loader's lock: it must have done so before they are stuck.
        let _ = is_ready.receive(Instant::now() + PATIENCE);
        Ok(())
    }
}

impl Drop for Emergency {
    fn drop(&mut self) {
        self.watchdog.stop();
        if let Some((thread, ended)) = self.thread.take() {
            // If it writes a report at this moment it is left behind.
            let _ = ended.receive(Instant::now() + PATIENCE);
            if thread.is_finished() {
                // What a panic in it was has been printed by the panic hook.
                let _ = thread.join();
            }
        }
    }
}
