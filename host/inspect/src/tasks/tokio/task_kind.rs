//! Kinds of tokio's tasks: what all tasks with the same future have in common, found once by their vtable.

use std::rc::Rc;
use std::sync::Arc;

use super::header::TaskLayout;
use crate::memory::read_word;
use crate::tasks::decode::{PlanId, Plans, TRACKED};
use crate::tasks::model::Reason;
use crate::tasks::types::{Shape, Type, Types, without_generics};

/// There are no larger futures: tokio boxes those above 16 KiB.
const MAX_TRAILER: u64 = 1 << 26;
/// A header is a few words; the id follows it.
const MAX_ID_OFFSET: u64 = 4096;
/// The trailer holds two links and a waker.
const TRAILER_BYTES: u64 = 64;
/// How much of a task is read at once. What a larger future has inside is read when it is needed.
const MAX_READ: u64 = 1 << 16;
/// How deep the stage is below the cell.
const STAGE_DEPTH: usize = 6;

/// What a future is called of which nothing is known.
pub(crate) const UNKNOWN_FUTURE: &str = "?";

/// Tasks of one type of future under one kind of scheduler.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The future, as a reader of the source knows it.
    pub(crate) future: Arc<str>,
    /// That future is a registered one.
    pub(crate) registered: bool,
    /// How many bytes from the header on are read.
    pub(crate) size: usize,
    pub(crate) trailer: u64,
    pub(crate) id: u64,
    /// Where the future is and how it is decoded; or why that is not known.
    pub(crate) stage: Result<(u64, PlanId), Arc<Reason>>,
    /// It is not described, and taken for a box of any future, as which it is as large: its memory has to prove that.
    pub(crate) assumed: bool,
}

impl Kind {
    /// This kind as a box of any future, if it may be one; `boxed` is that of boxes.
    pub(crate) fn assumed_boxed(self, boxed: &Kind) -> Kind {
        let is_alike = (self.trailer, self.id) == (boxed.trailer, boxed.id);
        match (&self.stage, &boxed.stage) {
            (Err(reason), Ok(stage)) if is_alike && **reason == Reason::TaskNotDescribed => Kind {
                future: Arc::clone(&boxed.future),
                size: boxed.size,
                stage: Ok(*stage),
                assumed: true,
                ..self
            },
            _ => self,
        }
    }
}

/// Where the id and the trailer of a task are, as its vtable says; `None` if that makes no sense.
fn offsets(layout: &TaskLayout, vtable: u64) -> Option<(u64, u64)> {
    let trailer = read_word(vtable.wrapping_add(layout.trailer_offset))?;
    let id = read_word(vtable.wrapping_add(layout.id_offset))?;
    let sane = trailer <= MAX_TRAILER && trailer >= layout.header_size && id <= MAX_ID_OFFSET && id < trailer;
    sane.then_some((trailer, id))
}

/// Where a task with that vtable has its id.
pub(crate) fn id_offset(layout: &TaskLayout, vtable: u64) -> Option<u64> {
    offsets(layout, vtable).map(|(_, id)| id)
}

/// The kind of task that has that vtable; `None` if that is no vtable of a task.
pub(crate) fn find(types: &Types<'_>, plans: &mut Plans, layout: &TaskLayout, vtable: u64) -> Option<Kind> {
    let poll = read_word(vtable.wrapping_add(layout.poll))?;
    let (trailer, id) = offsets(layout, vtable)?;
    let size = |end: u64| usize::try_from(end.min(MAX_READ)).unwrap_or(0);
    let mut kind = Kind {
        future: Arc::from(UNKNOWN_FUTURE),
        registered: false,
        size: size(trailer + TRAILER_BYTES),
        trailer,
        id,
        stage: Err(Arc::new(Reason::TaskNotDescribed)),
        assumed: false,
    };

    let mut futures: Vec<(Rc<Type>, Rc<Type>)> = Vec::new();
    for function in types.functions_at(poll) {
        let signature = types.signature(function);
        let generic = |name: &str| {
            signature.generics.iter().find(|(own, _)| &**own == name).map(|(_, id)| types.get(*id))
        };
        if let (Some(future), Some(scheduler)) = (generic("T"), generic("S"))
            && !futures.iter().any(|(other, _)| other.name == future.name)
        {
            futures.push((future, scheduler));
        }
    }
    let [(future, scheduler)] = &futures[..] else {
        if futures.len() > 1 {
            kind.stage = Err(Arc::new(Reason::FoldedByLinker));
        }
        return Some(kind);
    };
    kind.future = shown(types, future).into();
    kind.registered = is_registered(future);
    let name = format!("tokio::runtime::task::core::Cell<{}, {}>", future.name, scheduler.name);
    let Some(cell) = types.by_name(&name) else { return Some(kind) };
    if types.find(&cell, "trailer").map(|(offset, _)| offset) != Some(trailer) {
        kind.stage = Err(Arc::new(Reason::LayoutDisputed));
        return Some(kind);
    }
    if let Some((offset, stage)) = stage(types, &cell, 0, 0) {
        kind.size = size(cell.size.max(trailer + TRAILER_BYTES));
        kind.stage = Ok((offset, plans.number(stage.id)));
    }
    Some(kind)
}

/// Whether it is a registered one.
pub(crate) fn is_registered(future: &Type) -> bool {
    future.name.starts_with(TRACKED)
}

/// The name of a future's type, as a reader knows it: registration and boxes do not show.
pub(crate) fn shown(types: &Types<'_>, future: &Rc<Type>) -> String {
    let future = shown_type(types, future);
    if future.is_coroutine() {
        types.function_name(&future)
    } else if future.name.contains("dyn ") {
        future.name.clone()
    } else {
        without_generics(&future.name)
    }
}

/// What registration and boxes are around.
pub(crate) fn shown_type(types: &Types<'_>, future: &Rc<Type>) -> Rc<Type> {
    let mut future = Rc::clone(future);
    // More wrappers than a program puts around a future.
    for _ in 0..4 {
        let inner = if future.name.starts_with(TRACKED) {
            future.member("future").map(|member| member.type_id)
        } else if let (Shape::Pointer(to), true) =
            (&future.shape, future.name.starts_with("alloc::boxed::Box<"))
        {
            *to
        } else if future.name.starts_with("core::pin::Pin<alloc::boxed::Box<")
            && !future.name.contains("(dyn ")
        {
            future.members.first().map(|member| member.type_id)
        } else {
            None
        };
        match inner {
            Some(inner) => future = types.get(inner),
            None => break,
        }
    }
    future
}

fn stage(types: &Types<'_>, of: &Rc<Type>, base: u64, depth: usize) -> Option<(u64, Rc<Type>)> {
    if of.name.starts_with("tokio::runtime::task::core::Stage<") {
        return Some((base, Rc::clone(of)));
    }
    if depth > STAGE_DEPTH {
        return None;
    }
    of.members.iter().find_map(|member| {
        stage(types, &types.get(member.type_id), base.wrapping_add(member.offset), depth + 1)
    })
}
