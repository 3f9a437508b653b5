//! The Threads section: every thread, those with the same stack together.

mod grouping;
mod idle;
mod summary;
#[cfg(test)]
mod tests;
pub(crate) mod translate;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use summary::{state_of_thread, system_call};
pub(crate) use translate::{incomplete, no_stack};

use gmr_inspect::threads::Capture;
use gmr_report::{Block, NativeSection, Section, Trace, Value};
use grouping::{Group, groups};

/// The section of a capture.
pub(crate) fn section(capture: &Capture) -> Section {
    let mut section = Section::native(NativeSection::Threads);
    let notes = translate::notes(capture);
    if capture.threads.is_empty() {
        let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
        let reason = if notes.is_empty() { "no thread was found".to_owned() } else { notes.join("; ") };
        return section.failed(reason);
    }
    let groups = groups(&capture.threads);
    section.blocks.push(Block::paragraph(summary::headline(capture, &groups)));
    if !notes.is_empty() {
        section.blocks.push(Block::notes(notes));
    }
    section.blocks.extend(groups.iter().map(|group| Block::Trace(trace(group))));
    section.blocks.extend(modules(&groups).into_iter().flatten());
    section
}

fn trace(group: &Group<'_>) -> Trace {
    let (mut frames, doubt) = translate::stack(&group.threads[0].stack);
    idle::fold_block_on(group.threads[0], &mut frames);
    idle::fold_runtime(group.threads[0], &mut frames);
    let mut trace = Trace::stack(summary::title(group));
    trace.summary.push(summary::state(group));
    trace.members = group.threads.iter().map(|thread| translate::member(thread)).collect();
    trace.frames = frames;
    trace.doubt = doubt;
    trace.idle = idle::kind(group).map(str::to_owned);
    trace
}

/// Lets the traces come first in which one of these threads stands. Idle ones among them are no longer counted only.
pub(crate) fn first(section: &mut Section, threads: &BTreeSet<u64>) {
    let is_one = |block: &Block| match block {
        Block::Trace(trace) => trace.members.iter().any(|member| threads.contains(&member.id)),
        _ => false,
    };
    let places: Vec<usize> =
        (0..section.blocks.len()).filter(|at| matches!(section.blocks[*at], Block::Trace(_))).collect();
    let Some(range) = places.first().zip(places.last()) else { return };
    let traces = &mut section.blocks[*range.0..=*range.1];
    for block in traces.iter_mut().filter(|block| is_one(block)) {
        if let Block::Trace(trace) = block {
            trace.idle = None;
        }
    }
    traces.sort_by_cached_key(|block| !is_one(block));
}

/// The files that frames lie in: with the build ids, another machine can look their
/// offsets up.
fn modules(groups: &[Group<'_>]) -> Option<[Block; 2]> {
    let modules: BTreeMap<_, _> = groups
        .iter()
        .flat_map(Group::frames)
        .filter_map(|frame| frame.module.as_ref())
        .map(|module| (&module.path, &module.build_id))
        .collect();
    let rows: Vec<Vec<Value>> = modules
        .into_iter()
        .map(|(path, build_id)| vec![path.display().to_string().into(), build_id.clone().into()])
        .collect();
    let heading = Block::heading(1, "modules of these frames");
    (!rows.is_empty()).then(|| [heading, Block::table(["module", "build id"], rows)])
}
