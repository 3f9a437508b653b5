//! Stacks and chains of awaits as text: a headline, the ids of the threads or tasks, and the frames that say something.

use std::collections::BTreeMap;
use std::ops::Range;

use super::BANNER;
use super::escape::escape;
use crate::model::{Detail, Frame, Line, Trace, TraceKind};
use crate::words;

/// Terminals on call are a hundred columns wide.
pub(super) const SCREEN: usize = 100;

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
                let what = if lines.is_empty() { RUNTIME } else { START };
                lines.extend(counted(std::mem::take(&mut folded), what));
                let left = format!("{at:>3}  {}{}", name(line), marks(line));
                lines.push(Shown { left, right: location(line) });
            }
            at += 1;
        }
        let omitted = frame.omitted();
        if omitted > 0 {
            lines.extend(counted(std::mem::take(&mut folded), START));
            let left = format!("     ... {} between ...", words::counted(omitted, "frame"));
            lines.push(Shown { left, right: String::new() });
            at += omitted;
        }
    }
    if !lines.is_empty() {
        lines.extend(counted(folded, START));
    }
    lines
}

/// What folded frames are: in the midst and at the end of a stack the thread's start, at its begin a runtime's wait.
const START: &str = "of the thread's start";
const RUNTIME: &str = "of a runtime that waits";

fn counted(count: u64, what: &str) -> Option<Shown> {
    let left = format!("     {} {what}", words::counted(count, "frame"));
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

/// Indented below what awaits it. Of many futures that one polls, equal ones stand once.
fn awaits(frames: &[Frame]) -> Vec<Shown> {
    let mut tree = Tree { frames, ends: ends(frames), above: Vec::new(), lines: Vec::new() };
    tree.show(0..frames.len(), 0);
    tree.lines
}

/// Where what a frame awaits ends, of each frame: the index behind it.
fn ends(frames: &[Frame]) -> Vec<usize> {
    let mut ends = vec![frames.len(); frames.len()];
    let mut open: Vec<usize> = Vec::new();
    for (at, frame) in frames.iter().enumerate() {
        while let Some(last) = open.pop_if(|last| frames[*last].depth >= frame.depth) {
            ends[last] = at;
        }
        open.push(at);
    }
    ends
}

/// More futures than this that one polls side by side are a crowd, of which equal ones are counted. Fewer are the branches of
/// a `select!` or `join!`, each of which has a name and a place in the source.
const CROWD: usize = 8;

/// Crowds within crowds are looked for so deep.
const NESTED: usize = 4;

struct Tree<'f> {
    frames: &'f [Frame],
    ends: Vec<usize>,
    /// The shown ancestors' depths: a folded frame indents nothing.
    above: Vec<u16>,
    lines: Vec<Shown>,
}

impl Tree<'_> {
    /// Adds the lines of these frames, which stand within so many crowds.
    fn show(&mut self, range: Range<usize>, crowds: usize) {
        let mut at = range.start;
        while at < range.end {
            let futures: Vec<Range<usize>> = match crowds {
                NESTED => Vec::new(),
                _ => self.siblings(at..range.end).take(CROWD + 1).collect(),
            };
            if futures.len() <= CROWD {
                self.frame(at, None);
                at += 1;
                continue;
            }
            let futures: Vec<Range<usize>> = self.siblings(at..range.end).collect();
            at = futures.last().map_or(range.end, |last| last.end);
            for (count, future) in self.distinct(futures) {
                self.frame(future.start, (count > 1).then(|| format!("{count} times")));
                self.show(future.start + 1..future.end, crowds + 1);
            }
        }
    }

    /// The first of these frames and those that stand side by side with it, each with what it awaits. Only futures that are
    /// told apart can be a crowd: what is awaited alone has no name among others.
    fn siblings(&self, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let depth = self.frames[range.start].depth;
        let future = move |start: usize| {
            let is_one = |frame: &&Frame| frame.depth == depth && frame.branch.is_some();
            let within = start < range.end && self.frames.get(start).as_ref().is_some_and(is_one);
            within.then(|| start..self.ends[start])
        };
        let first = future(range.start);
        std::iter::successors(first, move |before| future(before.end))
    }

    /// One of each kind among these futures, with how many there are, the odd ones first: they are what a reader looks for.
    fn distinct(&self, futures: Vec<Range<usize>>) -> Vec<(u64, Range<usize>)> {
        let mut kinds: BTreeMap<Vec<String>, (u64, Range<usize>)> = BTreeMap::new();
        for future in futures {
            let count = 1 + alike(&self.frames[future.start]);
            let kind = kinds.entry(key(&self.frames[future.clone()]));
            kind.or_insert((0, future)).0 += count;
        }
        let mut kinds: Vec<_> = kinds.into_values().collect();
        kinds.sort_by_key(|(count, future)| (*count, future.start));
        kinds
    }

    /// Adds the line of an await, with how often it stands there if more than once.
    fn frame(&mut self, at: usize, mut times: Option<String>) {
        let frame = &self.frames[at];
        let uncounted = if times.is_none() { alike(frame) } else { 0 };
        let uncounted = match uncounted {
            0 => String::new(),
            more => format!(", {}", Detail::Alike(more)),
        };
        for line in frame.lines().filter(|line| !line.folded) {
            while self.above.last().is_some_and(|depth| *depth >= frame.depth) {
                self.above.pop();
            }
            let branch = times.take().or_else(|| frame.branch.as_deref().map(escape));
            let branch = branch.map_or(String::new(), |branch| format!("{branch}: "));
            let indent = 2 * self.above.len().min(DEEPEST);
            let left = format!("  {:indent$}{branch}{}{}{uncounted}", "", name(line), details(frame));
            self.above.push(frame.depth);
            self.lines.push(Shown { left, right: location(line) });
        }
    }
}

/// What makes two futures equal: all that is shown of them but the name of the first among its siblings.
fn key(future: &[Frame]) -> Vec<String> {
    let line = |(at, frame): (usize, &Frame)| {
        let branch = frame.branch.as_deref().filter(|_| at > 0).unwrap_or_default();
        let depth = frame.depth - future[0].depth;
        let calls: Vec<String> =
            frame.lines().map(|line| format!("{} {}", name(line), location(line))).collect();
        format!("{depth} {branch} {} {}", calls.join(" "), details(frame))
    };
    future.iter().enumerate().map(line).collect()
}

/// All but how many more are like it.
fn details(frame: &Frame) -> String {
    let own = frame.details.iter().filter(|detail| !matches!(detail, Detail::Alike(_)));
    own.map(|detail| format!(", {}", escape(&detail.to_string()))).collect()
}

/// How many more are like it that have no frames of their own.
fn alike(frame: &Frame) -> u64 {
    let count = |detail: &Detail| if let Detail::Alike(count) = detail { *count } else { 0 };
    frame.details.iter().map(count).sum()
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
