//! The compiler of plans for what a type waits for or holds.

use super::locks::{Guard, Takes, WakerPlace};
use super::plan::{GuardPlan, Holding, Saved, SyncPlan, SyncState, Waker};
use super::route::routes;
use crate::holds::Role;
use crate::tasks::decode::compile::{Compiler, edge};
use crate::tasks::decode::interpreter::Missing;
use crate::tasks::decode::known::{Linked, UNORDERED};
use crate::tasks::decode::plan::{Discriminant, Edge, Object, Plans, Text};
use crate::tasks::decode::relevance;
use crate::tasks::types::{Member, Shape, Type, Types, Variant, without_generics};

impl Compiler<'_, '_> {
    /// Makes what a walk has found missing, so that the next try gets past it.
    pub(crate) fn make_sync(&self, plans: &mut Plans<SyncPlan>, missing: Missing) {
        match missing {
            Missing::SyncPlan(id) => {
                let plan = match plans.of(id) {
                    Some(of) if self.locks.of(of) => self.sync_plan(plans, &self.types.get(of)),
                    _ => SyncPlan::Nothing,
                };
                plans.set(id, plan);
            }
            Missing::SyncObject(vtable) => {
                let object = self.behind(vtable).filter(|of| self.locks.of(of.id)).map(|of| Object {
                    plan: plans.number(of.id),
                    size: of.size,
                    label: without_generics(&of.name).into(),
                });
                plans.objects.insert(vtable, object);
            }
            Missing::Plan(_) | Missing::Object(_) | Missing::TaskId(_) => {}
        }
    }

    fn sync_plan(&self, plans: &mut Plans<SyncPlan>, of: &Type) -> SyncPlan {
        let types = self.types;
        if let Some(make) = self.libraries.wait(&of.name) {
            return make(types, of).unwrap_or(SyncPlan::Nothing);
        }
        if let Some(guard) = self.libraries.guard(&of.name) {
            return guard_plan(types, of, guard)
                .map_or(SyncPlan::Nothing, |plan| SyncPlan::Guard(plan.into()));
        }
        if of.name.starts_with(UNORDERED) {
            return Linked::find(types, of).map_or(SyncPlan::Nothing, |linked| SyncPlan::LinkedFutures {
                head: linked.head,
                node_size: linked.node_size,
                next: linked.next,
                future: edge(plans, linked.future.0, linked.future.1),
            });
        }
        let borrows = of.name.starts_with('&');
        if let Some((data, vtable)) = relevance::object(of) {
            return SyncPlan::Object { borrows, data, vtable };
        }
        match &of.shape {
            Shape::Pointer(Some(to)) => {
                SyncPlan::Pointer { borrows, size: types.get(*to).size, to: edge(plans, 0, *to) }
            }
            Shape::Array { element, count } => SyncPlan::Array {
                count: *count,
                element_size: types.get(*element).size,
                element: edge(plans, 0, *element),
            },
            Shape::Enum { discriminant: Some((offset, size)), coroutine: true, variants } => {
                self.sync_coroutine(plans, of, variants, Discriminant { offset: *offset, size: *size })
            }
            Shape::Enum { .. } => {
                self.relevant_variants(&self.locks, plans, of).map_or(SyncPlan::Nothing, SyncPlan::Enum)
            }
            Shape::Struct => match relevance::slice(types, of) {
                Some((data, length, element)) => SyncPlan::Slice {
                    data,
                    length,
                    element_size: types.get(element).size,
                    element: edge(plans, 0, element),
                },
                None => {
                    let relevant = of.members.iter().filter(|member| self.locks.of(member.type_id));
                    SyncPlan::Members {
                        wraps: self.libraries.is_wrapper(&of.name),
                        edges: relevant.map(|member| edge(plans, member.offset, member.type_id)).collect(),
                    }
                }
            },
            _ => SyncPlan::Nothing,
        }
    }

    fn sync_coroutine(
        &self,
        plans: &mut Plans<SyncPlan>,
        of: &Type,
        variants: &[Variant],
        discriminant: Discriminant,
    ) -> SyncPlan {
        let types = self.types;
        let label: Text = types.function_name(of).into();
        let start = variants.iter().find(|variant| state_name(types, variant) == "Unresumed");
        let states = variants.iter().filter_map(|variant| {
            let value = u64::try_from(variant.value? & u128::from(discriminant.mask())).ok()?;
            let name = state_name(types, variant);
            let suspended = name.starts_with("Suspend");
            if !suspended && name != "Unresumed" {
                return None;
            }
            let captured = if suspended { start } else { None };
            let state = self.sync_state(plans, variant, captured, Body::of(&of.name));
            Some(SyncState { value, suspended, ..state })
        });
        let states = states.collect();
        let synchronizer = self.libraries.synchronizer(&label);
        let whole = synchronizer.and_then(|known| known.whole).zip(start);
        let whole = whole.and_then(|(name, start)| {
            let body = types.get(start.member.type_id);
            let member = body.member(name)?;
            let Shape::Pointer(Some(to)) = types.get(member.type_id).shape else { return None };
            Some((start.member.offset + member.offset, types.get(to).size))
        });
        SyncPlan::Coroutine {
            label,
            size: of.size,
            discriminant,
            subject: synchronizer.map(|known| known.subject),
            whole,
            states,
        }
    }

    /// What there is in a state. `start` is the state before the first poll, if this is a later one.
    fn sync_state(
        &self,
        plans: &mut Plans<SyncPlan>,
        variant: &Variant,
        start: Option<&Variant>,
        body: Body,
    ) -> SyncState {
        let types = self.types;
        let inside = types.get(variant.member.type_id);
        let place = |offset: u64| variant.member.offset.wrapping_add(offset);
        let starts = start.map(|start| (start.member.offset, types.get(start.member.type_id)));
        let is_captured = |member: &Member| {
            starts.as_ref().is_some_and(|(base, of)| {
                let same = of.members.iter().find(|other| other.name == member.name);
                same.is_some_and(|other| base.wrapping_add(other.offset) == place(member.offset))
            })
        };
        let is_unnamed = |member: &Member| {
            member
                .name
                .strip_prefix("__")
                .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let mut state =
            SyncState { value: 0, suspended: true, flags: Vec::new(), awaits: None, saved: Vec::new() };
        for member in &inside.members {
            let is_flag = is_unnamed(member) && types.get(member.type_id).name == "bool";
            if is_flag && start.is_some() {
                state.flags.push(place(member.offset));
            }
            // A function that was polled has moved its arguments to locals.
            let captured = is_captured(member);
            if (captured && body == Body::Function) || !self.locks.of(member.type_id) {
                continue;
            }
            let inner: Edge = edge(plans, place(member.offset), member.type_id);
            if &*member.name == "__awaitee" {
                state.awaits = Some(inner);
                continue;
            }
            let variable = (!is_unnamed(member)).then(|| Text::from(&*member.name));
            // Of an async closure it cannot be told which are arguments.
            let is_local = !(captured && body == Body::Closure);
            state.saved.push(Saved { edge: inner, variable, is_local });
        }
        state
    }
}

/// What was written as a coroutine: they differ in what becomes of what they were given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Function,
    Block,
    Closure,
}

impl Body {
    fn of(name: &str) -> Body {
        let path = without_generics(name);
        match path.rsplit("::").next() {
            Some(last) if last.starts_with("{async_fn_env#") => Body::Function,
            Some(last) if last.starts_with("{async_block_env#") => Body::Block,
            _ => Body::Closure,
        }
    }
}

fn state_name(types: &Types<'_>, variant: &Variant) -> String {
    let name = &types.get(variant.member.type_id).name;
    name.rsplit("::").next().unwrap_or_default().to_owned()
}

fn guard_plan(types: &Types<'_>, of: &Type, guard: &Guard) -> Option<GuardPlan> {
    let (base, inner) = types.find(of, guard.member)?;
    let mut routes = routes(types, &inner);
    for route in &mut routes {
        route.offset += base;
        for condition in &mut route.conditions {
            condition.discriminant.offset += base;
        }
    }
    let holding = match guard.takes {
        Takes::As(role) => Holding::Role(role),
        Takes::Receives(_) => Holding::Role(Role::Receiver),
        Takes::Permits(member) => {
            let (offset, count) = types.find(of, member)?;
            Holding::Permits { offset, size: count.size }
        }
    };
    let waker = match guard.takes {
        Takes::Receives(place) => routes.first().and_then(|route| waker(types, &types.get(route.to), place)),
        Takes::As(_) | Takes::Permits(_) => None,
    };
    let awaitable = matches!(guard.takes, Takes::Receives(_));
    Some(GuardPlan { library: guard.library, kind: guard.kind, holding, routes, waker, awaitable })
}

/// Where a channel keeps the waker of the one who waits to receive.
fn waker(types: &Types<'_>, channel: &Type, place: WakerPlace) -> Option<Waker> {
    match place {
        WakerPlace::Unknown => None,
        WakerPlace::Member(name) => {
            let (base, inside) = types.find(channel, name)?;
            optional_waker(types, &inside, base, 0)
        }
        WakerPlace::State { member, waiting, done } => {
            let (offset, _) = types.find(channel, member)?;
            Some(Waker::Bits { offset, waiting, done })
        }
    }
}

/// How deep a waker lies in an `AtomicWaker` or a lock.
const WAKER_DEPTH: usize = 6;

/// The first `Option<Waker>` in a value.
fn optional_waker(types: &Types<'_>, of: &Type, base: u64, depth: usize) -> Option<Waker> {
    if let Shape::Enum { discriminant: Some((offset, size)), variants, .. } = &of.shape
        && of.name.starts_with("core::option::Option<core::task::wake::Waker")
    {
        let discriminant = Discriminant { offset: base + offset, size: *size };
        let none = variants.iter().find(|variant| &*variant.member.name == "None")?.value?;
        return Some(Waker::Option { discriminant, none: u64::try_from(none).ok()? });
    }
    if depth >= WAKER_DEPTH || matches!(of.shape, Shape::Enum { .. }) {
        return None;
    }
    of.members
        .iter()
        .find_map(|member| optional_waker(types, &types.get(member.type_id), base + member.offset, depth + 1))
}
