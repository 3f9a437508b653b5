//! The watch over the folders and the file of a path, by notify.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gmr_inspect::FileId;
use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::alarm::Bell;
/// A change is several events: they count as one if they come within this time. Well below what a person notices.
pub(super) const SETTLE: Duration = Duration::from_millis(5);

/// The same for a file that is being written: it is made or emptied, written and closed, and between these steps a loaded
/// machine may do something else.
const WRITING: Duration = Duration::from_millis(100);

/// notify's watcher, and what it was given.
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    /// What is watched, and which file or folder that was.
    watched: Vec<(PathBuf, FileId)>,
    seen: Arc<Seen>,
    /// Closed when notify's thread has ended.
    ended: Receiver<()>,
}

/// What notify's thread tells the looking one, and is told by it.
struct Seen {
    event: AtomicBool,
    /// Whether one was more than that a file is being written.
    whole: AtomicBool,
    /// What matters: a folder above may be a busy one.
    concern: Mutex<Concern>,
}

/// The paths whose events can mean a change.
#[derive(Debug, Default)]
pub(super) struct Concern {
    /// Every name that is looked up on the way to the watched path.
    pub(super) names: Vec<PathBuf>,
    /// The watched path and what it leads to: if that is a folder, what is in it matters too.
    pub(super) ends: Vec<PathBuf>,
}

impl Watch {
    pub(super) fn new(bell: Bell) -> notify::Result<Watch> {
        let seen = Arc::new(Seen {
            event: AtomicBool::new(false),
            whole: AtomicBool::new(false),
            concern: Mutex::default(),
        });
        let (alive, ended) = sync_channel::<()>(0);
        let watcher = notify::recommended_watcher(listener(seen.clone(), bell, alive))?;
        Ok(Watch { watcher: Some(watcher), watched: Vec::new(), seen, ended })
    }

    /// After which time to look, if there was an event since it was asked last.
    pub(super) fn look_after(&self) -> Option<Duration> {
        let seen = self.seen.event.swap(false, Ordering::AcqRel);
        let after = if self.seen.whole.swap(false, Ordering::AcqRel) { SETTLE } else { WRITING };
        seen.then_some(after)
    }

    /// Watches these files and folders and no others, for events of concern. Whether all of them are watched now.
    pub(super) fn follow(&mut self, wanted: &[PathBuf], concern: Concern) -> bool {
        *self.seen.concern.lock().unwrap_or_else(PoisonError::into_inner) = concern;
        let Some(watcher) = &mut self.watcher else { return false };
        self.watched.retain(|(path, id)| {
            let stays = wanted.contains(path) && FileId::at(path) == Some(*id);
            if !stays {
                // What is gone has lost its watch already. What has been replaced would keep it.
                let _ = watcher.unwatch(path);
            }
            stays
        });
        let mut all = true;
        for path in wanted {
            if self.watched.iter().any(|(watched, _)| watched == path) {
                continue;
            }
            let before = FileId::at(path);
            let added = watcher.watch(path, RecursiveMode::NonRecursive).is_ok();
            match before {
                // It is certain which one is watched.
                Some(id) if added && FileId::at(path) == before => self.watched.push((path.clone(), id)),
                _ => {
                    let _ = watcher.unwatch(path);
                    all = false;
                }
            }
        }
        all
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.watcher.take());
        // notify does not join its thread; a second is far more than it needs to end.
        let _ = self.ended.recv_timeout(Duration::from_secs(1));
    }
}

/// What notify's thread runs at each event: it wakes the looking thread.
fn listener(
    seen: Arc<Seen>,
    bell: Bell,
    alive: SyncSender<()>,
) -> impl FnMut(notify::Result<Event>) + Send + use<> {
    move |event| {
        let _keep = &alive;
        // An error means that events were lost.
        if event.as_ref().is_ok_and(|event| !seen.concerns(event)) {
            return;
        }
        // Both are followed by the file's closing.
        let begins = |event: Event| {
            matches!(event.kind, EventKind::Create(CreateKind::File) | EventKind::Modify(ModifyKind::Data(_)))
        };
        if !event.is_ok_and(begins) {
            seen.whole.store(true, Ordering::Release);
        }
        seen.event.store(true, Ordering::Release);
        bell.ring();
    }
}

impl Seen {
    fn concerns(&self, event: &Event) -> bool {
        self.concern.lock().unwrap_or_else(PoisonError::into_inner).has(event)
    }
}

impl Concern {
    fn has(&self, event: &Event) -> bool {
        // Looking at a folder opens it: without this, each look would cause the next one.
        let only_read = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
            EventKind::Access(_) => true,
            _ => false,
        };
        let near = |path: &PathBuf| {
            self.names.iter().any(|name| name.starts_with(path))
                || self.ends.iter().any(|end| path.starts_with(end) || end.starts_with(path))
        };
        !only_read && (event.paths.is_empty() || event.paths.iter().any(near))
    }
}

#[cfg(test)]
mod tests {
    use notify::event::MetadataKind;

    use super::*;

    #[test]
    fn what_else_happens_in_a_busy_folder_above_is_of_no_concern() {
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        // `/tmp/trigger` is a link to `/var/run/go`.
        let concern = Concern {
            names: paths(&["/tmp", "/tmp/trigger", "/var", "/var/run", "/var/run/go"]),
            ends: paths(&["/tmp/trigger", "/var/run/go"]),
        };
        let touched = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        for (kind, path, expected) in [
            (touched, "/tmp/trigger", true),
            (touched, "/var/run/go", true),
            (touched, "/var/run", true),
            (EventKind::Create(CreateKind::File), "/var/run/go/below", true),
            (written, "/tmp/trigger", true),
            (opened, "/tmp/trigger", false),
            (touched, "/tmp/other", false),
            (written, "/tmp/trigger.log", false),
            (EventKind::Create(CreateKind::File), "/var/run/other", false),
        ] {
            assert_eq!(concern.has(&Event::new(kind).add_path(path.into())), expected, "{kind:?} {path}");
        }
        assert!(concern.has(&Event::new(EventKind::Other)), "events were lost");
    }
}
