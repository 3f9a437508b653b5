//! The wait-for graph as text: the rings first, then each thing with its holders and those that wait for it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::escape::escape;
use super::trace::{ids, ranges};
use crate::model::graph::{Certainty, Graph, Hold, Kind, Node, PartyKind, Progress, Role, Wait, Want};
use crate::words::{self, counted, duration};

/// More things, holders of one thing or places where it is waited for would hide the others: they are counted.
const NODES: usize = 32;
const HOLDERS: usize = 8;
const PLACES: usize = 8;

pub(super) fn graph(graph: &Graph, mut line: impl FnMut(&str)) {
    let waits: usize = graph.nodes.iter().map(|node| node.waits.len()).sum();
    let things = counted(graph.nodes.len() as u64, "thing");
    line(&format!("wait-for graph: {things}, for which {waits} wait"));
    if graph.not_examined > 0 {
        let more = counted(graph.not_examined, "wait");
        line(&format!("{more} more were only counted, to save time"));
    }
    for cycle in &graph.cycles {
        line("");
        let mut lines = words::deadlock(graph, cycle).into_iter();
        line(&escape(&lines.next().unwrap_or_default()));
        lines.for_each(|member| line(&format!("  {}", escape(&member))));
    }
    for node in graph.nodes.iter().take(NODES) {
        line("");
        self::node(node, &mut line);
    }
    if let Some(first) = graph.nodes.get(NODES) {
        let rest = &graph.nodes[NODES..];
        let most = rest.iter().map(|node| node.waits.len()).max().unwrap_or(first.waits.len());
        line("");
        line(&format!(
            "and {}, for each of which at most {most} wait",
            counted(rest.len() as u64, "more thing")
        ));
    }
}

fn node(node: &Node, line: &mut impl FnMut(&str)) {
    let free = node.permits.map_or(String::new(), |free| format!(", {} free", counted(free, "permit")));
    let count = match node.waits.len() {
        1 => "1 waits for it".to_owned(),
        count => format!("{count} wait for it"),
    };
    line(&format!("{}{free}: {count}", escape(&words::node(node))));
    for hold in node.holds.iter().take(HOLDERS) {
        line(&format!("  {}", escape(&held(hold))));
        if let Some(doing) = doing(hold) {
            line(&format!("    {}", escape(&doing)));
        }
    }
    if node.holds.len() > HOLDERS {
        line(&format!("  and {}", counted((node.holds.len() - HOLDERS) as u64, "more holder")));
    }
    if node.holds.is_empty() && is_held_by_somebody(node) {
        line("  nobody was found to hold it (leaked, static, in a map or behind an Arc)");
    }
    let groups = groups(&node.waits);
    for (group, waits) in groups.iter().take(PLACES) {
        line(&format!("  {}", escape(&waiting(group, waits))));
        if waits.len() > 1 {
            line(&format!("    {}", members(waits)));
        }
        if let Some(place) = &group.place {
            line(&format!("    {}", escape(place)));
        }
    }
    if groups.len() > PLACES {
        let rest: usize = groups[PLACES..].iter().map(|(_, waits)| waits.len()).sum();
        line(&format!("  and {rest} more in {}", counted((groups.len() - PLACES) as u64, "other place")));
    }
}

/// Of channels, barriers and their like it says nothing that no end was found: it may be anywhere.
fn is_held_by_somebody(node: &Node) -> bool {
    matches!(node.kind, Kind::Mutex | Kind::RwLock | Kind::Semaphore)
        && node.waits.iter().all(|wait| wait.progress != Progress::Granted)
        && node.permits.is_none_or(|free| free == 0)
}

/// `held by task 18 (`from` in bank::transfer)`.
fn held(hold: &Hold) -> String {
    let party = words::party(&hold.party);
    let doubt = match hold.certainty {
        Certainty::Certain => "",
        Certainty::Probable => "probably ",
        _ => "possibly ",
    };
    let how = match (&hold.role, hold.permits) {
        (Role::Exclusive, _) => "held by".to_owned(),
        (Role::Shared, _) => "held for reading by".to_owned(),
        (Role::Permits, Some(count)) => format!("{} held by", counted(count, "permit")),
        (Role::Permits, None) => "permits held by".to_owned(),
        (Role::Sender, _) => "the sender is with".to_owned(),
        (Role::Receiver, _) => "the receiver is with".to_owned(),
        (Role::Runs, _) => "run by".to_owned(),
        (Role::Unknown(word), _) => format!("{word}:"),
    };
    format!("{doubt}{how} {party}{}", words::variable(hold))
}

/// `sleeps in store::flush (src/store.rs:88)`.
fn doing(hold: &Hold) -> Option<String> {
    match (&hold.doing, &hold.place) {
        (Some(doing), Some(place)) => Some(format!("{doing} in {}", words::place(place))),
        (Some(doing), None) => Some(doing.clone()),
        (None, Some(place)) => Some(format!("in {}", words::place(place))),
        (None, None) => None,
    }
}

/// What waits in one place alike have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    party: String,
    want: String,
    permits: Option<u64>,
    progress: String,
    timed: bool,
    awaited: bool,
    place: Option<String>,
}

/// The waits in groups, the largest first, each in the order of the node.
fn groups(waits: &[Wait]) -> Vec<(Group, Vec<&Wait>)> {
    let mut groups: BTreeMap<Group, Vec<&Wait>> = BTreeMap::new();
    for wait in waits {
        let group = Group {
            party: wait.party.kind.word().to_owned(),
            want: wait.want.word().to_owned(),
            permits: wait.permits,
            progress: wait.progress.word().to_owned(),
            timed: wait.timed,
            awaited: wait.awaited,
            place: wait.place.as_ref().map(words::place),
        };
        groups.entry(group).or_default().push(wait);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, waits)| std::cmp::Reverse(waits.len()));
    groups
}

/// `212 tasks wait, for 2 permits each, the longest for at least 33 s`.
fn waiting(group: &Group, waits: &[&Wait]) -> String {
    let first = waits[0];
    let many = waits.len() > 1;
    let mut text = match (&first.party.kind, many) {
        (_, false) => format!("{} waits", words::party(&first.party)),
        (PartyKind::BlockOn, _) => format!("{} futures of block_on wait", waits.len()),
        (kind, _) => format!("{} {}s wait", waits.len(), kind.word()),
    };
    let each = if many { " each" } else { "" };
    match (&first.want, group.permits) {
        (Want::Permits, Some(count)) if count != 1 => {
            text.push_str(&format!(" for {}{each}", counted(count, "permit")));
        }
        (Want::Shared, _) => text.push_str(" to read"),
        (Want::Send, _) => text.push_str(" to send"),
        (Want::Receive, _) => text.push_str(" to receive"),
        (Want::Unknown(word), _) => text.push_str(&format!(" ({word})")),
        _ => {}
    }
    match &first.progress {
        Progress::Queued => {}
        Progress::Granted => text.push_str(", and has been given it but has not run since"),
        Progress::NoWaker => text.push_str(", and nothing will wake it"),
        Progress::Unknown(word) => text.push_str(&format!(", {word}")),
    }
    if !group.awaited {
        text.push_str(", by a future that it does not await now");
    }
    if group.timed {
        text.push_str(", until a time-out");
    }
    let longest: Option<Duration> = waits.iter().filter_map(|wait| wait.waited).max();
    match (longest, many) {
        (Some(time), false) => text.push_str(&format!(", for at least {}", duration(time))),
        (Some(time), true) => text.push_str(&format!(", the longest for at least {}", duration(time))),
        (None, _) => {}
    }
    text
}

/// The ids: in the order of the queue where it is known, else sorted.
fn members(waits: &[&Wait]) -> String {
    let numbers = waits.iter().map(|wait| wait.party.id);
    if waits.iter().all(|wait| wait.queue_position.is_some()) {
        format!("in this order: {}", ranges(&numbers.collect::<Vec<_>>()))
    } else {
        ids(numbers.collect())
    }
}
