//! A watched path: what it is now, compared with what it was.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gmr_inspect::FileId;

use super::alarm::{Alarm, Woken};
use super::fingerprint::{self, Fingerprint};
use super::resolution::Resolution;
use super::watch::{Concern, SETTLE, Watch};
use crate::sink::OwnOutput;

/// A path and all that is watched for it. It stays on the thread that has made it, whose descriptors it holds.
pub(super) struct WatchedPath {
    path: PathBuf,
    interval: Duration,
    last: Option<Fingerprint>,
    /// When to look next.
    due: Option<Instant>,
    alarm: Option<Alarm>,
    watch: Option<Watch>,
    output: Arc<OwnOutput>,
}

impl WatchedPath {
    /// Looks at the path, which need not exist, nor its parents. Without an alarm it is looked at at the interval.
    pub(super) fn new(
        path: PathBuf,
        interval: Duration,
        alarm: Option<Alarm>,
        output: Arc<OwnOutput>,
    ) -> WatchedPath {
        let watch = alarm.as_ref().and_then(|alarm| Watch::new(alarm.bell()).ok());
        let mut watched = WatchedPath { path, interval, last: None, due: None, alarm, watch, output };
        watched.follow();
        watched.last = Fingerprint::of(&watched.path, &watched.output);
        watched
    }

    /// Whether it is the file that reports are printed to.
    pub(super) fn is_stderr(&self) -> bool {
        FileId::at(&self.path).is_some_and(|id| self.output.is_stderr(id))
    }

    /// Sleeps until it may have changed. Whether its descriptors are still ours.
    pub(super) fn wait(&mut self) -> bool {
        let Some(alarm) = &mut self.alarm else {
            std::thread::park_timeout(self.interval);
            return true;
        };
        match alarm.wait(self.due) {
            Woken::Moved => self.look_by(Instant::now() + SETTLE),
            Woken::Rung => {}
            Woken::Closed => return false,
        }
        true
    }

    /// Whether the path has changed since the last `true`, and exists.
    pub(super) fn changed(&mut self, now: Instant) -> bool {
        if let Some(after) = self.watch.as_ref().and_then(Watch::look_after) {
            self.look_by(now + after);
        }
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        self.due = None;
        // Watches first: what changes after them is an event.
        self.follow();
        let current = Fingerprint::of(&self.path, &self.output);
        let changed = current.as_ref().is_some_and(|current| current.differs_from(self.last.as_ref()));
        self.last = current;
        changed
    }

    fn look_by(&mut self, then: Instant) {
        self.due = Some(self.due.map_or(then, |due| due.min(then)));
    }

    /// Watches what the path is now: the file or folder itself, which may be mounted alone, the folder that it stands in, and
    /// that of each link on the way; or as much of the way as exists. What cannot be watched is looked at at the interval.
    fn follow(&mut self) {
        let Resolution { names, folders: mut wanted, above } = Resolution::of(&self.path);
        if self.path.exists() {
            wanted.push(self.path.clone());
        }
        if let Some(alarm) = &mut self.alarm {
            alarm.watch_moves(&above);
        }
        let ends = names.last().into_iter().chain([&self.path]).cloned().collect();
        let concern = Concern { names, ends };
        let watched = self.watch.as_mut().is_some_and(|watch| watch.follow(&wanted, concern));
        if !watched || !fingerprint::gives_events(&self.path) {
            self.due = Some(Instant::now() + self.interval);
        }
    }
}
