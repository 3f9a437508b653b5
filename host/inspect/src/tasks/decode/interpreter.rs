//! The interpreter of plans: reads a value in memory, and what it awaits, into nodes.

use super::output::{Branch, Detail, Node, Output, Progress, Spot};
use super::plan::{
    Discriminant, Edge, Figure, Plan, PlanId, Plans, SpanName, State, StateKind, Step, Text, Variants,
};
use super::read_set::ReadSet;

/// Values visited for one task: a join of hundreds of futures fits.
const MAX_VALUES: usize = 2_000;
/// How deep awaits may be nested. A recursive function of that depth is not read to its end.
const MAX_DEPTH: u16 = 256;
/// How deep values may be nested; what a thread's smallest stack can take.
const MAX_LEVEL: usize = 512;
/// Bytes of a span's name. A longer one is no name.
const MAX_NAME: u64 = 256;
/// Below this no memory is mapped (and dangling pointers of empty values point there).
pub(super) const FIRST_ADDRESS: u64 = 4096;

/// What has to be made before a decoding can be completed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Missing {
    Plan(PlanId),
    /// The type behind the vtable there.
    Object(u64),
    /// As these two, for what a future holds.
    SyncPlan(PlanId),
    SyncObject(u64),
    /// Where tasks with the header vtable there have their id.
    TaskId(u64),
}

/// One decoding of one future.
pub(crate) struct Interpreter<'a> {
    plans: &'a Plans,
    pub(super) reads: &'a mut ReadSet,
    pub(super) output: &'a mut Output,
    pub(super) values: usize,
    /// Values that may be visited beyond [`MAX_VALUES`] for what is counted and not kept.
    pub(super) spare: &'a mut usize,
}

/// Where in the chain a value stands.
#[derive(Clone)]
pub(super) struct At {
    depth: u16,
    level: usize,
    branch: Branch,
    /// Directly awaited by an async function.
    awaited: bool,
    /// One of several futures that are all waited for.
    joined: bool,
}

impl At {
    pub(super) fn below(&self) -> At {
        At {
            depth: self.depth.saturating_add(1),
            level: self.level + 1,
            branch: Branch::Only,
            awaited: false,
            joined: false,
        }
    }

    /// The same await, a step further into its value.
    fn inside(&self, edge: &Edge) -> At {
        let branch =
            edge.branch.as_ref().map_or_else(|| self.branch.clone(), |name| Branch::Named(name.clone()));
        At { level: self.level + 1, branch, ..*self }
    }

    pub(super) fn element(&self, index: u64) -> At {
        At { level: self.level + 1, branch: Branch::Index(index), joined: true, ..*self }
    }
}

impl<'a> Interpreter<'a> {
    /// An interpreter that may visit `spare` values more to count futures that are like others; what it takes of these is
    /// subtracted.
    pub(crate) fn new(
        plans: &'a Plans,
        reads: &'a mut ReadSet,
        output: &'a mut Output,
        spare: &'a mut usize,
    ) -> Self {
        Interpreter { plans, reads, output, values: 0, spare }
    }

    /// Decodes the value at `address`. What cannot be read is noted in the read set.
    pub(crate) fn decode(&mut self, plan: PlanId, address: u64) -> Result<(), Missing> {
        self.value(
            plan,
            address,
            At { depth: 0, level: 0, branch: Branch::Only, awaited: false, joined: false },
        )
    }

    pub(super) fn value(&mut self, id: PlanId, address: u64, at: At) -> Result<(), Missing> {
        self.values += 1;
        if self.values > MAX_VALUES || at.depth > MAX_DEPTH || at.level > MAX_LEVEL {
            self.reads.truncated = true;
            return Ok(());
        }
        let plans = self.plans;
        match plans.get(id).ok_or(Missing::Plan(id))? {
            Plan::Nothing => Ok(()),
            Plan::Coroutine { label, made_for, size, discriminant, states } => {
                let own = self.push(&at, label, Detail::made_for(made_for), address);
                self.coroutine(own, address, &at, *size, *discriminant, states)
            }
            Plan::Future { label, inside, variants, descriptor } => {
                let own = self.push(&at, label, Detail::None, address);
                self.members(address, &at.below(), inside)?;
                variants.as_ref().map_or(Ok(()), |of| self.variant(address, &at.below(), of))?;
                self.leaf(own, address, descriptor.as_deref());
                Ok(())
            }
            Plan::LinkedFutures { label, head, node_size, next, future } => {
                let (own, head) = (self.push(&at, label, Detail::None, address), address.wrapping_add(*head));
                self.output.nodes[own].detail = self.linked(head, *node_size, *next, future, &at)?;
                Ok(())
            }
            Plan::Tracked { slot, future } => {
                let slot = self.reads.pointer(address.wrapping_add(*slot)).filter(|slot| *slot != 0);
                self.output.tracked.extend(slot.map(|slot| (slot, self.output.nodes.len())));
                self.value(future.plan, address.wrapping_add(future.offset), at.inside(future))
            }
            Plan::Instrumented { label, span, future } => {
                let detail = self.span_name(address, *span).map_or(Detail::None, Detail::Span);
                self.push(&at, label, detail, address);
                self.members(address, &at.below(), std::slice::from_ref(future))
            }
            Plan::Members(edges) => self.members(address, &at, edges),
            Plan::Enum(variants) => self.variant(address, &at, variants),
            Plan::Pointer { size, to } => self.pointer(address, *size, to, &at),
            Plan::Object { data, vtable, label } => {
                let (data, vtable) = (address.wrapping_add(*data), address.wrapping_add(*vtable));
                self.object(data, vtable, label, at)
            }
            Plan::Slice { data, length, element_size, element } => {
                let (data, length) = (address.wrapping_add(*data), address.wrapping_add(*length));
                self.slice(data, length, *element_size, element, &at)
            }
            Plan::Array { count, element_size, element } => {
                self.elements(address, *count, *element_size, element, &at)
            }
            Plan::LocalSet { label, way, future } => {
                self.push(&at, label, Detail::None, address);
                let list = self.end_of(address, way);
                self.output.local_sets.extend(list);
                self.members(address, &at.below(), future.as_slice())
            }
            Plan::Known { label, figure } => {
                let detail = self.figure(figure, address)?.unwrap_or(Detail::None);
                self.push(&at, label, detail, address);
                Ok(())
            }
        }
    }

    /// The name of a span: static, so that no lock is needed to read it.
    fn span_name(&mut self, address: u64, span: SpanName) -> Option<Text> {
        let metadata = self.reads.pointer(address.wrapping_add(span.metadata))?;
        let metadata = Some(metadata).filter(|metadata| *metadata >= FIRST_ADDRESS)?;
        let data = self.reads.pointer(metadata.wrapping_add(span.data))?;
        let length = self.reads.integer(metadata.wrapping_add(span.length), 8)?;
        let bytes = self.reads.bytes(data, Some(length).filter(|length| *length <= MAX_NAME)?)?;
        str::from_utf8(bytes).ok().filter(|name| !name.is_empty()).map(Text::from)
    }

    fn figure(&mut self, figure: &Figure, address: u64) -> Result<Option<Detail>, Missing> {
        let at = |offset: u64| address.wrapping_add(offset);
        Ok(match *figure {
            Figure::Deadline { seconds, nanoseconds } => {
                let seconds = self.reads.integer(at(seconds), 8);
                let both = seconds.zip(self.reads.integer(at(nanoseconds), 4));
                both.map(|(seconds, nanoseconds)| Detail::Deadline { seconds, nanoseconds })
            }
            Figure::Task { header, vtable } => self.joined(at(header), vtable)?.map(Detail::Task),
            Figure::Permits { semaphore, permits, shift } => {
                self.reads.pointer(at(semaphore)).and_then(|semaphore| {
                    let free = self.reads.integer(semaphore.wrapping_add(permits), 8)? >> shift;
                    Some(Detail::Permits { free, semaphore })
                })
            }
            Figure::Tasks { length } => self.reads.integer(at(length), 8).map(Detail::Tasks),
        })
    }

    fn members(&mut self, address: u64, at: &At, edges: &[Edge]) -> Result<(), Missing> {
        for edge in edges {
            self.value(edge.plan, address.wrapping_add(edge.offset), at.inside(edge))?;
        }
        Ok(())
    }

    /// Adds the descriptor to a future that nothing was found inside of.
    fn leaf(&mut self, own: usize, address: u64, way: Option<&[Step]>) {
        if let (Some(steps), true) = (way, self.output.nodes.len() == own + 1)
            && let Some(number) = self.descriptor(address, steps)
        {
            self.output.nodes[own].detail = Detail::Descriptor { number, peer: None };
        }
    }

    fn pointer(&mut self, address: u64, size: u64, to: &Edge, at: &At) -> Result<(), Missing> {
        let Some(target) = self.reads.pointer(address) else { return Ok(()) };
        if target < FIRST_ADDRESS || (size != 0 && !self.reads.fetch(target, size)) {
            return Ok(());
        }
        self.value(to.plan, target, at.inside(to))
    }

    fn coroutine(
        &mut self,
        own: usize,
        address: u64,
        at: &At,
        size: u64,
        discriminant: Discriminant,
        states: &[State],
    ) -> Result<(), Missing> {
        if !self.reads.fetch(address, size) {
            return Ok(());
        }
        let value = self.discriminant(address, discriminant);
        let Some(state) = states.iter().find(|state| Some(state.value) == value) else {
            self.output.nodes[own].progress = Some(Progress::Nonsense);
            return Ok(());
        };
        self.output.nodes[own].progress = Some(Progress::State(state.kind));
        self.output.nodes[own].place.clone_from(&state.place);
        if let Some((edge, fallback)) = &state.awaits {
            let below = At { awaited: true, ..at.below() };
            let before = self.output.nodes.len();
            self.value(edge.plan, address.wrapping_add(edge.offset), below.clone())?;
            if self.output.nodes.len() == before {
                self.push(&below, fallback, Detail::None, address.wrapping_add(edge.offset));
            }
        }
        debug_assert!(state.kind == StateKind::Suspended || state.awaits.is_none());
        Ok(())
    }

    fn variant(&mut self, address: u64, at: &At, variants: &Variants) -> Result<(), Missing> {
        let value = match variants.discriminant {
            None => 0,
            Some(discriminant) => match self.discriminant(address, discriminant) {
                Some(value) => value,
                None => return Ok(()),
            },
        };
        for edge in variants.chosen(value).into_iter().chain(&variants.common) {
            let inside = at.inside(edge);
            let joined = variants.joined || inside.joined;
            self.value(edge.plan, address.wrapping_add(edge.offset), At { joined, ..inside })?;
        }
        Ok(())
    }

    /// What is behind a trait object whose two pointers are at these addresses.
    fn object(&mut self, data: u64, vtable: u64, label: &Text, at: At) -> Result<(), Missing> {
        let (data, vtable) = (self.reads.pointer(data), self.reads.pointer(vtable));
        let (Some(data), Some(vtable)) = (data, vtable) else { return Ok(()) };
        let plans = self.plans;
        let Some(object) = plans.objects.get(&vtable).ok_or(Missing::Object(vtable))? else {
            self.push(&at, label, Detail::NotDescribed, data);
            return Ok(());
        };
        if object.size > 0 && !self.reads.fetch(data, object.size) {
            return Ok(());
        }
        let before = self.output.nodes.len();
        self.value(object.plan, data, At { level: at.level + 1, ..at.clone() })?;
        if self.output.nodes.len() == before {
            self.push(&at, &object.label, Detail::None, data);
        }
        Ok(())
    }

    /// The id of the task that the pointer at `address` points to. Its handle counts a reference, so that the header is
    /// there for as long as the handle.
    fn joined(&mut self, address: u64, vtable: u64) -> Result<Option<u64>, Missing> {
        let Some(header) = self.reads.pointer(address).filter(|header| *header >= FIRST_ADDRESS) else {
            return Ok(None);
        };
        let Some(vtable) = self.reads.pointer(header.wrapping_add(vtable)) else {
            return Ok(None);
        };
        let offset = *self.plans.task_ids.get(&vtable).ok_or(Missing::TaskId(vtable))?;
        Ok(offset.and_then(|offset| self.reads.integer(header.wrapping_add(offset), 8)))
    }

    fn descriptor(&mut self, address: u64, steps: &[Step]) -> Option<i32> {
        let mut address = address;
        for step in steps {
            match *step {
                Step::Pointer { offset } => {
                    let to = self.reads.pointer(address.wrapping_add(offset))?;
                    address = Some(to).filter(|to| *to >= FIRST_ADDRESS)?;
                }
                Step::If { discriminant, value } => {
                    (self.discriminant(address, discriminant)? == value & discriminant.mask())
                        .then_some(())?;
                }
                Step::Unless { discriminant, value } => {
                    (self.discriminant(address, discriminant)? != value & discriminant.mask())
                        .then_some(())?;
                }
                Step::Number { offset } => {
                    let number = self.reads.integer(address.wrapping_add(offset), 4)?;
                    return i32::try_from(number).ok();
                }
            }
        }
        None
    }

    /// Where a way of pointers ends.
    fn end_of(&mut self, address: u64, way: &[u64]) -> Option<u64> {
        let (last, pointers) = way.split_last()?;
        let mut at = address;
        for offset in pointers {
            at = self.reads.pointer(at.wrapping_add(*offset)).filter(|to| *to >= FIRST_ADDRESS)?;
        }
        Some(at.wrapping_add(*last))
    }

    fn discriminant(&mut self, address: u64, discriminant: Discriminant) -> Option<u64> {
        self.reads.integer(address.wrapping_add(discriminant.offset), discriminant.size)
    }

    fn push(&mut self, at: &At, label: &Text, detail: Detail, address: u64) -> usize {
        self.output.spots.push(Spot { address, joined: at.joined });
        self.output.nodes.push(Node {
            depth: at.depth,
            branch: at.branch.clone(),
            label: label.clone(),
            place: None,
            detail,
            progress: None,
            awaited: at.awaited,
            alike: 0,
        });
        self.output.nodes.len() - 1
    }
}
