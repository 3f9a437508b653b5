//! Rings of parties that wait for each other.
//!
//! Between two parties stands a gate: a thing, as those want it who wait for it in the same way. A party can go on when one of
//! its gates opens, which is as much as can be said without knowing what it would do then. A gate of permits opens when any of
//! those who hold some goes on; that of a lock, when all do.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Circumstances, Parties};
use crate::holds::{Certainty, Cycle, Kind, Library, Member, Node, Party, Role, Wait, Want};

/// No more rings are looked for: nobody reads on.
const MOST_CYCLES: usize = 32;

/// Starts from which the shortest ring of a knot is looked for.
const MOST_STARTS: usize = 64;

/// The rings among these, the surest first, no party in two of them.
pub(super) fn find(nodes: &[Node], one: &Parties, circumstances: &Circumstances) -> Vec<Cycle> {
    let mut net = Net::new(nodes, one, circumstances);
    net.let_go();
    let mut cycles = Vec::new();
    for certainty in [Certainty::Certain, Certainty::Probable, Certainty::OneOf] {
        while cycles.len() < MOST_CYCLES {
            let Some(ring) = net.ring(certainty) else { break };
            cycles.push(net.cycle(nodes, &ring, certainty));
            for party in ring {
                net.parties[party].free = true;
            }
        }
    }
    cycles
}

/// Parties and gates, with what leads from the one to the other.
#[derive(Default)]
struct Net {
    parties: Vec<Vertex<ToGate>>,
    gates: Vec<Gate>,
}

struct Vertex<Edge> {
    to: Vec<Edge>,
    /// The gates that it keeps closed, of a party; the parties before it, of a gate.
    from: Vec<usize>,
    /// It may go on, or is done with.
    free: bool,
}

struct Gate {
    vertex: Vertex<ToParty>,
    node: usize,
    /// Whether it is enough that one of the holders goes on.
    any: bool,
}

struct ToGate {
    gate: usize,
    /// Index into the node's waits.
    wait: usize,
    certainty: Certainty,
}

struct ToParty {
    party: usize,
    /// Index into the node's holds.
    hold: usize,
    certainty: Certainty,
}

impl<Edge> Default for Vertex<Edge> {
    fn default() -> Self {
        Vertex { to: Vec::new(), from: Vec::new(), free: false }
    }
}

impl Net {
    fn new(nodes: &[Node], one: &Parties, circumstances: &Circumstances) -> Net {
        let mut net = Net::default();
        let mut numbers: HashMap<Party, usize> = HashMap::new();
        let several: HashSet<Party> = circumstances.several.iter().map(|party| one.of(*party)).collect();
        for (number, node) in nodes.iter().enumerate().filter(|(_, node)| !node.holds.is_empty()) {
            let mut gates: HashMap<Want, usize> = HashMap::new();
            for (at, wait) in node.waits.iter().enumerate().filter(|(_, wait)| wait.stands()) {
                let by = one.of(wait.by);
                let gate = *gates
                    .entry(way(wait.want))
                    .or_insert_with(|| net.gate(number, node, wait, one, &mut numbers));
                let party = net.party(by, &mut numbers);
                let certainty = if several.contains(&by) { Certainty::Probable } else { Certainty::Certain };
                net.parties[party].to.push(ToGate { gate, wait: at, certainty });
                net.gates[gate].vertex.from.push(party);
            }
        }
        net
    }

    fn party(&mut self, party: Party, numbers: &mut HashMap<Party, usize>) -> usize {
        *numbers.entry(party).or_insert_with(|| {
            self.parties.push(Vertex::default());
            self.parties.len() - 1
        })
    }

    /// The gate before those who want a thing as this one does.
    fn gate(
        &mut self,
        number: usize,
        node: &Node,
        wait: &Wait,
        one: &Parties,
        numbers: &mut HashMap<Party, usize>,
    ) -> usize {
        let gate = self.gates.len();
        let any = matches!(wait.want, Want::Permits(_)) && node.object.kind == Kind::Semaphore;
        self.gates.push(Gate { vertex: Vertex::default(), node: number, any });
        for (at, hold) in node.holds.iter().enumerate().filter(|(_, hold)| closes(node, wait, hold.role)) {
            let party = self.party(one.of(hold.by), numbers);
            // Permits may be with others, too, that were not found.
            let certainty = if any { hold.certainty.min(Certainty::Probable) } else { hold.certainty };
            self.gates[gate].vertex.to.push(ToParty { party, hold: at, certainty });
            self.parties[party].from.push(gate);
        }
        gate
    }

    /// Frees all that may go on, until none is left that is not kept by another one that is left.
    fn let_go(&mut self) {
        let mut closed: Vec<usize> = self.gates.iter().map(|gate| gate.vertex.to.len()).collect();
        let mut waits: Vec<usize> = self.parties.iter().map(|party| party.to.len()).collect();
        let mut open: VecDeque<usize> = (0..self.gates.len()).filter(|gate| closed[*gate] == 0).collect();
        let mut ready: VecDeque<usize> = (0..self.parties.len()).filter(|party| waits[*party] == 0).collect();
        loop {
            if let Some(gate) = open.pop_front() {
                let Gate { vertex, .. } = &mut self.gates[gate];
                if std::mem::replace(&mut vertex.free, true) {
                    continue;
                }
                for party in &vertex.from {
                    waits[*party] -= 1;
                    if waits[*party] == 0 {
                        ready.push_back(*party);
                    }
                }
            } else if let Some(party) = ready.pop_front() {
                let vertex = &mut self.parties[party];
                if std::mem::replace(&mut vertex.free, true) {
                    continue;
                }
                for gate in &vertex.from {
                    closed[*gate] -= 1;
                    if closed[*gate] == 0 || self.gates[*gate].any {
                        open.push_back(*gate);
                    }
                }
            } else {
                return;
            }
        }
    }

    /// The parties before which a party waits, if only edges at least so sure count.
    fn next(&self, party: usize, least: Certainty) -> impl Iterator<Item = (&ToGate, &ToParty)> {
        let gates = self.parties[party].to.iter().filter(move |edge| edge.certainty >= least);
        gates.filter(|edge| !self.gates[edge.gate].vertex.free).flat_map(move |edge| {
            let parties = self.gates[edge.gate].vertex.to.iter().filter(move |to| to.certainty >= least);
            parties.filter(|to| !self.parties[to.party].free).map(move |to| (edge, to))
        })
    }

    /// A ring of parties, in the order of waiting: the shortest of those that go through the first parties of a knot.
    fn ring(&self, least: Certainty) -> Option<Vec<usize>> {
        let knot = self.knot(least)?;
        let within: HashSet<usize> = knot.iter().copied().collect();
        let rings = knot.iter().take(MOST_STARTS).filter_map(|start| self.shortest(*start, &within, least));
        rings.min_by_key(Vec::len)
    }

    /// The shortest way from a party back to it.
    fn shortest(&self, start: usize, within: &HashSet<usize>, least: Certainty) -> Option<Vec<usize>> {
        let mut before: HashMap<usize, usize> = HashMap::new();
        let mut passed: HashSet<usize> = HashSet::new();
        let mut open = VecDeque::from([start]);
        while let Some(party) = open.pop_front() {
            let gates = self.parties[party].to.iter().filter(|edge| edge.certainty >= least);
            for edge in gates.filter(|edge| !self.gates[edge.gate].vertex.free) {
                // Thousands may wait before one gate: what lies behind it is looked at once.
                if !passed.insert(edge.gate) {
                    continue;
                }
                for to in self.gates[edge.gate].vertex.to.iter().filter(|to| to.certainty >= least) {
                    if to.party == start {
                        return Some(back(party, start, &before));
                    }
                    if within.contains(&to.party)
                        && !self.parties[to.party].free
                        && !before.contains_key(&to.party)
                    {
                        before.insert(to.party, party);
                        open.push_back(to.party);
                    }
                }
            }
        }
        None
    }

    /// The first knot that is found: parties of which each waits for each other one, if perhaps by way of others.
    fn knot(&self, least: Certainty) -> Option<Vec<usize>> {
        Knots::new(self, least).first()
    }

    fn cycle(&self, nodes: &[Node], ring: &[usize], certainty: Certainty) -> Cycle {
        let member = |(at, party): (usize, &usize)| {
            let next = ring[(at + 1) % ring.len()];
            let (edge, to) = self.next(*party, certainty).find(|(_, to)| to.party == next)?;
            Some(Member { node: self.gates[edge.gate].node, wait: edge.wait, hold: to.hold })
        };
        let members: Vec<Member> = ring.iter().enumerate().filter_map(member).collect();
        let timed = members.iter().any(|member| nodes[member.node].waits[member.wait].timed);
        Cycle { members, certainty, timed }
    }
}

fn back(last: usize, start: usize, before: &HashMap<usize, usize>) -> Vec<usize> {
    let mut ring = vec![last];
    let mut at = last;
    while let Some(party) = (at != start).then(|| before.get(&at)).flatten() {
        at = *party;
        ring.push(at);
    }
    ring.reverse();
    ring
}

/// Those that want a thing in the same way wait for the same holders.
fn way(want: Want) -> Want {
    match want {
        Want::Permits(_) => Want::Permits(0),
        want => want,
    }
}

/// Whether who holds something in this role keeps this one from it, and no unknown holder could let it go on.
fn closes(node: &Node, wait: &Wait, role: Role) -> bool {
    match wait.want {
        // A reader queues behind a writer, which waits for the readers.
        Want::Shared if role == Role::Shared => node.waiters().any(|other| other.want == Want::Exclusive),
        // Of other channels there may be senders that were not found; an idle actor has one of its own as a rule.
        Want::Receive => node.object.kind == Kind::Oneshot && role.blocks(wait.want),
        Want::Send => has_one_receiver(node) && role.blocks(wait.want),
        want => role.blocks(want),
    }
}

fn has_one_receiver(node: &Node) -> bool {
    let of_several = matches!(node.object.library, Library::Crossbeam | Library::Smol);
    !of_several && matches!(node.object.kind, Kind::Channel | Kind::Semaphore | Kind::Oneshot)
}

/// Strongly connected components, by Tarjan's algorithm with a stack of its own. A knot alone counts if it waits for itself.
struct Knots<'n> {
    net: &'n Net,
    least: Certainty,
    /// When each vertex was first seen, and the earliest that can be reached from it. Gates are numbered after parties.
    seen: Vec<Option<(u32, u32)>>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    clock: u32,
}

impl<'n> Knots<'n> {
    fn new(net: &'n Net, least: Certainty) -> Knots<'n> {
        let count = net.parties.len() + net.gates.len();
        Knots {
            net,
            least,
            seen: vec![None; count],
            on_stack: vec![false; count],
            stack: Vec::new(),
            clock: 0,
        }
    }

    fn first(mut self) -> Option<Vec<usize>> {
        let parties = self.net.parties.len();
        (0..parties).find_map(|party| {
            let is_new = self.seen[party].is_none() && !self.net.parties[party].free;
            is_new.then(|| self.from(party)).flatten()
        })
    }

    /// The vertices that an edge leads to from this one, by the edge's number.
    fn next(&self, vertex: usize, number: usize) -> Option<Option<usize>> {
        let parties = self.net.parties.len();
        if let Some(gate) = vertex.checked_sub(parties) {
            let edge = self.net.gates[gate].vertex.to.get(number)?;
            let counts = edge.certainty >= self.least && !self.net.parties[edge.party].free;
            return Some(counts.then_some(edge.party));
        }
        let edge = self.net.parties[vertex].to.get(number)?;
        let counts = edge.certainty >= self.least && !self.net.gates[edge.gate].vertex.free;
        Some(counts.then_some(parties + edge.gate))
    }

    fn enter(&mut self, vertex: usize, path: &mut Vec<(usize, usize)>) {
        self.seen[vertex] = Some((self.clock, self.clock));
        self.clock += 1;
        self.stack.push(vertex);
        self.on_stack[vertex] = true;
        path.push((vertex, 0));
    }

    fn from(&mut self, start: usize) -> Option<Vec<usize>> {
        let mut path = Vec::new();
        self.enter(start, &mut path);
        while let Some((vertex, number)) = path.pop() {
            match self.next(vertex, number) {
                Some(next) => {
                    path.push((vertex, number + 1));
                    let Some(next) = next else { continue };
                    match self.seen[next] {
                        None => self.enter(next, &mut path),
                        Some((first, _)) if self.on_stack[next] => self.reaches(vertex, first),
                        Some(_) => {}
                    }
                }
                None => {
                    if let Some(knot) = self.leave(vertex, path.last().map(|(above, _)| *above)) {
                        return Some(knot);
                    }
                }
            }
        }
        None
    }

    fn reaches(&mut self, vertex: usize, when: u32) {
        if let Some((_, low)) = &mut self.seen[vertex] {
            *low = when.min(*low);
        }
    }

    /// Ends with a vertex; the parties of its component, if it is the first one of a component that has a ring.
    fn leave(&mut self, vertex: usize, above: Option<usize>) -> Option<Vec<usize>> {
        let (first, low) = self.seen[vertex]?;
        if let Some(above) = above {
            self.reaches(above, low);
        }
        if first != low {
            return None;
        }
        let at = self.stack.iter().rposition(|other| *other == vertex)?;
        let component = self.stack.split_off(at);
        component.iter().for_each(|member| self.on_stack[*member] = false);
        // Between two parties, and between a party and itself, is a gate.
        let parties = component.iter().copied().filter(|member| *member < self.net.parties.len());
        (component.len() > 1).then(|| parties.collect())
    }
}
