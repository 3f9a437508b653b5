//! The file trigger: a path whose change asks for a report.
//!
//! The kernel's events only say "look again": whether something has changed is told by comparing what the
//! path is now with what it was. So it does not matter which event came, how many, or in which order, and
//! one touch is one report. Where the kernel gives no events, the same look is taken at an interval.

mod fingerprint;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use fingerprint::Fingerprint;
use gmr_report::{Trigger, TriggerKind};
use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::{Mailbox, Received, TriggerSource};
use crate::error::Error;
use crate::settings::Settings;

/// Writing a file is several events (emptied, written, closed): they count as one change if they come
/// within this time. Well below what a person notices, well above what a shell needs for `>`.
const SETTLE: Duration = Duration::from_millis(5);

pub(super) fn set_up(
    settings: &Settings,
    mailbox: &Arc<Mailbox>,
) -> Result<Option<Box<dyn TriggerSource>>, Error> {
    let watch = |path| FileTrigger::new(path, settings.file_event_handler_interval, mailbox.clone());
    Ok(watched(settings).map(|path| Box::new(watch(path)) as _))
}

/// The path that the settings name, absolute, since the process may change its directory later.
pub(super) fn watched(settings: &Settings) -> Option<PathBuf> {
    let path = settings.file_event_handler.as_ref()?;
    Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
}

/// A watched path.
struct FileTrigger {
    path: PathBuf,
    interval: Duration,
    last: Option<Fingerprint>,
    /// When to look next.
    due: Option<Instant>,
    watch: Option<Watch>,
}

/// notify's watcher, and which folders it was given.
struct Watch {
    watcher: RecommendedWatcher,
    watched: Vec<PathBuf>,
    events: Arc<Events>,
    /// Closed when notify's thread has ended.
    ended: Receiver<()>,
}

/// What notify's thread tells the worker.
struct Events {
    seen: AtomicBool,
    mailbox: Arc<Mailbox>,
}

impl TriggerSource for FileTrigger {
    fn due(&self) -> Option<Instant> {
        self.due
    }

    fn received(&mut self, now: Instant) -> Vec<Received> {
        if !self.changed(now) {
            return Vec::new();
        }
        let detail = self.path.display().to_string();
        vec![Received::Wanted(Trigger::new(TriggerKind::File, detail))]
    }
}

impl FileTrigger {
    /// Begins to watch. The path need not exist, nor its parents.
    fn new(path: PathBuf, interval: Duration, mailbox: Arc<Mailbox>) -> FileTrigger {
        let mut trigger =
            FileTrigger { interval, last: None, due: None, watch: Watch::new(&path, mailbox).ok(), path };
        trigger.follow();
        trigger.last = Fingerprint::of(&trigger.path);
        trigger
    }

    /// Whether the path has changed since the last `true`, and exists.
    fn changed(&mut self, now: Instant) -> bool {
        let seen = |watch: &Watch| watch.events.seen.swap(false, Ordering::AcqRel);
        if self.watch.as_ref().is_some_and(seen) {
            let soon = now + SETTLE;
            self.due = Some(self.due.map_or(soon, |due| due.min(soon)));
        }
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        self.due = None;
        // Watches first: what changes after them is an event.
        self.follow();
        let current = Fingerprint::of(&self.path);
        let changed = current.is_some() && current != self.last;
        self.last = current;
        changed
    }

    /// Watches what the path is now: itself if it is a directory, its parent, or as much of the way there
    /// as exists. What cannot be watched is polled.
    fn follow(&mut self) {
        let watched = self.watch.as_mut().is_some_and(|watch| watch.follow(&self.path));
        if !watched || !fingerprint::gives_events(&self.path) {
            self.due = Some(Instant::now() + self.interval);
        }
    }
}

impl Drop for FileTrigger {
    fn drop(&mut self) {
        if let Some(Watch { watcher, ended, .. }) = self.watch.take() {
            drop(watcher);
            // notify does not join its thread; a second is far more than it needs to end.
            let _ = ended.recv_timeout(Duration::from_secs(1));
        }
    }
}

impl Watch {
    fn new(path: &Path, mailbox: Arc<Mailbox>) -> notify::Result<Watch> {
        let events = Arc::new(Events { seen: false.into(), mailbox });
        let (alive, ended) = sync_channel::<()>(0);
        let watcher = notify::recommended_watcher(listener(path, events.clone(), alive))?;
        Ok(Watch { watcher, watched: Vec::new(), events, ended })
    }

    /// Whether everything that matters is watched now.
    fn follow(&mut self, path: &Path) -> bool {
        let wanted = folders(path);
        for folder in std::mem::take(&mut self.watched) {
            if wanted.contains(&folder) {
                self.watched.push(folder);
            } else {
                // A folder that is gone has lost its watch already.
                let _ = self.watcher.unwatch(&folder);
            }
        }
        let mut all = true;
        for folder in wanted {
            // Again even if it is watched: it may be a new folder under the old name.
            let added = self.watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok();
            all &= added;
            if added && !self.watched.contains(&folder) {
                self.watched.push(folder);
            }
        }
        all
    }
}

/// What notify's thread runs at each event: it wakes the worker.
fn listener(
    path: &Path,
    events: Arc<Events>,
    alive: SyncSender<()>,
) -> impl FnMut(notify::Result<Event>) + Send + use<> {
    let path = path.to_owned();
    // Behind a link the events bear other names than the path's.
    let plain = path.ancestors().all(|part| !part.is_symlink());
    move |event| {
        let _keep = &alive;
        let concerns = |other: &PathBuf| path.starts_with(other) || other.starts_with(&path);
        if let Ok(Event { paths, .. }) = &event
            && plain
            && !paths.is_empty()
            && !paths.iter().any(concerns)
        {
            return;
        }
        // Looking at a directory opens it: without this, each look would cause the next one.
        let only_read = |event: &Event| match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
            EventKind::Access(_) => true,
            _ => false,
        };
        if event.as_ref().is_ok_and(only_read) {
            return;
        }
        events.seen.store(true, Ordering::Release);
        events.mailbox.wake();
    }
}

/// The folders whose events can mean a change of the path: the nearest existing folder above it, the same
/// above what it links to, and the path itself if it is a folder.
fn folders(path: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let mut add_above = |path: &Path| {
        let above = path.ancestors().skip(1).find(|folder| folder.is_dir());
        folders.extend(above.map(Path::to_owned));
    };
    add_above(path);
    if let Ok(real) = path.canonicalize()
        && real != path
    {
        add_above(&real);
    }
    if path.is_dir() {
        folders.push(path.to_owned());
    }
    folders.dedup();
    folders
}
