//! Stacks and chains of awaits as text: a headline, the ids of the threads or tasks, and the frames that say something.

use super::BANNER;
use super::escape::escape;
use crate::model::{Frame, Line, Trace, TraceKind};
use crate::words::{self, counted};

/// Terminals on call are a hundred columns wide.
const SCREEN: usize = 100;

/// Functions are padded to the widest one of their trace, but not beyond this column.
const LOCATION_COLUMN: usize = 64;

/// Awaits that are nested deeper are not indented further: no screen is as wide, and with thousands of levels, as a
/// plugin may return them, the blanks alone would be gigabytes.
const DEEPEST: usize = 64;

pub(super) fn trace(trace: &Trace, mut line: impl FnMut(&str)) {
    line("");
    line(&format!("------{:^width$}------", escape(&trace.title), width = BANNER - 12));
    if let TraceKind::Unknown(word) = &trace.kind {
        line(&escape(&format!("a trace of a kind that this version does not know: {word}")));
    }
    if trace.members.len() > 1 {
        line(&ids(trace.members.iter().map(|member| member.id).collect()));
    }
    for summary in &trace.summary {
        line(&escape(summary));
    }
    if let Some(doubt) = &trace.doubt {
        line(&escape(&doubt.to_string()));
    }
    let shown: Vec<Shown> = match &trace.kind {
        TraceKind::Stack => stack(&trace.frames),
        // A kind that this version does not know may be a tree, too.
        TraceKind::Await | TraceKind::Unknown(_) => awaits(&trace.frames),
    };
    if shown.is_empty() {
        return;
    }
    line("");
    let width = |line: &Shown| line.left.chars().count();
    let located = shown.iter().filter(|line| !line.right.is_empty());
    let column = located.map(width).filter(|&width| width <= LOCATION_COLUMN).max().unwrap_or(0);
    for Shown { left, right } in shown {
        line(format!("{left:<column$}  {right}").trim_end());
    }
}

/// A line of a trace: what stands there, and where it was written.
struct Shown {
    left: String,
    right: String,
}

/// Calls are numbered, inlined ones too, and whether they are shown or not; of frames that were left out it is not known
/// which calls were inlined there, so that each counts once.
fn stack(frames: &[Frame]) -> Vec<Shown> {
    let mut lines = Vec::new();
    let mut folded = 0;
    let mut at = 0;
    for frame in frames {
        for line in frame.lines() {
            if line.folded {
                folded += 1;
            } else {
                lines.extend(counted_start(std::mem::take(&mut folded)));
                let left = format!("{at:>3}  {}{}", name(line), marks(line));
                lines.push(Shown { left, right: location(line) });
            }
            at += 1;
        }
        let omitted = frame.omitted();
        if omitted > 0 {
            lines.extend(counted_start(std::mem::take(&mut folded)));
            let left = format!("     ... {} between ...", counted(omitted, "frame"));
            lines.push(Shown { left, right: String::new() });
            at += omitted;
        }
    }
    if !lines.is_empty() {
        lines.extend(counted_start(folded));
    }
    lines
}

fn counted_start(count: u64) -> Option<Shown> {
    let left = format!("     {} of the thread's start", counted(count, "frame"));
    (count > 0).then(|| Shown { left, right: String::new() })
}

fn marks(line: Line<'_>) -> String {
    let marks = [
        (line.inlined, " (inlined)"),
        (line.frame.interrupted, " (interrupted by a signal)"),
        (line.frame.unverified, " (unverified)"),
    ];
    marks.iter().filter(|(is_so, _)| *is_so).map(|(_, mark)| *mark).collect()
}

/// Indented below what awaits it.
fn awaits(frames: &[Frame]) -> Vec<Shown> {
    let mut lines = Vec::new();
    // The shown ancestors' depths: a folded frame indents nothing.
    let mut above: Vec<u16> = Vec::new();
    for line in frames.iter().flat_map(Frame::lines).filter(|line| !line.folded) {
        let frame = line.frame;
        while above.last().is_some_and(|depth| *depth >= frame.depth) {
            above.pop();
        }
        let branch = frame.branch.as_ref().map_or(String::new(), |branch| format!("{}: ", escape(branch)));
        let details = frame.details.iter().map(|detail| format!(", {}", escape(&detail.to_string())));
        let details: String = details.collect();
        let indent = 2 * above.len().min(DEEPEST);
        let left = format!("  {:indent$}{branch}{}{details}", "", name(line));
        lines.push(Shown { left, right: location(line) });
        above.push(frame.depth);
    }
    lines
}

/// The function; failing that, what is needed to look it up elsewhere.
fn name(line: Line<'_>) -> String {
    if let Some(function) = line.function() {
        return escape(&words::short_function(function));
    }
    match (&line.frame.module, line.frame.offset, line.frame.address) {
        (Some(module), Some(offset), _) => format!("{}+{offset:#x}", escape(words::short_path(module))),
        (_, _, Some(address)) => format!("{address:#x}"),
        _ => "?".to_owned(),
    }
}

fn location(line: Line<'_>) -> String {
    let Some(call) = line.call else { return String::new() };
    match (&call.file, call.line) {
        (Some(file), Some(line)) => format!("{}:{line}", escape(words::short_path(file))),
        (Some(file), None) => escape(words::short_path(file)),
        (None, _) => match (&line.frame.module, line.frame.offset) {
            (Some(module), Some(offset)) => format!("{}+{offset:#x}", escape(words::file_name(module))),
            _ => String::new(),
        },
    }
}

/// Ids in their order, neighbours as a range, cut where the screen ends.
pub(super) fn ids(mut ids: Vec<u64>) -> String {
    ids.sort_unstable();
    ranges(&ids)
}

/// The same, in the order in which they are given.
pub(super) fn ranges(ids: &[u64]) -> String {
    let mut line = String::new();
    let mut at = 0;
    while at < ids.len() {
        let mut last = at;
        while ids[last].checked_add(1).is_some_and(|next| ids.get(last + 1) == Some(&next)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Detail;

    #[test]
    fn a_deep_stack_shows_both_ends_and_counts_on_beyond_the_gap() {
        let mut frames = ["leaf", "recurse", "recurse", "who_began_it", "clone3"].map(Frame::of);
        frames[1].details.push(Detail::FramesOmitted(3976));
        frames[4].folded = true;
        let mut deep = Trace::stack("1  \"deep\"");
        deep.frames = frames.into();
        let mut lines = Vec::new();
        trace(&deep, |line| lines.push(line.to_owned()));
        assert_eq!(
            lines[3..],
            [
                "  0  leaf",
                "  1  recurse",
                "     ... 3976 frames between ...",
                "3978  recurse",
                "3979  who_began_it",
                "     1 frame of the thread's start",
            ]
        );
    }
}
