//! The alarm of the thread that watches a path: it wakes at file events, at the end of the watch, and when something is
//! mounted or a folder far above is renamed, which no event of the path's own folder tells of.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gmr_inspect::FileId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// How often the path is looked at where the thread cannot wait for descriptors.
const WITHOUT_POLL: Duration = Duration::from_secs(1);

/// What the thread sleeps on.
pub(super) struct Alarm {
    read: OwnedFd,
    write: Arc<OwnedFd>,
    id: FileId,
    /// The kernel tells of a change here by an exceptional condition.
    mounts: Option<File>,
    moves: Moves,
}

/// What woke the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// The path may lead elsewhere now.
    Moved,
    /// Somebody rang, or the time has come.
    Rung,
    /// The program has closed our descriptors, which it can only where they are shared with it.
    Closed,
}

impl Alarm {
    pub(super) fn new() -> io::Result<Alarm> {
        let (read, write) = io::pipe()?;
        let (read, write) = (OwnedFd::from(read), OwnedFd::from(write));
        rustix::io::ioctl_fionbio(&read, true)?;
        rustix::io::ioctl_fionbio(&write, true)?;
        let id = FileId::of(&rustix::fs::fstat(&read)?);
        // The thread's own: each thread may have mounts of its own. Without /proc there is none.
        let mounts = File::open("/proc/thread-self/mountinfo").ok();
        Ok(Alarm { read, write: Arc::new(write), id, mounts, moves: Moves::default() })
    }

    /// What wakes it from threads that have the same descriptors.
    pub(super) fn bell(&self) -> Bell {
        Bell(self.write.clone())
    }

    /// What wakes it from all others.
    pub(super) fn remote(&self) -> Remote {
        Remote::of(self)
    }

    /// From now on also wakes when one of these folders is renamed or removed.
    pub(super) fn watch_moves(&mut self, folders: &[PathBuf]) {
        self.moves.watch(folders);
    }

    /// Sleeps until something happens, or until then.
    pub(super) fn wait(&mut self, until: Option<Instant>) -> Woken {
        let remaining = until.map(|until| until.saturating_duration_since(Instant::now()));
        // Rounded up, so that it does not wake just before the time and turn once more.
        let timeout = remaining.and_then(|time| Timespec::try_from(time + Duration::from_micros(50)).ok());
        let bell = PollFd::new(&self.read, PollFlags::IN);
        let mounts = self.mounts.iter().map(|mounts| PollFd::new(mounts, PollFlags::PRI));
        let moves = self.moves.0.iter().map(|moves| PollFd::new(moves, PollFlags::IN));
        let mut waits: Vec<_> = std::iter::once(bell).chain(mounts).chain(moves).collect();
        match poll(&mut waits, timeout.as_ref()) {
            Ok(_) => {}
            // What an interrupted wait missed is found by the next one.
            Err(Errno::INTR) => return Woken::Rung,
            // The program may open fewer descriptors than there are to wait for, as in a sandbox: it looks now and then.
            Err(_) => {
                std::thread::park_timeout(WITHOUT_POLL);
                return Woken::Moved;
            }
        }
        let moved = waits[1..].iter().any(|wait| !wait.revents().is_empty());
        let is_broken = |wait: &PollFd<'_>| wait.revents().contains(PollFlags::NVAL);
        if waits.iter().any(is_broken) || FileId::of_open(&self.read) != Some(self.id) {
            return Woken::Closed;
        }
        let mut rings = [0; 64];
        while matches!(rustix::io::read(&self.read, &mut rings), Ok(1..)) {}
        if !moved {
            return Woken::Rung;
        }
        // Begun anew with what is above the path now.
        self.moves = Moves::default();
        Woken::Moved
    }
}

/// Wakes the thread from another one with the same descriptors.
#[derive(Clone)]
pub(super) struct Bell(Arc<OwnedFd>);

impl Bell {
    pub(super) fn ring(&self) {
        // A full pipe has woken it already.
        let _ = rustix::io::write(&self.0, &[1]);
    }
}

/// Wakes the thread from one that does not have its descriptors: by its pipe's name in `/proc`.
#[cfg(target_os = "linux")]
pub(super) struct Remote {
    path: String,
    id: FileId,
}

#[cfg(target_os = "linux")]
impl Remote {
    fn of(alarm: &Alarm) -> Remote {
        use std::os::fd::AsRawFd;
        let (thread, number) = (rustix::thread::gettid().as_raw_pid(), alarm.write.as_raw_fd());
        Remote { path: format!("/proc/self/task/{thread}/fd/{number}"), id: alarm.id }
    }

    pub(super) fn wake(&self) {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        if let Ok(pipe) = rustix::fs::open(&self.path, flags, Mode::empty())
            && FileId::of_open(&pipe) == Some(self.id)
        {
            let _ = rustix::io::write(&pipe, &[1]);
        }
    }
}

/// Elsewhere all threads have the same descriptors.
#[cfg(not(target_os = "linux"))]
pub(super) struct Remote(Bell);

#[cfg(not(target_os = "linux"))]
impl Remote {
    fn of(alarm: &Alarm) -> Remote {
        Remote(alarm.bell())
    }

    pub(super) fn wake(&self) {
        self.0.ring();
    }
}

/// Renames and removals of the folders far above a path. Of a folder that notify watches, every event in it is delivered: too
/// many for a busy one, where only the folder itself matters.
#[derive(Default)]
struct Moves(Option<OwnedFd>);

impl Moves {
    #[cfg(target_os = "linux")]
    fn watch(&mut self, folders: &[PathBuf]) {
        use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
        if self.0.is_none() {
            self.0 = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok();
        }
        let Some(moves) = &self.0 else { return };
        for folder in folders {
            let events = WatchFlags::MOVE_SELF | WatchFlags::DELETE_SELF | WatchFlags::ONLYDIR;
            // One that is gone meanwhile has woken us through the folder above it.
            let _ = inotify::add_watch(moves.as_fd(), folder, events);
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn watch(&mut self, _folders: &[PathBuf]) {}
}
