//! Stacks and chains of awaits: a headline, who stands there, and the frames that tell something.

use super::BANNER;
use super::escape::escape;
use crate::model::{Frame, Member, Trace, TraceKind};
use crate::words;

/// Terminals on call are a hundred columns wide.
const SCREEN: usize = 100;

/// Functions are padded to the widest one of their trace, but not beyond this column.
const LOCATION_COLUMN: usize = 64;

pub(super) fn trace(trace: &Trace, mut line: impl FnMut(&str)) {
    line("");
    line(&format!("------{:^width$}------", escape(&trace.title), width = BANNER - 12));
    if trace.members.len() > 1 {
        line(&ids(&trace.members));
    }
    for summary in &trace.summary {
        line(&escape(summary));
    }
    if let Some(doubt) = &trace.doubt {
        line(&escape(doubt));
    }
    let shown: Vec<Line> = match trace.kind {
        TraceKind::Stack => stack(&trace.frames),
        TraceKind::Await => awaits(&trace.frames),
    };
    if shown.is_empty() {
        return;
    }
    line("");
    let width = |line: &Line| line.left.chars().count();
    let located = shown.iter().filter(|line| !line.right.is_empty());
    let column = located.map(width).filter(|&width| width <= LOCATION_COLUMN).max().unwrap_or(0);
    for Line { left, right } in shown {
        line(format!("{left:<column$}  {right}").trim_end());
    }
}

/// A frame: what it is, and where.
struct Line {
    left: String,
    right: String,
}

fn stack(frames: &[Frame]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut folded = 0;
    let fold = |folded: &mut usize, lines: &mut Vec<Line>| {
        if let count @ 1.. = std::mem::take(folded) {
            let frames = if count == 1 { "frame" } else { "frames" };
            lines.push(Line {
                left: format!("     {count} {frames} of the thread's start"),
                right: String::new(),
            });
        }
    };
    for (at, frame) in frames.iter().enumerate() {
        if frame.folded {
            folded += 1;
            continue;
        }
        fold(&mut folded, &mut lines);
        let mut marks = String::new();
        if frame.inlined {
            marks.push_str(" (inlined)");
        }
        if frame.interrupted {
            marks.push_str(" (interrupted by a signal)");
        }
        if frame.unverified {
            marks.push_str(" (unverified)");
        }
        lines.push(Line { left: format!("{at:>3}  {}{marks}", name(frame)), right: location(frame) });
    }
    if lines.is_empty() {
        return lines;
    }
    fold(&mut folded, &mut lines);
    lines
}

fn awaits(frames: &[Frame]) -> Vec<Line> {
    let mut lines = Vec::new();
    // The shown ancestors' depths: a folded frame indents nothing.
    let mut above: Vec<u16> = Vec::new();
    for frame in frames.iter().filter(|frame| !frame.folded) {
        while above.last().is_some_and(|depth| *depth >= frame.depth) {
            above.pop();
        }
        let branch = frame.branch.as_ref().map_or(String::new(), |branch| format!("{}: ", escape(branch)));
        let detail = frame.detail.as_ref().map_or(String::new(), |detail| format!(", {}", escape(detail)));
        let indent = 2 * above.len();
        lines.push(Line {
            left: format!("  {:indent$}{branch}{}{detail}", "", name(frame)),
            right: location(frame),
        });
        above.push(frame.depth);
    }
    lines
}

/// The function; failing that, what is needed to look it up elsewhere.
fn name(frame: &Frame) -> String {
    if let Some(function) = &frame.function {
        return escape(function);
    }
    match (&frame.module, frame.offset, frame.address) {
        (Some(module), Some(offset), _) => format!("{}+{offset:#x}", escape(words::short_path(module))),
        (_, _, Some(address)) => format!("{address:#x}"),
        _ => "?".to_owned(),
    }
}

fn location(frame: &Frame) -> String {
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{}:{line}", escape(words::short_path(file))),
        (Some(file), None) => escape(words::short_path(file)),
        (None, _) => match (&frame.function, &frame.module, frame.offset) {
            (Some(_), Some(module), Some(offset)) => {
                format!("{}+{offset:#x}", escape(words::file_name(module)))
            }
            _ => String::new(),
        },
    }
}

/// The members' ids, neighbours as a range, cut where the screen ends.
fn ids(members: &[Member]) -> String {
    let mut ids: Vec<u64> = members.iter().map(|member| member.id).collect();
    ids.sort_unstable();
    let mut line = String::new();
    let mut at = 0;
    while at < ids.len() {
        let mut last = at;
        while last + 1 < ids.len() && ids[last + 1] == ids[last] + 1 {
            last += 1;
        }
        let part = match last - at {
            0 => ids[at].to_string(),
            1 => format!("{} {}", ids[at], ids[last]),
            _ => format!("{}-{}", ids[at], ids[last]),
        };
        // Room for " and 1234567 more".
        if line.len() + part.len() > SCREEN - 17 {
            return format!("{line} and {} more", ids.len() - at);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&part);
        at = last + 1;
    }
    line
}
