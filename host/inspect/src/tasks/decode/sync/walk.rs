//! The walk over what a suspended future has saved: finds waits and holds by plans.
//!
//! One long file, since each kind of plan is a step of one recursive walk.

use std::ops::Range;

use super::found::{HoldSeen, QueueSeen, Suspect, SyncOutput, WaitSeen};
use super::hidden::Hidden;
use super::plan::{
    Acquire, CoroutinePlan, GuardPlan, Holding, Inside, Join, JoinSet, Notified, Saved, Subject, SyncPlan,
    SyncState, Waker,
};
use super::route::Route;
use crate::holds::{self, Kind, Object, Progress, Role, Want, Word};
use crate::tasks::decode::interpreter::Missing;
use crate::tasks::decode::output::{Node, Output, Spot};
use crate::tasks::decode::plan::{Discriminant, Edge, PlanId, Plans, Text};
use crate::tasks::decode::read_set::ReadSet;

/// Values visited for one task.
const MAX_VALUES: usize = 4_000;
/// How deep values may be nested; what a thread's smallest stack can take.
const MAX_LEVEL: usize = 256;
/// Elements of a slice, nodes of a list.
const MAX_ELEMENTS: u64 = 64;
/// Of the async functions around something, so many of the innermost are looked at again at the end.
const MAX_PATH_WORDS: usize = 4;
/// Below this no memory is mapped.
const FIRST_ADDRESS: u64 = 4096;

/// One walk through one future.
pub(crate) struct SyncWalk<'a> {
    plans: &'a Plans<SyncPlan>,
    task_ids: &'a Plans,
    reads: &'a mut ReadSet,
    nodes: &'a [Node],
    spots: &'a [Spot],
    out: &'a mut SyncOutput,
    values: usize,
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Here<'a> {
    level: usize,
    /// It is a part of what is awaited at present.
    awaited: bool,
    /// It is just what an async function awaits, but for pins and references.
    direct: bool,
    /// It was reached by a reference.
    borrowed: bool,
    /// It lies in an async function that is there for certain, and not behind a pointer that may have been dropped.
    inline: bool,
    alive: bool,
    at: Option<usize>,
    function: Option<&'a Text>,
    variable: Option<&'a Text>,
    subject: Option<Subject>,
    /// The whole of what the subject is.
    whole: Option<(u64, u64)>,
    /// Integers of the read set before the way to it began.
    looked: usize,
}

impl Here<'_> {
    /// What is awaited itself, when so many integers have been looked at.
    fn start(looked: usize) -> Self {
        Here {
            level: 0,
            awaited: true,
            direct: true,
            borrowed: false,
            inline: true,
            alive: true,
            at: None,
            function: None,
            variable: None,
            subject: None,
            whole: None,
            looked,
        }
    }

    fn inside(self) -> Self {
        Here { level: self.level + 1, ..self }
    }

    fn beside(self) -> Self {
        Here { direct: false, ..self.inside() }
    }
}

impl<'a> SyncWalk<'a> {
    /// `output` has the chain of the same future already; `task_ids` are the plans that it was decoded by.
    pub(crate) fn new(
        plans: &'a Plans<SyncPlan>,
        task_ids: &'a Plans,
        reads: &'a mut ReadSet,
        output: &'a mut Output,
    ) -> Self {
        let Output { nodes, spots, sync, .. } = output;
        SyncWalk { plans, task_ids, reads, nodes, spots, out: sync, values: 0 }
    }

    /// Walks through the future at `address`.
    pub(crate) fn walk(&mut self, plan: PlanId, address: u64) -> Result<(), Missing> {
        let here = Here::start(self.reads.looked());
        self.value(plan, address, here)
    }

    /// Walks through a value that nobody awaits, as a variable of a frame is.
    #[cfg(stacks)]
    pub(crate) fn walk_value(&mut self, plan: PlanId, address: u64) -> Result<(), Missing> {
        let looked = self.reads.looked();
        self.value(plan, address, Here { awaited: false, direct: false, ..Here::start(looked) })
    }

    fn value(&mut self, id: PlanId, address: u64, here: Here<'a>) -> Result<(), Missing> {
        self.values += 1;
        if self.values > MAX_VALUES || here.level > MAX_LEVEL {
            self.cut(here);
            return Ok(());
        }
        let plans = self.plans;
        match plans.get(id).ok_or(Missing::SyncPlan(id))? {
            SyncPlan::Nothing => Ok(()),
            SyncPlan::Inside(inside) => self.inside(inside, address, here),
            _ if !self.out.visited.insert((address, id)) => Ok(()),
            SyncPlan::Coroutine(coroutine) => self.coroutine(coroutine, address, here),
            SyncPlan::Guard(guard) => {
                self.guard(guard, address, here);
                Ok(())
            }
            SyncPlan::Acquire(acquire) => {
                self.acquire(acquire, address, self.at_leaf(address, here));
                Ok(())
            }
            SyncPlan::Notified(notified) => {
                self.notified(notified, address, self.at_leaf(address, here));
                Ok(())
            }
            SyncPlan::Join(join) => self.join(join, address, self.at_leaf(address, here)),
            SyncPlan::JoinSet(set) => self.join_set(set, address, here),
        }
    }

    /// What is in a value that is nothing by itself.
    fn inside(&mut self, inside: &'a Inside, address: u64, here: Here<'a>) -> Result<(), Missing> {
        match inside {
            Inside::Members { wraps, edges } => {
                let inside = Here { direct: here.direct && *wraps, ..here.inside() };
                edges.iter().try_for_each(|edge| self.edge(edge, address, inside))
            }
            Inside::Enum(variants) => {
                let Some(value) = variants.discriminant.map_or(Some(0), |at| self.integer(address, at))
                else {
                    return Ok(());
                };
                let mut chosen = variants.chosen(value).into_iter().chain(&variants.common);
                chosen.try_for_each(|edge| self.edge(edge, address, here.inside()))
            }
            // What somebody else owns may be gone unless it is awaited by that reference.
            Inside::Pointer { borrows: true, .. } | Inside::Object { borrows: true, .. } if !here.awaited => {
                Ok(())
            }
            Inside::Pointer { borrows, size, to } => {
                let Some(target) = self.target(address, *size) else { return Ok(()) };
                let borrowed = here.borrowed || *borrows;
                self.edge(to, target, Here { borrowed, inline: false, ..here.inside() })
            }
            Inside::Object { borrows, data, vtable } => {
                let borrowed = here.borrowed || *borrows;
                self.object(address, *data, *vtable, Here { borrowed, inline: false, ..here })
            }
            Inside::Slice { data, length, element_size, element } => {
                let length = self.reads.integer(address.wrapping_add(*length), 8).unwrap_or(0);
                let size = length.min(MAX_ELEMENTS).saturating_mul(*element_size);
                match self.target(address.wrapping_add(*data), size).filter(|_| size > 0) {
                    Some(data) => {
                        self.elements(data, length, *element_size, element, Here { inline: false, ..here })
                    }
                    None => Ok(()),
                }
            }
            Inside::Array { count, element_size, element } => {
                self.elements(address, *count, *element_size, element, here)
            }
            Inside::LinkedFutures { head, node_size, next, future } => {
                let here = Here { inline: false, ..here };
                self.linked(address.wrapping_add(*head), *node_size, *next, future, here)
            }
        }
    }

    fn edge(&mut self, edge: &'a Edge, address: u64, here: Here<'a>) -> Result<(), Missing> {
        self.value(edge.plan, address.wrapping_add(edge.offset), here)
    }

    fn elements(
        &mut self,
        start: u64,
        count: u64,
        size: u64,
        element: &'a Edge,
        here: Here<'a>,
    ) -> Result<(), Missing> {
        if count > MAX_ELEMENTS {
            self.cut(here);
        }
        (0..count.min(MAX_ELEMENTS)).try_for_each(|index| {
            self.edge(element, start.wrapping_add(index.wrapping_mul(size)), here.beside())
        })
    }

    fn linked(
        &mut self,
        head: u64,
        node_size: u64,
        next: u64,
        future: &'a Edge,
        here: Here<'a>,
    ) -> Result<(), Missing> {
        let mut pointer = head;
        for _ in 0..MAX_ELEMENTS {
            let Some(node) = self.target(pointer, node_size) else { return Ok(()) };
            self.edge(future, node, here.beside())?;
            pointer = node.wrapping_add(next);
        }
        self.cut(here);
        Ok(())
    }

    fn object(&mut self, address: u64, data: u64, vtable: u64, here: Here<'a>) -> Result<(), Missing> {
        let plans = self.plans;
        let Some(vtable) = self.reads.pointer(address.wrapping_add(vtable)).filter(|at| *at >= FIRST_ADDRESS)
        else {
            return Ok(());
        };
        let Some(object) = plans.objects.get(&vtable).ok_or(Missing::SyncObject(vtable))? else {
            return Ok(());
        };
        match self.target(address.wrapping_add(data), object.size) {
            Some(target) => self.value(object.plan, target, here.inside()),
            None => Ok(()),
        }
    }

    fn coroutine(&mut self, plan: &'a CoroutinePlan, address: u64, here: Here<'a>) -> Result<(), Missing> {
        if !self.reads.fetch(address, plan.size) {
            return Ok(());
        }
        let Some(value) = self.integer(address, plan.discriminant) else { return Ok(()) };
        let Some(state) = plan.states.iter().find(|state| state.value == value) else { return Ok(()) };
        // The outermost of several that await each other says what it is about.
        let (subject, whole) = match (plan.subject, here.subject) {
            (None, _) => (None, None),
            (Some(own), outer) => (outer.or(Some(own)), here.whole),
        };
        let whole = whole.or_else(|| {
            let (offset, size) = plan.whole?;
            Some((self.reads.pointer(address.wrapping_add(offset))?, size))
        });
        let at = self.step(address, &plan.label, here.at).or(here.at);
        let Discriminant { offset, size } = plan.discriminant;
        self.out.path.push(word(address.wrapping_add(offset), size, value));
        let done =
            self.state(address, state, Here { at, function: Some(&plan.label), subject, whole, ..here });
        self.out.path.pop();
        done
    }

    /// Pointers in words in which a local may be hidden.
    fn suspects(&mut self, address: u64, hidden: &Hidden, here: Here<'a>) {
        for offset in &hidden.words {
            let (at, looked) = (address.wrapping_add(*offset), self.reads.looked());
            let Some(pointer) = self.reads.pointer(at) else { continue };
            if pointer < FIRST_ADDRESS || !pointer.is_multiple_of(8) {
                continue;
            }
            let words = self.words(&[word(at, 8, pointer)]);
            self.out.suspects.push(Suspect {
                pointer,
                variable: hidden.variable.clone(),
                function: here.function.cloned(),
                at: here.at,
                words,
                looked: looked..self.reads.looked(),
            });
        }
    }

    fn state(&mut self, address: u64, state: &'a SyncState, here: Here<'a>) -> Result<(), Missing> {
        if let Some(awaits) = &state.awaits {
            let awaited = here.awaited && state.suspended;
            let inside = Here { awaited, direct: true, borrowed: false, ..here.inside() };
            self.edge(awaits, address, inside)?;
        }
        self.suspects(address, &state.hidden, here);
        if state.saved.is_empty() {
            return Ok(());
        }
        let mut all_set = true;
        for flag in &state.flags {
            all_set &= self.reads.integer(address.wrapping_add(*flag), 1) == Some(1);
        }
        for Saved { edge, variable, is_local } in &state.saved {
            let saved = Here {
                awaited: false,
                direct: false,
                borrowed: false,
                inline: here.awaited || here.inline,
                alive: here.alive && all_set && *is_local,
                variable: variable.as_ref(),
                subject: None,
                whole: None,
                looked: self.reads.looked(),
                ..here.inside()
            };
            self.edge(edge, address, saved)?;
        }
        Ok(())
    }

    fn guard(&mut self, guard: &'a GuardPlan, address: u64, here: Here<'a>) {
        let Some((route, pointer)) = self.pointer(&guard.routes, address) else { return };
        let object = Object::new(guard.library, guard.kind, pointer.wrapping_add(route.start), route.size);
        let own = word(address.wrapping_add(route.offset), 8, pointer);
        if guard.awaitable && here.awaited {
            self.receive(guard, object, own, here);
        }
        let role = match guard.holding {
            Holding::Nothing => return,
            Holding::Role(role) => role,
            Holding::Permits { offset, size } => {
                match self.reads.integer(address.wrapping_add(offset), size) {
                    Some(permits) if permits > 0 => Role::Permits(permits),
                    _ => return,
                }
            }
        };
        if !here.borrowed {
            self.hold(object, role, &[own], here);
        }
    }

    /// A receiver that is awaited, or is a part of what is awaited. The latter may be there for another turn: only the
    /// waker that it has left says that it is waited for.
    fn receive(&mut self, guard: &GuardPlan, object: Object, own: Word, here: Here<'a>) {
        let expected = here.direct || here.subject.is_some();
        let (progress, more) = match &guard.waker {
            None => (Progress::Queued(None), None),
            Some(Waker::Option { discriminant, none }) => {
                let Some(value) = self.integer(object.start, *discriminant) else { return };
                let is_there = value != none & discriminant.mask();
                let gone = (!is_there)
                    .then(|| word(object.start.wrapping_add(discriminant.offset), discriminant.size, value));
                (if is_there { Progress::Queued(None) } else { Progress::NoWaker }, gone)
            }
            Some(Waker::Bits { offset, waiting, done }) => {
                let Some(value) = self.reads.integer(object.start.wrapping_add(*offset), 8) else { return };
                let progress = match value {
                    value if value & done != 0 => Progress::Granted,
                    value if value & waiting != 0 => Progress::Queued(None),
                    _ => Progress::NoWaker,
                };
                let bits = Word {
                    address: object.start.wrapping_add(*offset),
                    mask: done | waiting,
                    value: value & (done | waiting),
                };
                (progress, Some(bits))
            }
        };
        if !expected && (guard.waker.is_none() || progress == Progress::NoWaker) {
            return;
        }
        let mut words = vec![own];
        words.extend(more);
        let kind = here.subject.map_or(object.kind, |subject| subject.kind);
        self.wait(Object { kind, ..object }, Want::Receive, progress, None, &words, here);
    }

    fn acquire(&mut self, plan: &Acquire, address: u64, here: Here<'a>) {
        let at = |offset: u64| address.wrapping_add(offset);
        let Some(semaphore) = self.target(at(plan.semaphore), 0) else { return };
        let (Some(missing), Some(queued)) =
            (self.reads.integer(at(plan.missing), 8), self.reads.integer(at(plan.queued), 1))
        else {
            return;
        };
        let Some(permits) = self.reads.integer(semaphore.wrapping_add(plan.permits), 8) else { return };
        // What is not awaited matters only if it stands in a queue, or was given what it queued for.
        if !here.awaited && queued == 0 {
            return;
        }
        let asked = self.reads.integer(at(plan.asked.0), plan.asked.1).unwrap_or(1);
        let subject = here.subject.unwrap_or(Subject { kind: Kind::Semaphore, want: Want::Permits(asked) });
        let (want, role) = match subject.want {
            Want::Permits(_) => (Want::Permits(asked), Role::Permits(asked)),
            Want::Shared => (Want::Shared, Role::Shared),
            want => (want, Role::Exclusive),
        };
        let own = [word(at(plan.missing), 8, missing), word(at(plan.semaphore), 8, semaphore)];
        let object = Object::new(holds::Library::Tokio, subject.kind, semaphore, plan.semaphore_size);
        // One that may have been dropped waits no longer. But one that was polled is pinned: where it lies in the async
        // function itself, it is dropped where its storage ends, and so probably has what it was given.
        if !here.awaited && !here.alive {
            if missing == 0 && here.inline {
                self.hold(object, role, &own, here);
            }
            return;
        }
        let progress = match (queued, missing) {
            (0, _) => Progress::NoWaker,
            (_, 0) => Progress::Granted,
            _ => Progress::Queued(None),
        };
        let queue = QueueSeen {
            semaphore,
            free: permits >> plan.shift,
            node: at(plan.node),
            first: semaphore.wrapping_add(plan.first),
            previous: plan.previous,
            next: plan.next,
        };
        self.wait(object, want, progress, Some(queue), &own, here);
        // It keeps what it has been given until it has all.
        if queued != 0 && missing > 0 && missing < asked {
            self.hold(object, Role::Permits(asked - missing), &own, here);
        }
    }

    fn notified(&mut self, plan: &Notified, address: u64, here: Here<'a>) {
        if !here.awaited {
            return;
        }
        let Some(notify) = self.target(address.wrapping_add(plan.notify), 0) else { return };
        let mut words = vec![word(address.wrapping_add(plan.notify), 8, notify)];
        let mut progress = Progress::Queued(None);
        if let Some(offset) = plan.notification {
            let Some(value) = self.reads.integer(address.wrapping_add(offset), 8) else { return };
            words.push(word(address.wrapping_add(offset), 8, value));
            progress = match value {
                0 => self.left_waker(plan.waker.as_ref(), address),
                _ => Progress::Granted,
            };
        }
        let subject = here.subject.unwrap_or(Subject { kind: Kind::Notify, want: Want::End });
        let (start, size) = here.whole.unwrap_or((notify, plan.size));
        let object = Object::new(holds::Library::Tokio, subject.kind, start, size);
        self.wait(object, subject.want, progress, None, &words, here);
    }

    /// Whether a future that has not got what it waits for has left a waker.
    fn left_waker(&mut self, waker: Option<&Waker>, address: u64) -> Progress {
        let Some(Waker::Option { discriminant, none }) = waker else { return Progress::Queued(None) };
        match self.integer(address, *discriminant) {
            Some(value) if value == none & discriminant.mask() => Progress::NoWaker,
            _ => Progress::Queued(None),
        }
    }

    fn join(&mut self, plan: &Join, address: u64, here: Here<'a>) -> Result<(), Missing> {
        if !here.awaited {
            return Ok(());
        }
        let Some(header) = self.target(address.wrapping_add(plan.header), 0) else { return Ok(()) };
        let vtable = self.reads.pointer(header.wrapping_add(plan.vtable));
        let state = self.reads.integer(header.wrapping_add(plan.state), 8);
        let (Some(vtable), Some(state)) = (vtable, state) else { return Ok(()) };
        let offset = *self.task_ids.task_ids.get(&vtable).ok_or(Missing::TaskId(vtable))?;
        let id = offset.and_then(|offset| self.reads.integer(header.wrapping_add(offset), 8));
        let Some(id) = id.filter(|id| *id != 0) else { return Ok(()) };
        let progress = match state {
            state if state & plan.complete != 0 => Progress::Granted,
            state if state & plan.waker != 0 => Progress::Queued(None),
            _ => Progress::NoWaker,
        };
        let bits = plan.complete | plan.waker;
        let words = [
            word(address.wrapping_add(plan.header), 8, header),
            Word { address: header.wrapping_add(plan.state), mask: bits, value: state & bits },
        ];
        let object = Object::new(holds::Library::Tokio, Kind::TaskEnd, id, 1);
        self.wait(object, Want::End, progress, None, &words, here);
        Ok(())
    }

    /// A task that waits for a set goes on when any of its tasks ends.
    fn join_set(&mut self, plan: &'a JoinSet, address: u64, here: Here<'a>) -> Result<(), Missing> {
        if !here.awaited {
            return Ok(());
        }
        let Some(lists) = self.target(address.wrapping_add(plan.lists), 0) else { return Ok(()) };
        self.linked(lists.wrapping_add(plan.head), plan.node_size, plan.next, &plan.handle, here)
    }

    fn wait(
        &mut self,
        object: Object,
        want: Want,
        progress: Progress,
        queue: Option<QueueSeen>,
        words: &[Word],
        here: Here<'a>,
    ) {
        let words = self.words(words);
        let looked = here.looked..self.reads.looked();
        let Here { at, awaited, .. } = here;
        self.out.waits.push(WaitSeen { object, want, progress, at, awaited, queue, words, looked });
    }

    fn hold(&mut self, object: Object, role: Role, words: &[Word], here: Here<'a>) {
        let words = self.words(words);
        self.out.holds.push(HoldSeen {
            object,
            role,
            alive: here.alive,
            variable: here.variable.cloned(),
            function: here.function.cloned(),
            at: here.at,
            words,
            looked: here.looked..self.reads.looked(),
        });
    }

    /// Not all that it awaits is seen: another part of it may be about to go on.
    fn cut(&mut self, here: Here<'a>) {
        self.out.cut |= here.awaited;
    }

    /// Keeps these words and the states of the async functions around.
    fn words(&mut self, own: &[Word]) -> Range<usize> {
        let start = self.out.words.len();
        let SyncOutput { words, path, .. } = self.out;
        words.extend(own.iter().chain(&path[path.len().saturating_sub(MAX_PATH_WORDS)..]));
        start..words.len()
    }

    /// The pointer that the first way leads to whose conditions hold.
    fn pointer(&mut self, routes: &'a [Route], address: u64) -> Option<(&'a Route, u64)> {
        let route = routes.iter().find(|route| {
            route.conditions.iter().all(|condition| {
                let wanted = condition.value & condition.discriminant.mask();
                let value = self.integer(address, condition.discriminant);
                value.is_some_and(|value| (value == wanted) == condition.equal)
            })
        })?;
        let pointer = self.reads.pointer(address.wrapping_add(route.offset))?;
        (pointer >= FIRST_ADDRESS).then_some((route, pointer))
    }

    /// What the pointer at `address` points to, if that many bytes are there.
    fn target(&mut self, address: u64, size: u64) -> Option<u64> {
        let target = self.reads.pointer(address).filter(|target| *target >= FIRST_ADDRESS)?;
        (size == 0 || self.reads.fetch(target, size)).then_some(target)
    }

    fn integer(&mut self, address: u64, at: Discriminant) -> Option<u64> {
        self.reads.integer(address.wrapping_add(at.offset), at.size)
    }

    /// The await of the chain that is the async function there.
    fn step(&self, address: u64, label: &Text, above: Option<usize>) -> Option<usize> {
        let first = above.map_or(0, |above| above + 1);
        let mut steps = self.nodes.iter().zip(self.spots).enumerate().skip(first);
        steps.find(|(_, (node, spot))| spot.address == address && node.label == *label).map(|(step, _)| step)
    }

    fn at_leaf(&self, address: u64, here: Here<'a>) -> Here<'a> {
        let own = if here.awaited { self.leaf(address) } else { None };
        Here { at: own.or(here.at), ..here }
    }

    /// The await of the chain that the future there is, which awaits nothing further: of several at one address the
    /// innermost.
    fn leaf(&self, address: u64) -> Option<usize> {
        self.spots.iter().rposition(|spot| spot.address == address)
    }
}

/// What is to be the same later: so many bytes at an address, as a part of the aligned word that they lie in. Those that
/// lie in two are looked at as far as the first goes.
fn word(address: u64, size: u64, value: u64) -> Word {
    let inside = address % 8;
    let size = size.min(8 - inside);
    let mask = if size >= 8 { u64::MAX } else { ((1 << (size * 8)) - 1) << (inside * 8) };
    Word { address: address - inside, mask, value: (value << (inside * 8)) & mask }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_the_bits_that_count() {
        let check = |address, size, value, expected: (u64, u64, u64)| {
            let word = word(address, size, value);
            assert_eq!((word.address, word.mask, word.value), expected);
        };
        check(16, 8, u64::MAX, (16, u64::MAX, u64::MAX));
        check(19, 1, 3, (16, 0xff << 24, 3 << 24));
        check(20, 4, 0x1_0000_0001, (16, 0xffff_ffff << 32, 1 << 32));
        check(20, 8, 5, (16, 0xffff_ffff << 32, 5 << 32));
    }
}
