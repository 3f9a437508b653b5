//! Wait-for graphs compared: how many wait for a thing of each kind in each function, which rings there are, and who has
//! not moved between two reports of one process.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::text::escape;
use crate::model::Block;
use crate::model::graph::{Graph, Node, Wait};
use crate::words::{self, counted, short_function};

/// The lines that tell which waits appeared, vanished, grew or shrank, the largest change first, and which rings appeared or
/// vanished. Addresses and ids are no part of the comparison of waits: they differ between two starts.
pub fn compare(old: &[Block], new: &[Block]) -> Vec<String> {
    let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (node, wait) in waits(old) {
        counts.entry(place(node, wait)).or_default().0 += 1;
    }
    for (node, wait) in waits(new) {
        counts.entry(place(node, wait)).or_default().1 += 1;
    }
    let mut changed: Vec<_> = counts.into_iter().filter(|(_, (old, new))| old != new).collect();
    changed.sort_by_key(|(_, (old, new))| std::cmp::Reverse(old.abs_diff(*new)));
    let lines = changed.into_iter().map(|(place, (old, new))| {
        let what = match (old, new) {
            (0, _) => "appeared",
            (_, 0) => "vanished",
            (old, new) if old < new => "grew",
            _ => "shrank",
        };
        format!("{what}: {old} -> {new} that wait for {place}")
    });
    lines.chain(super::blocks::texts("", &rings(old), &rings(new))).collect()
}

/// The lines that tell who stands in the same wait in both reports, which are of one process: how many for each thing and
/// function, most first.
pub fn unmoved(old: &[Block], new: &[Block]) -> Vec<String> {
    let identity = |(node, wait): &(&Node, &Wait)| {
        let party = (wait.party.kind.word().to_owned(), wait.party.id);
        (party, node.kind.word().to_owned(), node.address, place(node, wait))
    };
    let before: BTreeSet<_> = waits(old).map(|wait| identity(&wait)).collect();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (node, wait) in waits(new).filter(|wait| before.contains(&identity(wait))) {
        *counts.entry(place(node, wait)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let line = |(place, count)| format!("not moved: {} for {place}", counted(count, "wait"));
    counts.into_iter().map(line).collect()
}

fn graphs(blocks: &[Block]) -> impl Iterator<Item = &Graph> {
    blocks.iter().filter_map(|block| match block {
        Block::Graph(graph) => Some(graph),
        _ => None,
    })
}

fn waits(blocks: &[Block]) -> impl Iterator<Item = (&Node, &Wait)> {
    let nodes = graphs(blocks).flat_map(|graph| &graph.nodes);
    nodes.flat_map(|node| node.waits.iter().map(move |wait| (node, wait)))
}

/// `a tokio Semaphore in db::pool::acquire`.
fn place(node: &Node, wait: &Wait) -> String {
    let what = escape(&words::node_type(node));
    let call = wait.place.as_ref().and_then(words::shown);
    call.map_or(what.clone(), |call| format!("{what} in {}", escape(&short_function(&call.function))))
}

fn rings(blocks: &[Block]) -> Vec<String> {
    let rings =
        graphs(blocks).flat_map(|graph| graph.cycles.iter().map(|cycle| words::deadlock(graph, cycle)));
    rings.filter_map(|lines| lines.first().map(|line| escape(line))).collect()
}
