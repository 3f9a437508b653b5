//! Facts about an await: a timer's deadline, a semaphore's permits, the task, the descriptor or the peer that is waited for.

use std::sync::Arc;
use std::time::Duration;

/// One thing that is known of an await beyond which future it is and where it was written.
///
/// Some facts are the same for every task that waits in one place ([`Await::facts`](super::Await::facts)), the others
/// are each task's own ([`Task::particulars`](super::Task::particulars)); each variant says which it is.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// The name that this part of the task was registered with. A task's own.
    Name(Arc<str>),
    /// It is a timer, which fires this long after the look. A task's own.
    FiresIn(Duration),
    /// It is a timer, which was due this long before the look and has not been polled since. A task's own.
    Overdue(Duration),
    /// It waits for the task with this id to end. A task's own.
    Task(u64),
    /// It waits for this file descriptor. A task's own.
    Descriptor(i32),
    /// The descriptor that it waits for is of a connected socket whose other end has this address: of the internet, or the
    /// path of a unix socket. A task's own, beside [`Fact::Descriptor`].
    Peer(Arc<str>),
    /// It waits for permits of the semaphore at this address. A task's own.
    Semaphore(u64),
    /// The semaphore that it waits for has this many free permits. The same for all tasks in one place.
    Permits(u64),
    /// It waits for several futures at once. The same for all tasks in one place.
    Futures {
        /// How many there are, as far as they were counted.
        count: u64,
        /// Whether there are more than that.
        more: bool,
    },
    /// It is one of several side by side, and so many more stand in the same place, with all that they await, that are not
    /// listed: of many futures the first ones and the odd ones are. The same for all tasks in one place.
    Alike(u64),
    /// It is generic and was made for this function or closure of another crate, which it does not await at present: the
    /// handler of a request whose arguments are being read. The same for all tasks in one place.
    MadeFor(Arc<str>),
    /// It runs in a span of `tracing` of this name. A task's own.
    Span(Arc<str>),
    /// It waits for a set with this many tasks. The same for all tasks in one place.
    Tasks(u64),
    /// It is an async function that has not been polled yet. The same for all tasks in one place.
    NotStarted,
    /// It is an async function that has returned. The same for all tasks in one place.
    Finished,
    /// It is a trait object, and the debug information has no type that belongs to it. The same for all tasks in one
    /// place.
    NotDescribed,
    /// The chain goes on, but it is too large to be read to its end. The same for all tasks in one place.
    TooLarge,
    /// The chain goes on, but the time was over. The same for all tasks in one place.
    OutOfTime,
}
