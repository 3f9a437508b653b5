//! The events of a session: files that change, builds that end, signals that end it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::mpsc::Sender;

use anyhow::{Context, Result};
use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

pub enum Event {
    /// Something has changed in a folder that is watched.
    Changed,
    /// The build has ended.
    Built(std::io::Result<ExitStatus>),
    /// The session is to end.
    End,
}

/// The watch over folders with sources, each by itself: those beside them, with what is installed or built, may be
/// thousands.
pub struct Watch {
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
}

impl Watch {
    pub fn new(tell: Sender<Event>) -> Result<Watch> {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading is no change. An error means that events were lost.
            let is_change = event.map_or(true, |event| {
                !matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write))
            });
            if is_change {
                // Nobody listens once the session is over.
                let _ = tell.send(Event::Changed);
            }
        });
        Ok(Watch { watcher: watcher.context("files cannot be watched")?, watched: BTreeSet::new() })
    }

    /// Watches these folders, and no other one.
    pub fn follow(&mut self, folders: &[PathBuf]) -> Result<()> {
        let wanted: BTreeSet<PathBuf> = folders.iter().cloned().collect();
        for gone in self.watched.difference(&wanted) {
            // A folder that was removed has no watch any more.
            let _ = self.watcher.unwatch(gone);
        }
        for new in wanted.difference(&self.watched) {
            match self.watcher.watch(new, RecursiveMode::NonRecursive) {
                Err(error) if new.is_dir() => {
                    return Err(error).with_context(|| format!("cannot watch {}", new.display()));
                }
                _ => {}
            }
        }
        self.watched = wanted;
        Ok(())
    }
}

/// Ends the session by Ctrl-C, or as the system asks a program to end.
pub fn end_by_signals(tell: Sender<Event>) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("signals cannot be caught")?;
    std::thread::spawn(move || {
        // One is enough, and a second ends a session that does not come to its end.
        for (count, signal) in signals.forever().enumerate() {
            if count > 0 {
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
            let _ = tell.send(Event::End);
        }
    });
    Ok(())
}
