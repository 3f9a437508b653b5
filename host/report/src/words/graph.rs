//! The wait-for graph in words: who waits for whom, as one says it to a colleague.

use super::{counted, short_function, short_path};
use crate::model::graph::{
    Certainty, Cycle, Graph, Hold, Kind, Library, Node, Party, PartyKind, Role, Wait, Want,
};
use crate::model::{Call, Frame};

/// More members of a ring are counted only.
const MEMBERS: usize = 8;

/// A ring: a line that says what it is, and a line for each of its members, eight at most and then a count.
///
/// ```
/// use gmr_report::graph::{
///     Certainty, Cycle, CycleMember, Graph, Hold, Kind, Library, Node, Party, Role, Wait, Want,
/// };
/// use gmr_report::words;
///
/// let lock = |holder: u64, waiter: u64| {
///     let mut node = Node::new(Library::Tokio, Kind::Mutex);
///     node.waits.push(Wait::new(Party::task(waiter), Want::Exclusive));
///     node.holds.push(Hold::new(Party::task(holder), Role::Exclusive));
///     node
/// };
/// let mut graph = Graph::new([lock(18, 17), lock(17, 18)]);
/// let members = [CycleMember::new(0, 0, 0), CycleMember::new(1, 0, 0)];
/// graph.cycles.push(Cycle::new(members, Certainty::Certain));
/// assert_eq!(
///     words::deadlock(&graph, &graph.cycles[0]),
///     [
///         "deadlock: tasks 17 and 18 wait for each other",
///         "task 17 waits for a tokio Mutex that task 18 holds",
///         "task 18 waits for a tokio Mutex that task 17 holds",
///     ]
/// );
/// ```
pub fn deadlock(graph: &Graph, cycle: &Cycle) -> Vec<String> {
    let members: Vec<_> = cycle.members.iter().filter_map(|member| graph.member(member)).collect();
    let certainty = match cycle.certainty {
        Certainty::Certain => "deadlock",
        Certainty::Probable => "probably a deadlock",
        _ => "possibly a deadlock",
    };
    let until = if cycle.timed { ", until one gives up" } else { "" };
    let parties: Vec<&Party> = members.iter().map(|(_, wait, _)| &wait.party).collect();
    let who = parties_listed(&parties);
    let mut lines = vec![match parties.len() {
        0 => format!("{certainty}{until}"),
        1 => format!("{certainty}: {who} waits for what it holds itself{until}"),
        2 => format!("{certainty}: {who} wait for each other{until}"),
        _ => format!("{certainty}: {who} wait for each other in a ring{until}"),
    }];
    let line = |(at, (node, wait, hold)): (usize, &(&Node, &Wait, &Hold))| {
        let (_, next, _) = members[(at + 1) % members.len()];
        member(node, wait, hold, next)
    };
    lines.extend(members.iter().enumerate().take(MEMBERS).map(line));
    let more = cycle.members.len().saturating_sub(lines.len() - 1);
    if more > 0 {
        lines.push(format!("and {}", counted(more as u64, "more member")));
    }
    lines
}

/// What a party waits for, and who has it, whose own wait is the next line.
fn member(node: &Node, wait: &Wait, hold: &Hold, next: &Wait) -> String {
    let place = wait.place.as_ref().map_or(String::new(), |frame| format!(" {}", place(frame)));
    let holder = match &hold.party {
        party if *party == wait.party => "it".to_owned(),
        party => self::party(party),
    };
    let is_told_below = hold.function.is_some() && function(next) == hold.function.as_deref();
    let variable = match &hold.variable {
        Some(variable) if is_told_below => format!(" (`{variable}`)"),
        _ => variable(hold),
    };
    format!("{}{place} waits {}{variable}", party(&wait.party), wanted(node, wait, hold, &holder))
}

/// The function that a party waits in.
fn function(wait: &Wait) -> Option<&str> {
    shown(wait.place.as_ref()?).map(|call| call.function.as_str())
}

/// The call of a place that stands for it.
pub(crate) fn shown(place: &Frame) -> Option<&Call> {
    place.calls.iter().find(|call| !call.folded).or(place.calls.first())
}

/// `for a Mutex that task 18 holds`.
fn wanted(node: &Node, wait: &Wait, hold: &Hold, holder: &str) -> String {
    let doubt = match hold.certainty {
        Certainty::Certain => "",
        Certainty::Probable => "probably ",
        _ => "possibly ",
    };
    let what = node_type(node);
    let has = match &hold.role {
        Role::Runs => match &node.kind {
            Kind::ThreadEnd | Kind::TaskEnd => return format!("for the end of {holder}"),
            Kind::Once => return format!("for {what} that {holder} {doubt}runs"),
            Kind::Work => return format!("for work that {holder} {doubt}does"),
            _ => format!("{doubt}runs in"),
        },
        Role::Sender => format!("{doubt}has the sender of"),
        Role::Receiver => format!("{doubt}has the receiver of"),
        Role::Permits => match hold.permits {
            Some(count) => format!("{doubt}holds {} of", counted(count, "permit")),
            None => format!("{doubt}holds permits of"),
        },
        Role::Exclusive | Role::Shared | Role::Unknown(_) => format!("{doubt}holds"),
    };
    let goal = match (&wait.want, wait.permits) {
        (Want::Permits, Some(count)) if count != 1 => format!("for {} of {what}", counted(count, "permit")),
        (Want::Permits, _) => format!("for a permit of {what}"),
        (Want::Send, _) => format!("for room in {what}"),
        (Want::Receive, _) => format!("for a message of {what}"),
        (Want::Shared, _) => format!("to read {what}"),
        _ => format!("for {what}"),
    };
    format!("{goal} that {holder} {has}")
}

/// ` (`from` in bank::transfer)`, where a variable is known.
pub(crate) fn variable(hold: &Hold) -> String {
    match (&hold.variable, &hold.function) {
        (Some(variable), Some(function)) => format!(" (`{variable}` in {})", short_function(function)),
        (Some(variable), None) => format!(" (`{variable}`)"),
        (None, Some(function)) => format!(" (in {})", short_function(function)),
        (None, None) => String::new(),
    }
}

/// A thing that is waited for: `tokio Mutex at 0x7f3a10c0`, `the end of task 4`.
///
/// ```
/// use gmr_report::graph::{Kind, Library, Node};
///
/// let node = Node::at(Library::ParkingLot, Kind::RwLock, 0x7f3a_10c0);
/// assert_eq!(gmr_report::words::node(&node), "parking_lot RwLock at 0x7f3a10c0");
/// ```
pub fn node(node: &Node) -> String {
    match (&node.kind, &node.party, node.address) {
        (Kind::ThreadEnd | Kind::TaskEnd, Some(party), _) => format!("the end of {}", self::party(party)),
        (_, _, Some(address)) => format!("{} at {address:#x}", type_of(node)),
        _ => type_of(node),
    }
}

/// `a tokio Mutex`, `an initialiser`.
pub(crate) fn node_type(node: &Node) -> String {
    let words = type_of(node);
    let article = if words.starts_with(['a', 'e', 'i', 'o', 'R']) { "an" } else { "a" };
    format!("{article} {words}")
}

/// `tokio Mutex`; the standard library's is a `Mutex`.
fn type_of(node: &Node) -> String {
    let kind = match &node.kind {
        Kind::Mutex => "Mutex",
        Kind::RwLock => "RwLock",
        Kind::Semaphore => "Semaphore",
        Kind::Channel => "channel",
        Kind::Oneshot => "oneshot channel",
        Kind::Watch => "watch channel",
        Kind::Broadcast => "broadcast channel",
        Kind::Once => return "initialiser".to_owned(),
        Kind::Barrier => "Barrier",
        Kind::Condvar => "Condvar",
        Kind::Notify => "Notify",
        Kind::ThreadEnd => return "end of a thread".to_owned(),
        Kind::TaskEnd => return "end of a task".to_owned(),
        Kind::ScopeEnd => "scope",
        Kind::Work => "work",
        Kind::Unknown(word) => word,
    };
    match &node.library {
        Library::Std => kind.to_owned(),
        Library::Pthread => format!("pthread {}", kind.to_lowercase()),
        library => format!("{} {kind}", library.word()),
    }
}

/// A thread or task: `task 17  "gc"` without its second blank.
///
/// ```
/// use gmr_report::{graph::Party, words};
///
/// assert_eq!(words::party(&Party::thread(12).named("writer")), "thread 12 \"writer\"");
/// assert_eq!(words::party(&Party::block_on(12)), "the future that thread 12 blocks on");
/// ```
pub fn party(party: &Party) -> String {
    let number = match &party.kind {
        PartyKind::BlockOn => return format!("the future that thread {} blocks on", numbered(party)),
        kind => kind.word(),
    };
    format!("{number} {}", numbered(party))
}

fn numbered(party: &Party) -> String {
    match &party.name {
        Some(name) => format!("{} \"{name}\"", party.id),
        None => party.id.to_string(),
    }
}

/// `tasks 17 and 18`, `task 17 and thread 3`, `threads 1, 2, 3 and 4 more`.
fn parties_listed(parties: &[&Party]) -> String {
    let plural = match parties {
        [first, rest @ ..] if !rest.is_empty() && rest.iter().all(|other| other.kind == first.kind) => {
            match first.kind {
                PartyKind::Thread => Some("threads"),
                PartyKind::Task => Some("tasks"),
                _ => None,
            }
        }
        _ => None,
    };
    let name = |party: &&Party| if plural.is_some() { numbered(party) } else { self::party(party) };
    let mut names: Vec<String> = parties.iter().take(MEMBERS).map(name).collect();
    if parties.len() > MEMBERS {
        names.push(format!("{} more", parties.len() - MEMBERS));
    }
    let last = names.pop().unwrap_or_default();
    let listed = if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) };
    plural.map_or(listed.clone(), |plural| format!("{plural} {listed}"))
}

/// A function with where it was written: `bank::transfer (src/bank.rs:42)`. Of a frame without a name the address.
///
/// ```
/// use gmr_report::{Call, words};
///
/// let frame = Call::of("bank::transfer").at("/home/me/bank/src/bank.rs", 42).into();
/// assert_eq!(words::place(&frame), "bank::transfer (bank/src/bank.rs:42)");
/// ```
pub fn place(frame: &Frame) -> String {
    match (shown(frame), &frame.module, frame.offset, frame.address) {
        (Some(call), ..) => {
            let function = short_function(&call.function);
            match (&call.file, call.line) {
                (Some(file), Some(line)) => format!("{function} ({}:{line})", short_path(file)),
                (Some(file), None) => format!("{function} ({})", short_path(file)),
                (None, _) => function.into_owned(),
            }
        }
        (None, Some(module), Some(offset), _) => format!("{}+{offset:#x}", short_path(module)),
        (None, _, _, Some(address)) => format!("{address:#x}"),
        (None, ..) => "?".to_owned(),
    }
}
