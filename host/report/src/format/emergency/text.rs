//! An emergency report as text, in the layout of any other.
//!
//! Lines that [`super::read`] takes apart again: `key = value` in the head; build id and path of each module; title,
//! state, doubt and frames of each thread.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use super::words::{Hexadecimal, Lossy, Shown, State, Title, Why};
use super::{Frame, Head, Limit, Module, Thread};
use crate::format::text::BANNER;
use crate::words::InWords;

/// What stands above the modules.
pub(super) const MODULES: &str = "build ids and paths of all modules:";
/// What stands instead of a build id.
pub(super) const NO_BUILD_ID: &str = "-";
/// What stands instead of frames, before a thread's id.
pub(super) const SAME_AS: &str = "     the same frames as thread ";
/// What stands behind a frame.
pub(super) const INTERRUPTED: &str = " (interrupted by a signal)";
pub(super) const UNVERIFIED: &str = " (unverified)";

pub(super) fn begin(out: &mut dyn Write, head: &Head<'_>) -> io::Result<()> {
    let Head { service, version, host, process, time, .. } = head;
    // Whatever was written before may have ended in the middle of a line.
    writeln!(out)?;
    banner(out, "Guru Meditation")?;
    writeln!(out, "{:|<BANNER$}\n", "")?;
    writeln!(out, "service = {}", Shown(format_args!("{service} {version}")))?;
    writeln!(out, "host = {}", Shown(Lossy(host)))?;
    writeln!(out, "process = {process}")?;
    writeln!(out, "time = {time:.3}")?;
    writeln!(out, "trigger = watchdog")?;
    writeln!(out, "\nlook at\n  Reporter: {}\n", Why(head))?;
    banner(out, "Reporter")?;
    writeln!(out, "{}", Why(head))
}

pub(super) fn modules<'a>(out: &mut dyn Write, modules: impl Iterator<Item = Module<'a>>) -> io::Result<()> {
    banner(out, "Threads")?;
    writeln!(out, "{MODULES}")?;
    for Module { path, build_id } in modules {
        let path = Shown(Lossy(path));
        if build_id.is_empty() {
            writeln!(out, "  {NO_BUILD_ID}  {path}")?;
        } else {
            writeln!(out, "  {}  {path}", Hexadecimal(build_id))?;
        }
    }
    Ok(())
}

pub(super) fn thread<'a, F>(out: &mut dyn Write, thread: &Thread<'a, F>) -> io::Result<()>
where
    F: Iterator<Item = Frame<'a>> + Clone,
{
    // An id, and a name of 15 bytes, of which each may be escaped.
    let mut title = FixedText::<192>::default();
    let _ = write!(title, "{}", Shown(Title(thread.id, thread.name)));
    writeln!(out, "\n------{:^width$}------", title.text(), width = BANNER - 12)?;
    let cpu = thread.cpu_user.saturating_add(thread.cpu_system);
    let state = State { state: thread.state, wait: thread.wait.as_ref(), cpu };
    writeln!(out, "{}", Shown(state))?;
    if let Some(doubt) = thread.doubt {
        writeln!(out, "{}", Shown(doubt))?;
    }
    if let Some(other) = thread.same_as {
        return writeln!(out, "\n{SAME_AS}{other}");
    }
    let mut frames = thread.frames.clone().enumerate().peekable();
    if frames.peek().is_some() {
        writeln!(out)?;
    }
    frames.try_for_each(|(at, frame)| self::frame(out, at, &frame))
}

fn frame(out: &mut dyn Write, at: usize, frame: &Frame<'_>) -> io::Result<()> {
    write!(out, "{at:>3}  ")?;
    if let (Some(module), Some(offset)) = (frame.module, frame.offset) {
        write!(out, "{}+{offset:#x}  ", Shown(Lossy(module)))?;
    }
    let interrupted = if frame.interrupted { INTERRUPTED } else { "" };
    let unverified = if frame.unverified { UNVERIFIED } else { "" };
    writeln!(out, "{:#x}{interrupted}{unverified}", frame.address)
}

pub(super) fn end(out: &mut dyn Write, took: Duration, limits: &[Limit]) -> io::Result<()> {
    banner(out, "Summary")?;
    writeln!(out, "took = {}", InWords(took))?;
    limits.iter().filter(|limit| !limit.is_none()).try_for_each(|limit| writeln!(out, "{limit}"))?;
    writeln!(out, "{:=^BANNER$}", " end of the report ")
}

fn banner(out: &mut dyn Write, title: &str) -> io::Result<()> {
    writeln!(out, "{:=<BANNER$}\n===={title:^width$}====\n{:=<BANNER$}", "", "", width = BANNER - 8)
}

/// A short text that is made in place, so that it can be put into the middle of a line. What has no room is left out.
struct FixedText<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Default for FixedText<N> {
    fn default() -> Self {
        FixedText { bytes: [0; N], length: 0 }
    }
}

impl<const N: usize> FixedText<N> {
    fn text(&self) -> &str {
        // Whole texts were added, or none.
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl<const N: usize> std::fmt::Write for FixedText<N> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
