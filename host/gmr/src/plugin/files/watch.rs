//! The watch over plugin folders, by the kernel's file events. It may tell too often, and never what has changed: the
//! folder itself is looked at then. Where the system has no watches left, reports look at the folder all the same.

use std::fs::File;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use gmr_inspect::HeldDescriptor;

/// Watches folders that need not exist yet.
pub struct Watch {
    /// `None` only when it is dropped.
    watcher: Option<RecommendedWatcher>,
    /// Opened beside notify's descriptors, which nobody can ask for: a program that closes all it does not know closes it too.
    beside: HeldDescriptor,
    /// The folders, absolute.
    folders: Vec<PathBuf>,
    watched: Vec<PathBuf>,
}

impl Watch {
    /// Calls `changed` on a thread of its own, which inherits the calling thread's signal mask.
    ///
    /// # Errors
    ///
    /// Why nothing can be watched.
    pub fn new(folders: Vec<PathBuf>, changed: impl Fn() + Send + 'static) -> Result<Watch, String> {
        let ours = folders.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error means that events were lost.
            if event.map_or(true, |event| concerns(&event, &ours)) {
                changed();
            }
        });
        let watcher = watcher.map_err(|error| error.to_string())?;
        let beside = File::open("/").and_then(|root| HeldDescriptor::new(root.into()));
        let beside = beside.map_err(|error| error.to_string())?;
        Ok(Watch { watcher: Some(watcher), beside, folders, watched: Vec::new() })
    }

    /// Whether the program has closed its descriptors. It watches nothing any more then.
    pub fn is_closed(&self) -> bool {
        self.beside.get().is_none()
    }

    /// Watches what exists now: each folder, and the nearest directory above it, in which it may be made, moved or
    /// removed.
    ///
    /// # Errors
    ///
    /// The first folder that cannot be watched, and why.
    pub fn follow(&mut self) -> Result<(), String> {
        let Some(watcher) = &mut self.watcher else { return Ok(()) };
        // A folder that was removed and made again is another one: its watch is gone without a word.
        for path in std::mem::take(&mut self.watched) {
            let _ = watcher.unwatch(&path);
        }
        let mut result = Ok(());
        for folder in &self.folders {
            let above = folder.ancestors().skip(1).find(|above| above.is_dir());
            for path in [Some(folder.as_path()).filter(|folder| folder.is_dir()), above].into_iter().flatten()
            {
                match watcher.watch(path, RecursiveMode::NonRecursive) {
                    Ok(()) => self.watched.push(path.to_owned()),
                    // Not being able to watch what lies above is no loss while the folder itself is there.
                    Err(error) if path == folder => {
                        result = Err(format!("{} cannot be watched: {error}", path.display()));
                    }
                    Err(_) => {}
                }
            }
        }
        result
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.is_closed() {
            // It would write to whatever has the numbers now, and close it. Its thread sleeps for ever.
            std::mem::forget(self.watcher.take());
        }
    }
}

/// Reading a file is no change, and a folder above may be a busy one.
fn concerns(event: &Event, folders: &[PathBuf]) -> bool {
    let changes =
        !matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write));
    let near =
        |path: &Path| folders.iter().any(|folder| path.starts_with(folder) || folder.starts_with(path));
    changes && (event.paths.is_empty() || event.paths.iter().any(|path| near(path)))
}
