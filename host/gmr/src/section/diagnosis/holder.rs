//! Rule: one holder, many waiters. Those who wait for a lock, for permits, for room in a channel, for the others at
//! a barrier, or for an initialiser; who has it, and what that one does.
//!
//! Waits are what locks are for, so a few are no reason to look. It fires for
//! - two threads or more at one lock, which were seen there for the whole look;
//! - ten waits or more of tasks at one lock, semaphore, full channel or barrier;
//! - fewer, down to one, if the holder will not be done soon: it sleeps for a second or more, waits at a barrier or
//!   for one that will not be done soon, or is asleep in an initialiser; or if a thread has stood there for ten
//!   seconds, or one of several tasks;
//! - a lock or permits that were given to a future which its task does not poll, while others wait.
//!
//! It does not for idle receivers, conditions, notifications and timers, nor for the end of a thread that works.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use gmr_inspect::holds::{Certainty, Hold, Kind, Node, Party, Progress, Role, Wait, Want};
use gmr_inspect::threads::{Resource, State};

use gmr_report::words::{counted, duration, short_function};

use super::place::{self, Place};
use super::scene::{Scene, frames};
use super::words;
use super::{Entry, Rank};

/// Fewer tasks are no crowd.
const CROWD: usize = 10;

/// A holder that sleeps for as long will not be done soon.
const NAP: Duration = Duration::from_secs(1);

/// Shorter waits are how a service works.
const LONG: Duration = Duration::from_secs(10);

/// So far is gone from holder to holder, and so many holders of one thing are asked.
const MOST_STEPS: usize = 8;

/// No more waiters are asked where they stand.
const MOST_PLACES: usize = 1_000;

/// No more parties are counted that wait behind the waiters.
const MOST_BEHIND: usize = 10_000;

/// No more things have an entry, the heaviest first; the others are counted: of thousands of pairs nobody reads on.
const MOST_ENTRIES: usize = 100;

pub(super) fn find(scene: &Scene<'_>) -> Vec<Entry> {
    let in_ring: HashSet<usize> =
        scene.graph.cycles.iter().flat_map(|cycle| cycle.members.iter().map(|member| member.node)).collect();
    let nodes = scene.graph.nodes.iter().enumerate().filter(|(number, _)| !in_ring.contains(number));
    let mut queues: Vec<Queue<'_>> = nodes.filter_map(|(_, node)| Queue::of(scene, node)).collect();
    queues.sort_by_key(|queue| (queue.rank(), Reverse(queue.weight)));
    let more = queues.split_off(queues.len().min(MOST_ENTRIES)).len();
    let mut entries: Vec<Entry> = queues.iter().map(|queue| queue.entry(scene)).collect();
    if more > 0 {
        let things = counted(more as u64, "more thing");
        let verb = if more == 1 { "is" } else { "are" };
        let line = format!("{things} {verb} waited for in these ways");
        entries.push(Entry { rank: Rank::Holder, weight: 0, lines: vec![line] });
    }
    entries
}

/// Those who wait for one thing, and who has it.
struct Queue<'a> {
    node: &'a Node,
    waits: Vec<&'a Wait>,
    /// A task may wait for it by several futures at once.
    waiters: Vec<Party>,
    holders: Vec<&'a Hold>,
    /// How many wait, and wait for those who wait.
    weight: usize,
}

impl<'a> Queue<'a> {
    /// Of a thing at which more is going on than how a program works.
    fn of(scene: &Scene<'_>, node: &'a Node) -> Option<Queue<'a>> {
        let waits: Vec<&Wait> = node.waiters().filter(|wait| wait.want != Want::Receive).collect();
        let holders: Vec<&Hold> = node.holders(waits.first()?).collect();
        let mut seen = HashSet::new();
        let waiters: Vec<Party> = waits.iter().map(|wait| wait.by).filter(|by| seen.insert(*by)).collect();
        if !is_remarkable(scene, node, waits.len(), &waiters, &holders) {
            return None;
        }
        let weight = behind(scene, &waiters);
        Some(Queue { node, waits, waiters, holders, weight })
    }

    fn rank(&self) -> Rank {
        if self.node.object.kind == Kind::Once { Rank::Initialiser } else { Rank::Holder }
    }

    fn entry(&self, scene: &Scene<'_>) -> Entry {
        let Queue { node, waits, waiters, holders, weight } = self;
        let verb = if waiters.len() == 1 { "waits" } else { "wait" };
        let futures = match waits.len() {
            count if count > waiters.len() => format!(" by {count} futures"),
            _ => String::new(),
        };
        let what = match node.object.kind {
            Kind::Once => initialiser(scene, holders),
            _ => words::object(node, waits[0]),
        };
        let who = words::crowd(scene, waiters);
        let place = most_common(node.waiters().filter_map(|wait| scene.place(wait.by, wait.at)));
        let place = place.map(|place| format!(" in {place}")).unwrap_or_default();
        let since = longest(scene, waiters);
        let mut lines = vec![format!("{who} {verb}{futures} for {what}{place}{since}")];
        lines.extend(told(scene, node, holders));
        lines.extend(granted(scene, node, holders));
        Entry { rank: self.rank(), weight: *weight, lines }
    }
}

/// The function that runs within the call that initialises.
fn initialiser(scene: &Scene<'_>, holders: &[&Hold]) -> Cow<'static, str> {
    let function = holders.first().and_then(|hold| match hold.by {
        Party::Thread(id) => place::within(frames(scene.thread(id)?), |name| {
            name.contains("::once::") && name.contains("::call")
                || name.contains("OnceCell") && name.contains("init")
        }),
        _ => None,
    });
    function.map_or("an initialiser".into(), |function| {
        format!("the initialiser {}", short_function(function)).into()
    })
}

/// `, for at least 12 s`, or `, one of them for at least 12 s`; nothing where all have come just now.
fn longest(scene: &Scene<'_>, waiters: &[Party]) -> String {
    let stood = waiters.iter().filter_map(|waiter| Some((scene.stood(*waiter)?, *waiter)));
    match stood.filter(|(time, _)| *time >= NAP).max_by_key(|(time, _)| *time) {
        None => String::new(),
        Some((time, one)) => {
            let of = if waiters.len() == 1 { "" } else { " one of them" };
            let time = duration(time);
            if words::is_measured(scene, one) {
                format!(",{of} for at least {time}")
            } else {
                format!(",{of} where it stood {time} ago")
            }
        }
    }
}

/// Whether it is more than how a program works.
fn is_remarkable(scene: &Scene<'_>, node: &Node, waits: usize, waiters: &[Party], holders: &[&Hold]) -> bool {
    let forsaken = node.waits.iter().any(|wait| wait.progress == Progress::Granted && !wait.awaited);
    let stood = waiters.iter().any(|waiter| scene.stood(*waiter).is_some_and(|time| time >= LONG));
    let lasting = forsaken || holders.iter().any(|hold| lasts(scene, node, hold, MOST_STEPS));
    let mut threads = waiters.iter().filter(|waiter| matches!(waiter, Party::Thread(_)));
    let (first, second) = (threads.next(), threads.next());
    match node.object.kind {
        // Who works, and is waited for, is no trouble by itself.
        Kind::ThreadEnd | Kind::TaskEnd | Kind::ScopeEnd | Kind::Work => false,
        Kind::Condvar | Kind::Notify => false,
        Kind::Once => lasting || stood,
        Kind::Barrier => waits >= CROWD || (waiters.len() > 1 && stood),
        // One producer that waits for a consumer, which works, is how a pipeline works.
        Kind::Channel if waits == 1 => stood && lasting,
        Kind::Mutex | Kind::RwLock if second.is_some() || (first.is_some() && stood) => true,
        _ => waits >= CROWD || lasting || (waiters.len() > 1 && stood),
    }
}

/// Whether a holder will not be done soon, as far as so many steps from holder to holder tell.
fn lasts(scene: &Scene<'_>, node: &Node, hold: &Hold, steps: usize) -> bool {
    if let Some((other, wait)) = scene.wait_of(hold.by) {
        if std::ptr::eq(other, node) || steps == 0 {
            return false;
        }
        let mut holders = other.holders(wait).take(MOST_STEPS);
        return other.object.kind == Kind::Barrier
            || holders.any(|hold| lasts(scene, other, hold, steps - 1));
    }
    let thread = match hold.by {
        Party::Thread(id) => Some(id),
        Party::Task(id) => scene.polls(id),
        _ => None,
    };
    if let Some(thread) = thread.and_then(|id| scene.thread(id)) {
        return match thread.wait.as_ref().filter(|_| thread.state == State::Sleeping) {
            Some(wait) => match &wait.resource {
                Some(Resource::Time(time)) => *time >= NAP,
                _ => node.object.kind == Kind::Once || scene.standing.of_thread(thread.id) >= Some(NAP),
            },
            None => false,
        };
    }
    words::fires_in(scene, hold.by).is_some_and(|left| left >= NAP)
}

/// Who has it, and what that one does.
pub(super) fn told(scene: &Scene<'_>, node: &Node, holders: &[&Hold]) -> Vec<String> {
    let by: Vec<Party> = holders.iter().map(|hold| hold.by).collect();
    let in_question = holders.iter().any(|hold| hold.certainty == Certainty::OneOf);
    match holders {
        [] if !node.object.kind.has_holder() => vec![],
        [] if matches!(node.object.kind, Kind::Mutex | Kind::RwLock) => {
            vec!["nobody was found to hold it (leaked, static, in a map or behind an Arc)".to_owned()]
        }
        [] => vec![],
        [hold] => {
            let does = words::does(scene, hold.by).map(|does| format!("; it {does}")).unwrap_or_default();
            let it = match hold.role {
                Role::Permits(count) => format!(" {}", counted(count, "permit")),
                _ => " it".to_owned(),
            };
            vec![format!("{}{it}{}{does}", words::holds(scene, hold), words::variable(hold))]
        }
        several if in_question && several.iter().all(|hold| matches!(hold.role, Role::Permits(_))) => {
            vec![shared(scene, node, several, &by)]
        }
        _ if in_question => {
            let names: Vec<String> = by.iter().take(4).map(|party| words::party(scene, *party)).collect();
            let more = by.len().saturating_sub(names.len());
            let more = if more > 0 { format!(" or one of {more} more") } else { String::new() };
            vec![format!("{}{more} has it", words::listed(&names, "or"))]
        }
        several => vec![shared(scene, node, several, &by)],
    }
}

/// `2 permits are with tasks 3 and 4, which wait in plant::run_statement (plant.rs:80)`.
fn shared(scene: &Scene<'_>, node: &Node, holders: &[&Hold], by: &[Party]) -> String {
    let permits: u64 =
        holders.iter().map(|hold| if let Role::Permits(count) = hold.role { count } else { 0 }).sum();
    let free = node.waits.iter().find_map(|wait| wait.permits);
    let names = words::parties(scene, by);
    // Permits are counted in variables, of which some may have been moved away.
    let in_question = holders.iter().any(|hold| hold.certainty == Certainty::OneOf);
    let up_to = if in_question { "up to " } else { "" };
    let mut text = match (permits, free) {
        (0, _) => format!("{names} have it"),
        (permits, Some(0)) => format!("none is free, and {up_to}{permits} are with {names}"),
        (permits, _) => format!("{up_to}{permits} are with {names}"),
    };
    let places = by.iter().filter_map(|party| scene.place(*party, None));
    if let Some(place) = most_common(places) {
        let there = by.iter().filter(|party| scene.place(**party, None).as_ref() == Some(&place)).count();
        let of = if there == by.len() { String::new() } else { format!("{there} of ") };
        text.push_str(&format!(", {of}which stand in {place}"));
    }
    text
}

/// That a holder has been given what it wanted and does not come to use it.
fn granted(scene: &Scene<'_>, node: &Node, holders: &[&Hold]) -> Option<String> {
    let given = node
        .waits
        .iter()
        .find(|wait| wait.progress == Progress::Granted && holders.iter().any(|hold| hold.by == wait.by))?;
    let who = words::party(scene, given.by);
    Some(if given.awaited {
        format!("it was given to {who}, which has not run since")
    } else {
        format!(
            "it was given to a future of {who} that is not polled: as long as it is neither polled nor dropped, nobody else gets it"
        )
    })
}

/// How many wait, and wait for those who wait.
fn behind(scene: &Scene<'_>, waiters: &[Party]) -> usize {
    let mut seen: HashSet<Party> = waiters.iter().copied().collect();
    let mut open: Vec<Party> = waiters.to_vec();
    while let (Some(party), true) = (open.pop(), seen.len() < MOST_BEHIND) {
        for node in scene.held_by(party) {
            open.extend(node.waiters().map(|wait| wait.by).filter(|by| seen.insert(*by)));
        }
    }
    seen.len()
}

/// The place in which most of them stand.
fn most_common<'a>(places: impl Iterator<Item = Place<'a>>) -> Option<Place<'a>> {
    let mut counted: BTreeMap<Place<'a>, usize> = BTreeMap::new();
    places.take(MOST_PLACES).for_each(|place| *counted.entry(place).or_default() += 1);
    counted.into_iter().min_by_key(|(_, count)| Reverse(*count)).map(|(place, _)| place)
}
