//! Traces: a stack or a chain of awaits, and the threads or tasks that stand in it.

use serde::{Deserialize, Serialize};

use super::unknown::words;
use super::{Field, Frame, Reason};

/// A stack or a chain of awaits, and the threads or tasks that stand in it.
///
/// ```
/// use gmr_report::{Frame, Trace};
///
/// let mut trace = Trace::stack("4711  \"main\"");
/// trace.frames = vec![Frame::of("shop::serve"), Frame::of("main")];
/// assert!(trace.members.is_empty() && trace.doubt.is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trace {
    /// What it is a trace of.
    pub kind: TraceKind,
    /// What distinguishes it: the count, the names, the time.
    pub title: String,
    /// A few lines that hold for all members together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub summary: Vec<String>,
    /// What they are, if all that they do is to wait for work: `tokio worker`. Text counts such traces in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<String>,
    /// The threads or tasks that stand here, all of them; text shows their ids in ranges.
    pub members: Vec<Member>,
    /// The frames: a stack innermost first, a chain outermost first.
    pub frames: Vec<Frame>,
    /// Why there are no frames, or why they may be wrong or too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Reason>,
}

words! {
    /// What a trace is a trace of.
    TraceKind {
        /// Of calls: each frame was called by the next one.
        Stack = "stack",
        /// Of awaits: each frame awaits the ones that are one deeper and follow it.
        Await = "await",
    }
}

impl Trace {
    /// A trace of this kind under this title, with nothing in it yet.
    pub fn new(kind: TraceKind, title: impl Into<String>) -> Trace {
        Trace {
            kind,
            title: title.into(),
            summary: Vec::new(),
            idle: None,
            members: Vec::new(),
            frames: Vec::new(),
            doubt: None,
        }
    }

    /// A stack under this title, with nothing in it yet.
    pub fn stack(title: impl Into<String>) -> Trace {
        Trace::new(TraceKind::Stack, title)
    }

    /// A chain of awaits under this title, with nothing in it yet.
    pub fn awaits(title: impl Into<String>) -> Trace {
        Trace::new(TraceKind::Await, title)
    }
}

/// A thread or task that stands in a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Member {
    /// The kernel's thread id, or the runtime's task id.
    pub id: u64,
    /// Its name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What else is known of it; text shows the summary instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

impl Member {
    /// A thread or task of which nothing else is known.
    pub fn new(id: u64) -> Member {
        Member { id, name: None, fields: Vec::new() }
    }
}
