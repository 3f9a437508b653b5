//! Stacks and chains compared: groups of threads and tasks that stand in the same functions, and how many stand there. Lines, addresses
//! and ids are no part of the comparison: they differ between two builds or two starts of one service.

use std::collections::BTreeMap;

use crate::format::text::escape;
use crate::model::{Block, Frame, Line, Trace, TraceKind};

/// How many functions name a group: enough to tell what it does, few enough for one line.
const SHOWN: usize = 3;

/// What makes two traces the same group: their depths and functions, or the reason why there are none.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    /// Stacks come first, then awaits.
    order: u8,
    kind: String,
    frames: Vec<(u16, String)>,
    doubt: String,
}

#[derive(Default)]
struct Counts {
    old: usize,
    new: usize,
    shown: String,
}

/// The lines that tell which groups appeared, vanished, grew or shrank: the largest change first.
pub fn compare(old: &[Block], new: &[Block]) -> Vec<String> {
    let mut groups: BTreeMap<Group, Counts> = BTreeMap::new();
    for trace in traces(old) {
        let counts = groups.entry(group(trace)).or_default();
        counts.old += members(trace);
        counts.shown = shown(trace);
    }
    for trace in traces(new) {
        let counts = groups.entry(group(trace)).or_default();
        counts.new += members(trace);
        counts.shown = shown(trace);
    }
    let mut changed: Vec<_> = groups.into_iter().filter(|(_, counts)| counts.old != counts.new).collect();
    // The sort is stable, and the groups come in their own order.
    changed.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.old.abs_diff(counts.new)));
    changed.iter().map(|(group, counts)| line(group, counts)).collect()
}

fn line(group: &Group, counts: &Counts) -> String {
    let Counts { old, new, shown } = counts;
    let what = match (old, new) {
        (0, _) => "appeared",
        (_, 0) => "vanished",
        (old, new) if old < new => "grew",
        _ => "shrank",
    };
    let kind = match (group.order, group.frames.is_empty()) {
        (_, true) => "without frames,",
        (0, false) => "stacks in",
        (1, false) => "tasks in",
        (_, false) => "traces in",
    };
    format!("{what}: {old} -> {new} {kind} {shown}")
}

fn traces(blocks: &[Block]) -> impl Iterator<Item = &Trace> {
    blocks.iter().filter_map(|block| match block {
        Block::Trace(trace) => Some(trace),
        _ => None,
    })
}

/// A trace that names nobody still stands for one.
fn members(trace: &Trace) -> usize {
    trace.members.len().max(1)
}

fn group(trace: &Trace) -> Group {
    let frames: Vec<_> = lines(trace).map(|line| (line.frame.depth, function(line))).collect();
    let doubt = trace.doubt.as_ref().filter(|_| frames.is_empty());
    let order = match trace.kind {
        TraceKind::Stack => 0,
        TraceKind::Await => 1,
        TraceKind::Unknown(_) => 2,
    };
    Group {
        order,
        kind: trace.kind.word().to_owned(),
        frames,
        doubt: doubt.map(ToString::to_string).unwrap_or_default(),
    }
}

fn lines(trace: &Trace) -> impl Iterator<Item = Line<'_>> {
    trace.frames.iter().flat_map(Frame::lines)
}

fn function(line: Line<'_>) -> String {
    match (line.function(), &line.frame.module, line.frame.offset) {
        (Some(function), ..) => function.to_owned(),
        (None, Some(module), Some(offset)) => format!("{module}+{offset:#x}"),
        (None, ..) => "?".to_owned(),
    }
}

/// The frames nearest to what is waited for: a stack's first ones, a chain's last ones.
fn shown(trace: &Trace) -> String {
    let mut names: Vec<String> =
        lines(trace).filter(|line| !line.folded).map(|line| escape(&function(line))).collect();
    if names.is_empty() {
        names = lines(trace).map(|line| escape(&function(line))).collect();
    }
    if trace.kind == TraceKind::Await {
        names.reverse();
    }
    let more = names.len() > SHOWN;
    names.truncate(SHOWN);
    match (names.is_empty(), &trace.doubt) {
        (true, Some(doubt)) => escape(&doubt.to_string()),
        (true, None) => escape(&trace.title),
        (false, _) => format!("{}{}", names.join(" < "), if more { " < ..." } else { "" }),
    }
}
