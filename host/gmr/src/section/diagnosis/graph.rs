//! From the wait-for graph that was seen to the report's block of it.

use gmr_inspect::holds as seen;
use gmr_report::graph::{
    Certainty, Cycle, CycleMember, Graph, Hold, Kind, Library, Node, Party, PartyKind, Progress, Role, Wait,
    Want,
};

use super::scene::Scene;
use super::words;

/// More things are counted alone, and more waits for one thing.
const MOST_NODES: usize = 1_000;
const MOST_WAITS: usize = 1_000;

/// The graph of a scene: all rings, and whatever somebody waits for that others hold. Receivers with nothing to do, waits for a
/// notification and for the end of others are how programs stand still when all is well: they are left out where no ring has them.
/// `None` if nothing is left.
pub(super) fn graph(scene: &Scene<'_>) -> Option<Graph> {
    let mut graph = Graph::default();
    let mut numbers = vec![None; scene.graph.nodes.len()];
    let in_ring = scene.graph.cycles.iter().flat_map(|cycle| cycle.members.iter().map(|member| member.node));
    let held_up =
        scene.graph.nodes.iter().enumerate().filter(|(_, node)| is_told(node)).map(|(number, _)| number);
    for number in in_ring.chain(held_up) {
        if numbers[number].is_some() {
            continue;
        }
        let node = &scene.graph.nodes[number];
        if graph.nodes.len() >= MOST_NODES {
            graph.not_examined += node.waits.len() as u64;
            continue;
        }
        numbers[number] = Some(graph.nodes.len() as u32);
        graph.not_examined += node.waits.len().saturating_sub(MOST_WAITS) as u64;
        graph.nodes.push(self::node(scene, node));
    }
    graph.not_examined += scene.graph.not_examined as u64;
    graph.cycles = scene.graph.cycles.iter().filter_map(|cycle| self::cycle(cycle, &numbers)).collect();
    (!graph.nodes.is_empty()).then_some(graph)
}

/// A ring, whose members' waits may be beyond those that are shown of a node.
fn cycle(cycle: &seen::Cycle, numbers: &[Option<u32>]) -> Option<Cycle> {
    let member = |member: &seen::Member| {
        (member.wait < MOST_WAITS && member.hold < MOST_WAITS).then_some(())?;
        Some(CycleMember::new(numbers[member.node]?, member.wait as u32, member.hold as u32))
    };
    let members: Option<Vec<CycleMember>> = cycle.members.iter().map(member).collect();
    let mut ring = Cycle::new(members?, certainty(cycle.certainty));
    ring.timed = cycle.timed;
    Some(ring)
}

/// The threads that wait or hold, by the kernel's ids; those of futures of `block_on` among them.
pub(super) fn threads(graph: &Graph) -> impl Iterator<Item = u64> {
    let parties = graph.nodes.iter().flat_map(|node| {
        let waits = node.waits.iter().map(|wait| &wait.party);
        waits.chain(node.holds.iter().map(|hold| &hold.party))
    });
    parties.filter(|party| matches!(party.kind, PartyKind::Thread | PartyKind::BlockOn)).map(|party| party.id)
}

fn is_told(node: &seen::Node) -> bool {
    use seen::Kind;
    match node.object.kind {
        Kind::Mutex | Kind::RwLock | Kind::Semaphore | Kind::Once => node.waiters().next().is_some(),
        Kind::Channel => node.waiters().any(|wait| wait.want == seen::Want::Send),
        Kind::Oneshot => node.waiters().next().is_some() && !node.holds.is_empty(),
        _ => false,
    }
}

fn node(scene: &Scene<'_>, node: &seen::Node) -> Node {
    let object = &node.object;
    let mut told = Node::new(library(object.library), kind(object.kind));
    match object.kind {
        seen::Kind::ThreadEnd => told.party = Some(party(scene, seen::Party::Thread(object.start as u32))),
        seen::Kind::TaskEnd => told.party = Some(party(scene, seen::Party::Task(object.start))),
        _ => told.address = Some(object.start).filter(|start| *start != 0),
    }
    told.permits = node.waits.iter().find_map(|wait| wait.permits);
    told.waits = node.waits.iter().take(MOST_WAITS).map(|of| wait(scene, of)).collect();
    told.holds = node.holds.iter().take(MOST_WAITS).map(|of| hold(scene, of)).collect();
    told
}

fn wait(scene: &Scene<'_>, wait: &seen::Wait) -> Wait {
    let (want, permits) = match wait.want {
        seen::Want::Exclusive => (Want::Exclusive, None),
        seen::Want::Shared => (Want::Shared, None),
        seen::Want::Permits(count) => (Want::Permits, Some(count)),
        seen::Want::Send => (Want::Send, None),
        seen::Want::Receive => (Want::Receive, None),
        seen::Want::End => (Want::End, None),
        other => (Want::from(format!("{other:?}")), None),
    };
    let mut told = Wait::new(party(scene, wait.by), want);
    (told.progress, told.queue_position) = match wait.progress {
        seen::Progress::Queued(place) => (Progress::Queued, place),
        seen::Progress::Granted => (Progress::Granted, None),
        seen::Progress::NoWaker => (Progress::NoWaker, None),
        other => (Progress::from(format!("{other:?}")), None),
    };
    told.permits = permits;
    (told.timed, told.awaited) = (wait.timed, wait.awaited);
    told.place = scene.place(wait.by, wait.at).map(|place| place.call().into());
    told.waited = scene.stood(wait.by).filter(|_| words::is_measured(scene, wait.by));
    told
}

fn hold(scene: &Scene<'_>, hold: &seen::Hold) -> Hold {
    let (role, permits) = match hold.role {
        seen::Role::Exclusive => (Role::Exclusive, None),
        seen::Role::Shared => (Role::Shared, None),
        seen::Role::Permits(count) => (Role::Permits, Some(count)),
        seen::Role::Sender => (Role::Sender, None),
        seen::Role::Receiver => (Role::Receiver, None),
        seen::Role::Runs => (Role::Runs, None),
        other => (Role::from(format!("{other:?}")), None),
    };
    let mut told = Hold::new(party(scene, hold.by), role);
    told.permits = permits;
    told.certainty = certainty(hold.certainty);
    told.variable = hold.variable.as_deref().map(str::to_owned);
    told.function = hold.function.as_deref().map(str::to_owned);
    told.doing = words::does(scene, hold.by);
    told
}

/// A thread or task, with its name.
pub(super) fn party(scene: &Scene<'_>, party: seen::Party) -> Party {
    let (told, name) = match party {
        seen::Party::Thread(id) => (
            Party::thread(id),
            scene.thread(id).map(|thread| thread.name.as_str()).filter(|name| !name.is_empty()),
        ),
        seen::Party::Task(id) => (Party::task(id), scene.task(id).and_then(|task| task.name.as_deref())),
        seen::Party::BlockOn(id) => (Party::block_on(id), None),
        other => (Party::new(PartyKind::from(format!("{other:?}")), 0), None),
    };
    match name {
        Some(name) => told.named(name),
        None => told,
    }
}

fn certainty(certainty: seen::Certainty) -> Certainty {
    match certainty {
        seen::Certainty::OneOf => Certainty::OneOf,
        seen::Certainty::Probable => Certainty::Probable,
        seen::Certainty::Certain => Certainty::Certain,
        other => Certainty::from(format!("{other:?}")),
    }
}

fn library(library: seen::Library) -> Library {
    match library {
        seen::Library::Std => Library::Std,
        seen::Library::Pthread => Library::Pthread,
        seen::Library::Tokio => Library::Tokio,
        seen::Library::ParkingLot => Library::ParkingLot,
        seen::Library::Crossbeam => Library::Crossbeam,
        seen::Library::Rayon => Library::Rayon,
        seen::Library::Futures => Library::Futures,
        seen::Library::Smol => Library::Smol,
        other => Library::from(format!("{other:?}")),
    }
}

fn kind(kind: seen::Kind) -> Kind {
    match kind {
        seen::Kind::Mutex => Kind::Mutex,
        seen::Kind::RwLock => Kind::RwLock,
        seen::Kind::Semaphore => Kind::Semaphore,
        seen::Kind::Channel => Kind::Channel,
        seen::Kind::Oneshot => Kind::Oneshot,
        seen::Kind::Watch => Kind::Watch,
        seen::Kind::Broadcast => Kind::Broadcast,
        seen::Kind::Once => Kind::Once,
        seen::Kind::Barrier => Kind::Barrier,
        seen::Kind::Condvar => Kind::Condvar,
        seen::Kind::Notify => Kind::Notify,
        seen::Kind::ThreadEnd => Kind::ThreadEnd,
        seen::Kind::TaskEnd => Kind::TaskEnd,
        seen::Kind::ScopeEnd => Kind::ScopeEnd,
        seen::Kind::Work => Kind::Work,
        other => Kind::from(format!("{other:?}")),
    }
}
