//! The watch over the folders and the file of a path, by notify.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::alarm::Bell;
use crate::sink::FileId;

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
    /// The names that matter: a folder above may be a busy one.
    names: Mutex<Vec<PathBuf>>,
}

impl Watch {
    pub(super) fn new(bell: Bell) -> notify::Result<Watch> {
        let seen = Arc::new(Seen { event: AtomicBool::new(false), names: Mutex::default() });
        let (alive, ended) = sync_channel::<()>(0);
        let watcher = notify::recommended_watcher(listener(seen.clone(), bell, alive))?;
        Ok(Watch { watcher: Some(watcher), watched: Vec::new(), seen, ended })
    }

    /// Whether there was an event since it was asked last.
    pub(super) fn has_seen(&self) -> bool {
        self.seen.event.swap(false, Ordering::AcqRel)
    }

    /// Watches these files and folders and no others, for events that concern one of the names. Whether all of them are watched
    /// now.
    pub(super) fn follow(&mut self, wanted: &[PathBuf], names: Vec<PathBuf>) -> bool {
        *self.seen.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
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
        if event.is_ok_and(|event| !seen.concerns(&event)) {
            return;
        }
        seen.event.store(true, Ordering::Release);
        bell.ring();
    }
}

impl Seen {
    fn concerns(&self, event: &Event) -> bool {
        // Looking at a folder opens it: without this, each look would cause the next one.
        let only_read = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
            EventKind::Access(_) => true,
            _ => false,
        };
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let near = |path: &Path| names.iter().any(|name| name.starts_with(path) || path.starts_with(name));
        !only_read && (event.paths.is_empty() || event.paths.iter().any(|path| near(path)))
    }
}
