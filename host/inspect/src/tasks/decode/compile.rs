//! The compiler of plans: from types to what the interpreter follows.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::descriptor;
use super::interpreter::Missing;
use super::known::Libraries;
use super::plan::{Discriminant, Edge, Object, Plan, Plans, State, StateKind, Text, Variants};
use super::relevance::{self, Relevance, Sought};
use crate::memory::read_word;
use crate::tasks::types::{
    EntryId, Member, Shape, Type, Types, Variant, display, functions_in_arguments, without_generics,
};

/// Slots of a vtable, in words: how to drop the value, its size, its alignment, its first method.
const DROP_SLOT: u64 = 0;
const FIRST_METHOD_SLOT: u64 = 3;
/// Functions that a type's arguments name, and how many of them are told: middleware is twenty types in each other.
const MAX_ARGUMENTS: usize = 32;
const MAX_FUNCTIONS: usize = 4;
/// The coroutine that runs an asynchronous destructor, and those of what the value has inside.
const ASYNC_DROP: &str = "core::future::async_drop::async_drop_in_place::{async_fn_env#";

/// Makes what the interpreter finds missing, for the length of one look.
pub(crate) struct Compiler<'t, 's> {
    pub(crate) types: &'t Types<'s>,
    pub(super) libraries: Libraries,
    relevance: Relevance<'t, 's>,
    /// Of what may wait or hold.
    pub(super) locks: Relevance<'t, 's>,
    files: RefCell<HashMap<(u32, u64), Option<Text>>>,
}

impl<'t, 's> Compiler<'t, 's> {
    pub(crate) fn new(types: &'t Types<'s>, libraries: Libraries) -> Self {
        Compiler {
            types,
            libraries,
            relevance: Relevance::new(types, libraries, Sought::Futures),
            locks: Relevance::new(types, libraries, Sought::Locks),
            files: RefCell::default(),
        }
    }

    /// Whether a value of that type may lead to a guard or an end of a channel.
    #[cfg(stacks)]
    pub(crate) fn may_hold(&self, of: EntryId) -> bool {
        self.locks.of(of)
    }

    /// Makes what a decoding has found missing, so that the next try gets past it.
    pub(crate) fn make(&self, plans: &mut Plans, missing: Missing, id_offset: impl Fn(u64) -> Option<u64>) {
        match missing {
            Missing::Plan(id) => {
                let plan = match plans.of(id) {
                    Some(of) => self.plan(plans, &self.types.get(of)),
                    None => Plan::Nothing,
                };
                plans.set(id, plan);
            }
            Missing::Object(vtable) => {
                let object = self.behind(vtable).map(|of| Object {
                    plan: plans.number(of.id),
                    size: of.size,
                    label: without_generics(&of.name).into(),
                });
                plans.objects.insert(vtable, object);
            }
            Missing::TaskId(vtable) => {
                plans.task_ids.insert(vtable, id_offset(vtable));
            }
            Missing::SyncPlan(_) | Missing::SyncObject(_) => {}
        }
    }

    fn plan(&self, plans: &mut Plans, of: &Type) -> Plan {
        if let Shape::Enum { discriminant: Some((offset, size)), coroutine: true, variants } = &of.shape {
            let discriminant = Discriminant { offset: *offset, size: *size };
            let states = self.states(plans, of, variants, discriminant);
            let label = self.types.function_name(of).into();
            let made_for = self.made_for(of);
            return Plan::Coroutine { label, made_for, size: of.size, discriminant, states };
        }
        if let Some(known) = self.libraries.plan(self.types, of, |id| plans.number(id)) {
            return known;
        }
        if self.libraries.is_future(&of.name)
            || (!self.libraries.is_wrapper(&of.name) && self.types.is_future(&of.name))
        {
            return self.future(plans, of);
        }
        if !self.relevance.of(of.id) {
            return Plan::Nothing;
        }
        if let Some((data, vtable)) = relevance::object(of) {
            return Plan::Object { data, vtable, label: without_generics(&of.name).into() };
        }
        match &of.shape {
            Shape::Pointer(Some(to)) if relevance::owns(&of.name) => {
                Plan::Pointer { size: self.types.get(*to).size, to: edge(plans, 0, *to) }
            }
            Shape::Array { element, count } => Plan::Array {
                count: *count,
                element_size: self.types.get(*element).size,
                element: edge(plans, 0, *element),
            },
            Shape::Enum { .. } => self.variants(plans, of).map_or(Plan::Nothing, Plan::Enum),
            Shape::Struct => match relevance::slice(self.types, of) {
                Some((data, length, element)) => Plan::Slice {
                    data,
                    length,
                    element_size: self.types.get(element).size,
                    element: edge(plans, 0, element),
                },
                None => Plan::Members(self.members(plans, of)),
            },
            _ => Plan::Nothing,
        }
    }

    /// The functions of other crates that a generic async function or block was made for. Whether a crate is the
    /// application's or a library is the caller's to know.
    fn made_for(&self, of: &Type) -> Arc<[Text]> {
        let crate_of = |name: &str| name.split("::").next().map(str::to_owned);
        let mut found: Vec<Text> = Vec::new();
        for path in functions_in_arguments(&of.name).take(MAX_ARGUMENTS) {
            if crate_of(path) == crate_of(&of.name) {
                continue;
            }
            let name = match self.types.by_name(path).filter(|coroutine| coroutine.is_coroutine()) {
                Some(coroutine) => self.types.function_name(&coroutine),
                None => display(path),
            };
            if found.len() < MAX_FUNCTIONS && !found.iter().any(|known| **known == *name) {
                found.push(name.into());
            }
        }
        found.into()
    }

    fn states(
        &self,
        plans: &mut Plans,
        of: &Type,
        variants: &[Variant],
        discriminant: Discriminant,
    ) -> Vec<State> {
        let kind = |variant: &Variant| {
            let name = &self.types.get(variant.member.type_id).name;
            match name.rsplit("::").next() {
                Some(name) if name.starts_with("Suspend") => StateKind::Suspended,
                Some("Unresumed") => StateKind::NotStarted,
                _ => StateKind::Finished,
            }
        };
        let start = variants.iter().find(|variant| kind(variant) == StateKind::NotStarted);
        let states = variants.iter().filter_map(|variant| {
            let kind = kind(variant);
            let body = self.types.get(variant.member.type_id);
            let awaits = self.awaited(of, &body).filter(|_| kind == StateKind::Suspended).map(|member| {
                let offset = variant.member.offset.wrapping_add(member.offset);
                let name = without_generics(&self.types.get(member.type_id).name);
                (edge(plans, offset, member.type_id), name.into())
            });
            // An `.await` in a foreign macro has the macro's line; the function's own says more.
            let foreign = start.filter(|start| start.member.file != variant.member.file);
            let member = &foreign.unwrap_or(variant).member;
            Some(State {
                value: u64::try_from(variant.value? & u128::from(discriminant.mask())).ok()?,
                kind,
                place: self.place(of.id.unit, member),
                awaits,
            })
        });
        states.collect()
    }

    /// What a suspended coroutine waits for: the asynchronous destructor that it runs, or else what it awaits. A destructor
    /// is saved without a name, beside a future of an earlier await that it may be of.
    fn awaited<'b>(&self, of: &Type, body: &'b Type) -> Option<&'b Member> {
        let is_destructor = |member: &&Member| {
            let number = member.name.strip_prefix("__").unwrap_or_default();
            let is_unnamed = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            is_unnamed && {
                let own = self.types.get(member.type_id);
                own.name.starts_with(ASYNC_DROP) || of.name.starts_with(ASYNC_DROP) && own.is_coroutine()
            }
        };
        let destructor = body.members.iter().rfind(is_destructor);
        destructor.or_else(|| body.members.iter().rfind(|member| &*member.name == "__awaitee"))
    }

    fn place(&self, unit: u32, member: &Member) -> Option<(Text, u32)> {
        let mut files = self.files.borrow_mut();
        let file = files
            .entry((unit, member.file))
            .or_insert_with(|| self.types.file(unit, member.file).map(Text::from));
        file.clone().filter(|_| member.line != 0).map(|file| (file, member.line))
    }

    fn future(&self, plans: &mut Plans, of: &Type) -> Plan {
        let mut label = without_generics(&of.name);
        if self.libraries.is_closure(&of.name)
            && let Some((_, closure)) = of.generics.first()
        {
            // The closure's name has the function that it was written in.
            label = format!("{label} {}", display(&self.types.get(*closure).name));
        }
        let inside = self.members(plans, of);
        let variants = self.variants(plans, of).map(Box::new);
        let leaf = inside.is_empty() && variants.is_none();
        let descriptor = if leaf { descriptor::way(self.types, of) } else { None };
        Plan::Future { label: label.into(), inside, variants, descriptor }
    }

    /// The members that may hold a future, with their names if there are several.
    fn members(&self, plans: &mut Plans, of: &Type) -> Vec<Edge> {
        if matches!(of.shape, Shape::Enum { .. }) {
            return Vec::new();
        }
        let relevant: Vec<&Member> =
            of.members.iter().filter(|member| self.relevance.of(member.type_id)).collect();
        let several = relevant.len() > 1;
        let edges = relevant.into_iter().map(|member| Edge {
            branch: several.then(|| member.name.trim_start_matches("__").into()),
            ..edge(plans, member.offset, member.type_id)
        });
        edges.collect()
    }

    fn variants(&self, plans: &mut Plans, of: &Type) -> Option<Variants> {
        self.relevant_variants(&self.relevance, plans, of)
    }

    /// The variants, with what is of interest in each.
    pub(super) fn relevant_variants<P>(
        &self,
        relevance: &Relevance<'t, 's>,
        plans: &mut Plans<P>,
        of: &Type,
    ) -> Option<Variants> {
        let Shape::Enum { discriminant, variants, .. } = &of.shape else { return None };
        let discriminant = discriminant.map(|(offset, size)| Discriminant { offset, size });
        let mut list = Vec::new();
        for variant in variants {
            // Of a discriminant wider than a word the lowest bits count.
            let value = match variant.value.map(|value| value & u128::from(u64::MAX)) {
                Some(value) => Some(u64::try_from(value).ok()?),
                None => None,
            };
            let relevant = relevance.of(variant.member.type_id);
            let inside = relevant.then(|| edge(plans, variant.member.offset, variant.member.type_id));
            list.push((value, inside));
        }
        let common = of.members.iter().filter(|member| relevance.of(member.type_id));
        let common = common.map(|member| edge(plans, member.offset, member.type_id)).collect();
        let joined = without_generics(&of.name).ends_with("MaybeDone");
        Some(Variants { joined, discriminant, list, common })
    }

    /// The type behind a trait object's vtable; `None` also if several types share it: which of them it is, is not
    /// known then.
    pub(super) fn behind(&self, vtable: u64) -> Option<std::rc::Rc<Type>> {
        let types = self.types;
        let mut found = types.behind_vtable(vtable);
        if found.is_empty() {
            let code = |slot: u64| read_word(vtable.wrapping_add(slot * 8));
            let dropped = code(DROP_SLOT).into_iter().flat_map(|address| types.functions_at(address));
            found.extend(dropped.filter_map(|id| Some(types.get(types.signature(id).generics.first()?.1))));
        }
        if found.is_empty() {
            let polled = read_word(vtable.wrapping_add(FIRST_METHOD_SLOT * 8))?;
            found.extend(types.functions_at(polled).filter_map(|id| self.polled_by(id)));
        }
        found.dedup_by(|one, other| one.name == other.name);
        (found.len() == 1).then(|| found.remove(0))
    }

    /// The type that a function takes as `Pin<&mut Self>`.
    pub(crate) fn polled_by(&self, function: EntryId) -> Option<std::rc::Rc<Type>> {
        let pin = self.types.get(*self.types.signature(function).takes.first()?);
        let Shape::Pointer(Some(to)) = self.types.get(pin.members.first()?.type_id).shape else {
            return None;
        };
        Some(self.types.get(to))
    }
}

pub(super) fn edge<P>(plans: &mut Plans<P>, offset: u64, of: EntryId) -> Edge {
    Edge { offset, branch: None, plan: plans.number(of) }
}
