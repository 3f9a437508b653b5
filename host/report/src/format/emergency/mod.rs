//! Emergency reports: written piece by piece, as text or JSON, without allocating memory; and read back.
//!
//! When the thread that makes the reports is stuck, perhaps in the allocator itself, another one writes what can be
//! seen of the threads. It has no [`Report`](crate::Report) to render, since that would have to be allocated: it has
//! borrowed values, one thread after the other, and a buffer. The JSON is a report's ([`json`](crate::format::json)),
//! with its header at the end; the text has a report's layout, and [`read`] makes a report of it again, so that names
//! can be looked up later for both.

mod json;
mod read;
mod text;
mod words;

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;

use super::Format;
use crate::Reason;

pub use read::{ReadError, is_emergency_report, read};

/// Which process the report is of, and why it is an emergency report.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The service's name.
    pub service: &'a str,
    /// The service's version.
    pub version: &'a str,
    /// The host's name, in bytes of any kind.
    pub host: &'a [u8],
    /// The process id.
    pub process: u32,
    /// When the report was begun.
    pub time: Timestamp,
    /// When the report that is overdue was begun, or, if it was not, when it was asked for.
    pub asked: Timestamp,
    /// How long that is ago.
    pub after: Duration,
    /// The thread that should have made it.
    pub reporter: u32,
}

/// A file that the process has loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module<'a> {
    /// Where it was loaded from, in bytes of any kind.
    pub path: &'a [u8],
    /// Its build id; empty if it has none.
    pub build_id: &'a [u8],
}

/// A thread.
#[derive(Clone, Copy, Debug)]
pub struct Thread<'a, F> {
    /// The kernel's thread id.
    pub id: u32,
    /// Its name, in bytes of any kind.
    pub name: &'a [u8],
    /// What the scheduler says of it, in words.
    pub state: &'a str,
    /// CPU time spent in user mode.
    pub cpu_user: Duration,
    /// CPU time spent in the kernel.
    pub cpu_system: Duration,
    /// The system call that it waits in.
    pub wait: Option<Wait<'a>>,
    /// Its frames, innermost first: an iterator of [`Frame`]s that can be cloned.
    pub frames: F,
    /// The thread that was written before and stands in the very same frames: text names it instead of them.
    pub same_as: Option<u32>,
    /// Why there are no frames, or why they may be wrong or too few.
    pub doubt: Option<&'a Reason>,
}

/// A system call that a thread waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait<'a> {
    /// Its number.
    pub number: u64,
    /// Its name, if that is known.
    pub name: Option<&'a str>,
    /// What it waits on, if that is known.
    pub resource: Option<Resource<'a>>,
}

/// What a system call waits on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// A futex, by its address.
    Futex(u64),
    /// A descriptor, and what it is, in bytes of any kind, if that is known.
    Descriptor(i32, Option<&'a [u8]>),
    /// A time to pass.
    Time(Duration),
}

/// A frame of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The instruction's address.
    pub address: u64,
    /// The path of the loaded file that it lies in, in bytes of any kind.
    pub module: Option<&'a [u8]>,
    /// The address as that file counts it.
    pub offset: Option<u64>,
    /// A signal interrupted the function here.
    pub interrupted: bool,
    /// It rests on a guess and may be wrong.
    pub unverified: bool,
}

/// Writes an emergency report: [`begin`](Writer::begin), [`modules`](Writer::modules), each
/// [`thread`](Writer::thread), [`end`](Writer::end). It allocates nothing; whether `out` does is the caller's matter.
///
/// ```
/// use gmr_report::Format;
/// use gmr_report::format::emergency::{self, Frame, Head, Module, Thread, Writer};
/// use std::time::Duration;
///
/// let head = Head {
///     service: "shop",
///     version: "1.2",
///     host: b"api-3",
///     process: 8675,
///     time: "2026-11-22T14:03:13Z".parse().unwrap(),
///     asked: "2026-11-22T14:03:07Z".parse().unwrap(),
///     after: Duration::from_secs(6),
///     reporter: 8676,
/// };
/// let frame = Frame { address: 0x5512_3456, module: Some(b"/srv/shop"), offset: Some(0x3456), interrupted: false, unverified: false };
/// let thread = Thread {
///     id: 8675,
///     name: b"main",
///     state: "asleep",
///     cpu_user: Duration::ZERO,
///     cpu_system: Duration::ZERO,
///     wait: None,
///     frames: [frame].into_iter(),
///     same_as: None,
///     doubt: None,
/// };
/// let mut out = Vec::new();
/// let writer = Writer::new(Format::Text);
/// writer.begin(&mut out, &head)?;
/// writer.modules(&mut out, [Module { path: b"/srv/shop", build_id: b"\xc0\xff\xee" }].into_iter())?;
/// writer.thread(&mut out, &thread)?;
/// writer.end(&mut out, &head, Duration::from_millis(3), &[])?;
///
/// let report = emergency::read(&String::from_utf8(out).unwrap()).unwrap();
/// assert_eq!(report.header.process, 8675);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Writer {
    format: Format,
}

/// # Errors
///
/// Those of the writer that it writes to.
impl Writer {
    /// Writes in this format.
    pub fn new(format: Format) -> Writer {
        Writer { format }
    }

    /// The beginning: why this report was made.
    pub fn begin(self, out: &mut dyn Write, head: &Head<'_>) -> io::Result<()> {
        match self.format {
            Format::Text => text::begin(out, head),
            Format::Json => json::begin(out, head),
        }
    }

    /// The files that the process has loaded.
    pub fn modules<'a>(
        self,
        out: &mut dyn Write,
        modules: impl Iterator<Item = Module<'a>>,
    ) -> io::Result<()> {
        match self.format {
            Format::Text => text::modules(out, modules),
            Format::Json => json::modules(out, modules),
        }
    }

    /// A thread.
    pub fn thread<'a, F>(self, out: &mut dyn Write, thread: &Thread<'a, F>) -> io::Result<()>
    where
        F: Iterator<Item = Frame<'a>> + Clone,
    {
        match self.format {
            Format::Text => text::thread(out, thread),
            Format::Json => json::thread(out, thread),
        }
    }

    /// The end: how long it took, and what limited it, as far as that is more than none.
    pub fn end(
        self,
        out: &mut dyn Write,
        head: &Head<'_>,
        took: Duration,
        limits: &[Limit],
    ) -> io::Result<()> {
        match self.format {
            Format::Text => text::end(out, took, limits),
            Format::Json => json::end(out, head, took, limits),
        }
    }
}

/// What an emergency report had no room or no time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// So many threads had no room in its list.
    Threads(u64),
    /// So many threads were not looked at before its time was over.
    Time(u64),
    /// The stacks of so many threads had no room in its output.
    Size(u64),
    /// So many mappings of code had no room in its tables: frames in them have no module.
    Modules(u64),
}

impl Limit {
    fn is_none(self) -> bool {
        let (Limit::Threads(count) | Limit::Time(count) | Limit::Size(count) | Limit::Modules(count)) = self;
        count == 0
    }
}

#[cfg(test)]
mod tests;
