//! Reasons: why chains of awaits, a chain, or the thread of a running task are not known.
//!
//! They are values, not sentences, so that a renderer words them and a program can act on them. Text in them is a name
//! (of a type, a member, a file) and shared, since ten thousand tasks may have the same reason.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::awaits::{Await, Particular};
use super::task_state::TaskState;
use crate::process::MemoryShortage;

/// Why something about tasks is not known.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Chains are read on Linux only.
    OnlyOnLinux,
    /// The executable's debug information is still being read; the next look may have it.
    StillReading,
    /// [`Inspector::stop_preparing`](crate::tasks::Inspector::stop_preparing) broke off the reading of the debug
    /// information.
    BrokenOff,
    /// No thread could be started to read the debug information; what the system said.
    NoThread(SystemError),
    /// There is too little memory to read the debug information.
    NoMemory(MemoryShortage),
    /// Reading the debug information panicked.
    ReadingPanicked,
    /// An earlier look at the tasks panicked, and none is tried any more.
    EarlierLookPanicked,
    /// Another look at the tasks is under way.
    LookUnderWay,
    /// The executable's debug information cannot be used.
    DebugInformation(DebugInformationFault),
    /// The runtime's own data structures are not as expected.
    Layout(LayoutFault),
    /// The canary tasks did not read as they are: tasks with known chains, which are read before anything is believed.
    Canary(CanaryFault),
    /// It could not be found out where a thread has the id of the task that it polls.
    CurrentTask(CurrentTaskFault),
    /// The debug information does not describe the type of this task, or of this task's future.
    TaskNotDescribed,
    /// The linker folded the code of several types of task into one, so that the type of this task is not known.
    FoldedByLinker,
    /// The task's vtable and the debug information disagree about its layout.
    LayoutDisputed,
    /// The debug information does not describe the type of this registered future.
    FutureNotDescribed,
    /// Some of the task's memory cannot be read.
    MemoryUnreadable,
    /// This registered future was never polled, so that it awaits nothing yet.
    NeverPolled,
    /// This registered future was not read: the time was over, or it came during the look.
    NotRead,
}

impl Reason {
    /// Whether its cause may be gone at the next look: then it is worth trying again, and must not be remembered.
    ///
    /// ```
    /// use gmr_inspect::tasks::Reason;
    ///
    /// assert!(Reason::StillReading.is_passing());
    /// assert!(!Reason::TaskNotDescribed.is_passing());
    /// ```
    pub fn is_passing(&self) -> bool {
        match self {
            Reason::StillReading
            | Reason::BrokenOff
            | Reason::NoThread(_)
            | Reason::NoMemory(_)
            | Reason::LookUnderWay
            | Reason::NotRead => true,
            Reason::DebugInformation(DebugInformationFault::NotOpened { error, .. })
            | Reason::Canary(CanaryFault::NoRuntime(error))
            | Reason::CurrentTask(
                CurrentTaskFault::NoRuntime(error) | CurrentTaskFault::RobustListRefused(error),
            ) => error.is_passing(),
            Reason::Canary(CanaryFault::Unknown(reason)) => reason.is_passing(),
            _ => false,
        }
    }
}

/// Why an executable's debug information cannot be used.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DebugInformationFault {
    /// This file cannot be opened or mapped, or is no object file; what the system said.
    NotOpened {
        /// The file.
        path: Arc<Path>,
        /// What the system said.
        error: SystemError,
    },
    /// The executable has none, and none was found beside it.
    Missing,
    /// This file has more of it than is read.
    TooLarge {
        /// The file.
        path: Arc<Path>,
        /// How much is read at the most, in bytes.
        limit_bytes: u64,
    },
    /// It describes more types and functions than are kept in mind: an index of them would take more than this, in
    /// bytes.
    IndexTooLarge {
        /// The most that the index may take, in bytes.
        limit_bytes: u64,
    },
    /// It has no types; it may have line tables.
    NoTypes,
    /// It has no types of this package, which the canary tasks are made of.
    NoTypesOfPackage(&'static str),
    /// It is not known where the executable was loaded, so addresses in it mean nothing.
    LoadAddressUnknown,
}

/// In which way a runtime's data structures differ from those that are known. Types and members are named as the
/// debug information has them.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LayoutFault {
    /// The debug information has no type of this name.
    NoType(Arc<str>),
    /// A type has no member of this name, in itself or in what it consists of.
    NoMember {
        /// The type.
        of: Arc<str>,
        /// The member, or the path to it, with a full stop between each two names.
        member: Arc<str>,
    },
    /// The type of this name is no enum.
    NotAnEnum(Arc<str>),
    /// The type of this name is no pointer.
    NotAPointer(Arc<str>),
    /// The type of this name has no list of tasks.
    NoTaskList(Arc<str>),
    /// The handle is of a kind of scheduler that the debug information does not have.
    UnknownScheduler,
    /// The list of tasks has this many shards, which is too many or no power of two.
    ShardCount(u64),
    /// The runtime's memory at this address cannot be read.
    Unreadable(u64),
    /// None of the kinds of scheduler is as known; what is wrong with each.
    NoScheduler(Arc<[LayoutFault]>),
}

/// In which way the canary tasks were misread.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CanaryFault {
    /// A runtime for them could not be built; what the system said.
    NoRuntime(SystemError),
    /// Something limited the look at them.
    Limited(Box<Note>),
    /// The chain of one of them was seen to change, although nothing runs them.
    Changing,
    /// One of them was seen to be polled, although nothing runs them.
    Polled,
    /// The chain of one of them could not be read, for this reason.
    Unknown(Box<Reason>),
    /// One of them reads otherwise than it is.
    Misread {
        /// Its chain as it was read.
        chain: Arc<[Await]>,
        /// What was read of its single awaits.
        particulars: Arc<[Particular]>,
        /// What it seemed to be doing.
        state: TaskState,
    },
    /// Other tasks than these were found.
    OtherTasks {
        /// The ids of those that there are.
        spawned: Arc<[u64]>,
        /// The ids of those that were found.
        found: Arc<[u64]>,
    },
}

/// Why it could not be found out where a thread has the id of the task that it polls.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CurrentTaskFault {
    /// The C library keeps no list of robust locks, which is where the search begins in each thread.
    NoRobustList,
    /// The kernel does not tell where that list is; what it said.
    RobustListRefused(SystemError),
    /// A runtime for the experiment could not be built; what the system said.
    NoRuntime(SystemError),
    /// A task of the experiment did not run to its end.
    ExperimentFailed {
        /// Its id.
        task: u64,
        /// Whether it panicked; otherwise it was cancelled.
        panicked: bool,
    },
    /// This version of the runtime keeps the id elsewhere than in the executable's thread-local variables.
    KeptElsewhere,
    /// Several thread-local variables look like the one that has the id.
    Ambiguous,
    /// The executable has no thread-local variables.
    NoThreadLocals,
    /// The executable's thread-local variables are too large to be searched.
    ThreadLocalsTooLarge,
    /// The place of thread-local variables is not known on this architecture.
    UnknownArchitecture,
}

/// What limited a look at the tasks without ending it. Runtimes are meant by their index in
/// [`Snapshot::runtimes`](super::Snapshot::runtimes).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Note {
    /// The tasks of this runtime cannot be read.
    RuntimeNotRead {
        /// Which runtime.
        runtime: usize,
        /// Why.
        fault: LayoutFault,
    },
    /// The runtime's lists of tasks look empty although it counts tasks.
    ListsLookEmpty {
        /// Which runtime.
        runtime: usize,
        /// How many tasks it counts.
        alive: usize,
    },
    /// Some of the runtime's lists of tasks were not followed to their end.
    ListsUnfinished {
        /// Which runtime.
        runtime: usize,
        /// How many lists.
        unfinished: usize,
        /// Of how many.
        lists: usize,
    },
    /// The future that a thread runs by `block_on` was not found in its frames: it shows if it is registered
    /// ([`Track::tracked`](crate::tasks::Track::tracked)).
    RootNotRead {
        /// The kernel's id of the thread.
        thread: u32,
        /// The function in its stack that runs it.
        function: Arc<str>,
    },
    /// A thread drives a `LocalSet` whose tasks were not found: those show that are registered.
    LocalSetNotRead {
        /// The kernel's id of the thread.
        thread: u32,
    },
    /// Threads run tasks of an executor whose tasks cannot be listed: those show that are registered.
    ExecutorNotListed {
        /// The executor's package.
        executor: &'static str,
        /// How many threads stand in it.
        threads: usize,
    },
}

/// What the operating system or the standard library said of a failed call.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SystemError {
    /// The kind of error, in the standard library's terms.
    pub kind: io::ErrorKind,
    /// The number that the system gave, if it was the system.
    pub errno: Option<i32>,
    /// What was said instead of a number, as `not an object file`.
    pub message: Option<Arc<str>>,
}

impl SystemError {
    /// Whether it is the want of something that may be there at another time: descriptors, memory, threads.
    pub fn is_passing(&self) -> bool {
        const PASSING: [i32; 5] = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EAGAIN, libc::EINTR];
        self.errno.is_some_and(|errno| PASSING.contains(&errno)) || self.kind == io::ErrorKind::OutOfMemory
    }
}

impl From<io::Error> for SystemError {
    fn from(error: io::Error) -> Self {
        SystemError::from(&error)
    }
}

impl From<&io::Error> for SystemError {
    fn from(error: &io::Error) -> Self {
        SystemError {
            kind: error.kind(),
            errno: error.raw_os_error(),
            message: error.get_ref().map(|inner| inner.to_string().into()),
        }
    }
}

/// The error that it was made from, for its words.
impl From<&SystemError> for io::Error {
    fn from(error: &SystemError) -> Self {
        match (error.errno, &error.message) {
            (Some(errno), _) => io::Error::from_raw_os_error(errno),
            (None, Some(message)) => io::Error::new(error.kind, message.to_string()),
            (None, None) => io::Error::from(error.kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_now_may_be_there_later() {
        let system = |errno| SystemError::from(io::Error::from_raw_os_error(errno));
        let opening = |error| {
            let path = Path::new("/proc/self/exe").into();
            Reason::DebugInformation(DebugInformationFault::NotOpened { path, error })
        };
        let check = |reason: Reason, expected| assert_eq!(reason.is_passing(), expected, "{reason:?}");
        check(opening(system(libc::EMFILE)), true);
        check(opening(system(libc::ENOMEM)), true);
        check(opening(system(libc::ENOENT)), false);
        check(opening(io::Error::new(io::ErrorKind::InvalidData, "not an object file").into()), false);
        check(opening(io::Error::from(io::ErrorKind::OutOfMemory).into()), true);
        let canary = |reason| Reason::Canary(CanaryFault::Unknown(Box::new(reason)));
        check(canary(opening(system(libc::ENFILE))), true);
        check(canary(Reason::TaskNotDescribed), false);
        check(Reason::EarlierLookPanicked, false);
    }
}
