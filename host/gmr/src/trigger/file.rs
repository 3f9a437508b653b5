//! The file trigger: a path whose change asks for a report.
//!
//! The kernel's events only say "look again": whether something has changed is told by comparing what the
//! path is now with what it was. So it does not matter which event came, how many, or in which order, and
//! one touch is one report. Where the kernel gives no events, the same look is taken at an interval.
//!
//! It looks on a thread of its own: a path on a server that is gone would hold up the worker, and with it every other
//! trigger. That thread has a table of descriptors of its own too, where no program closes them behind its back.

mod alarm;
mod fingerprint;
mod resolution;
mod watch;
mod watched_path;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use alarm::{Alarm, Remote};
use gmr_report::{Trigger, TriggerKind};
use watched_path::WatchedPath;

use super::{Mailbox, Received, TriggerSource};
use crate::channel::{Receiver, channel};
use crate::error::Error;
use crate::settings::Settings;
use crate::sink::OwnOutput;

/// How long `install` waits for the first look at the path. A change after `install` must not be missed; but a server of
/// files that is gone would hold it up for ever, and then the first look is taken when it is back.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// How long dropping the guard waits for the thread. It ends within milliseconds unless a look hangs.
const LAST_LOOK: Duration = Duration::from_secs(1);

pub(super) fn set_up(
    settings: &Settings,
    mailbox: &Arc<Mailbox>,
    output: &Arc<OwnOutput>,
) -> Result<Option<Box<dyn TriggerSource>>, Error> {
    let Some(path) = watched(settings) else { return Ok(None) };
    output.look_at_stderr();
    let trigger = FileTrigger::new(path, settings.file_event_handler_interval, mailbox, output)?;
    Ok(Some(Box::new(trigger)))
}

/// The path that the settings name, absolute, since the process may change its directory later.
pub(super) fn watched(settings: &Settings) -> Option<PathBuf> {
    let path = settings.file_event_handler.as_ref()?;
    Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
}

/// A watched path, as the worker knows it.
struct FileTrigger {
    path: PathBuf,
    shared: Arc<Shared>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

/// What the worker and the thread that looks tell each other.
struct Shared {
    changes: AtomicU32,
    stop: AtomicBool,
    /// Why nothing is watched any more, until that has been said.
    lost: Mutex<Option<&'static str>>,
    /// By what the worker wakes the thread, from the moment that it has it.
    remote: OnceLock<Remote>,
    mailbox: Arc<Mailbox>,
}

impl FileTrigger {
    /// Begins to watch. The path need not exist, nor its parents.
    fn new(
        path: PathBuf,
        interval: Duration,
        mailbox: &Arc<Mailbox>,
        output: &Arc<OwnOutput>,
    ) -> Result<FileTrigger, Error> {
        let shared = Arc::new(Shared {
            changes: AtomicU32::new(0),
            stop: AtomicBool::new(false),
            lost: Mutex::new(None),
            remote: OnceLock::new(),
            mailbox: mailbox.clone(),
        });
        let (alive, ended) = channel::<()>();
        let (ready, is_ready) = channel();
        let (theirs, output, watched) = (shared.clone(), output.clone(), path.clone());
        let run = move || {
            gmr_inspect::signals::block_all_in_this_thread();
            let _alive = alive;
            // After the limit there is no receiver.
            let ready = |refused| ready.send(refused);
            let look = || look_until_stopped(watched, interval, &theirs, output, ready);
            let ended = catch_unwind(AssertUnwindSafe(look));
            if let Err(why) = ended.unwrap_or(Err("a fault in gmr, please report it")) {
                *theirs.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                theirs.mailbox.wake();
            }
        };
        std::thread::Builder::new()
            .name("gmr-watch".to_owned())
            .spawn(run)
            .map_err(|error| Error::system("cannot start the thread that watches files", error))?;
        // Without an answer, the look goes on.
        match is_ready.receive(Instant::now() + FIRST_LOOK) {
            Ok(Some(refused)) => Err(Error::settings(refused)),
            Ok(None) | Err(_) => Ok(FileTrigger { path, shared, ended }),
        }
    }
}

impl TriggerSource for FileTrigger {
    fn received(&mut self) -> Option<Received> {
        if let Some(lost) = self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let path = self.path.display();
            return Some(Received::Notice(format!("gmr: {path} is not watched any more: {lost}\n")));
        }
        let count @ 1.. = self.shared.changes.swap(0, Ordering::AcqRel) else { return None };
        let mut trigger = Trigger::new(TriggerKind::File, self.path.display().to_string());
        trigger.count = count;
        Some(Received::Wanted(trigger))
    }
}

impl Drop for FileTrigger {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        // Where it cannot be woken, it ends with its next event.
        self.shared.remote.get().inspect(|remote| remote.wake());
        let _ = self.ended.receive(Instant::now() + LAST_LOOK);
    }
}

/// What the thread does. `ready` is called after the first look, with why the path cannot be a trigger.
///
/// # Errors
///
/// Why it cannot go on.
fn look_until_stopped(
    path: PathBuf,
    interval: Duration,
    shared: &Shared,
    output: Arc<OwnOutput>,
    ready: impl FnOnce(Option<String>),
) -> Result<(), &'static str> {
    // It is the first thing that the thread does: it holds no descriptor yet.
    gmr_inspect::private_descriptors::separate();
    let alarm = Alarm::new().inspect(|alarm| drop(shared.remote.set(alarm.remote()))).ok();
    let mut watched = WatchedPath::new(path, interval, alarm, output);
    if watched.is_stderr() {
        let what =
            "`gmr.file_event_handler` is the file of standard error: each report would ask for the next one";
        ready(Some(what.to_owned()));
        return Ok(());
    }
    ready(None);
    while !shared.stop.load(Ordering::Acquire) {
        if !watched.wait() {
            // Whoever has the numbers now keeps them.
            std::mem::forget(watched);
            return Err("the program has closed the descriptors of the watch");
        }
        if watched.changed(Instant::now()) {
            shared.changes.fetch_add(1, Ordering::AcqRel);
            shared.mailbox.wake();
        }
    }
    Ok(())
}
