//! Relevance of types: which may hold a future, by value or behind a pointer that owns or borrows it alone; and which may
//! wait for something or hold it.

use std::cell::RefCell;
use std::collections::HashMap;

use super::known::{Libraries, UNORDERED};
use crate::tasks::types::{EntryId, Shape, Type, Types};

/// How deep types are followed.
const MAX_DEPTH: usize = 40;
/// How many types are looked at to answer for one.
const MAX_STEPS: usize = 50_000;

/// Whether the holder of such a pointer decides alone about what it points to: following it from a suspended future is as safe as
/// reading the future.
pub(super) fn owns(name: &str) -> bool {
    name.starts_with("&mut ") || name.starts_with("alloc::boxed::Box<")
}

/// A pointer and a count: where both are, and of what.
pub(super) fn slice(types: &Types<'_>, of: &Type) -> Option<(u64, u64, EntryId)> {
    if of.name.starts_with("alloc::boxed::Box<[") || of.name.starts_with("&mut [") {
        let data = of.member("data_ptr")?;
        let Shape::Pointer(Some(element)) = types.get(data.type_id).shape else { return None };
        return Some((data.offset, of.member("length")?.offset, element));
    }
    if of.name.starts_with("alloc::vec::Vec<") {
        let (_, element) = of.generics.first()?;
        return Some((types.find(of, "pointer")?.0, types.find(of, "len")?.0, *element));
    }
    None
}

/// A trait object: where its data and vtable are.
pub(super) fn object(of: &Type) -> Option<(u64, u64)> {
    let (data, vtable) = (of.member("pointer")?, of.member("vtable")?);
    (of.members.len() == 2).then_some((data.offset, vtable.offset))
}

/// What types are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// Futures.
    Futures,
    /// Guards, permits, ends of channels, and futures that wait for such.
    Locks,
}

/// Answers for types, and remembers.
pub(super) struct Relevance<'t, 's> {
    types: &'t Types<'s>,
    libraries: Libraries,
    sought: Sought,
    answers: RefCell<HashMap<EntryId, bool>>,
}

/// What is being looked at, and whether an answer leans on an unfinished one.
#[derive(Default)]
struct Search {
    open: Vec<EntryId>,
    steps: usize,
    cut: bool,
}

impl<'t, 's> Relevance<'t, 's> {
    pub(super) fn new(types: &'t Types<'s>, libraries: Libraries, sought: Sought) -> Self {
        Relevance { types, libraries, sought, answers: RefCell::default() }
    }

    /// Whether a value of that type may hold what is sought.
    pub(super) fn of(&self, id: EntryId) -> bool {
        self.search(id, &mut Search::default())
    }

    fn search(&self, id: EntryId, search: &mut Search) -> bool {
        if let Some(known) = self.answers.borrow().get(&id) {
            return *known;
        }
        search.steps += 1;
        if search.open.contains(&id) || search.open.len() > MAX_DEPTH || search.steps > MAX_STEPS {
            search.cut = true;
            // A guard may lie as deep as futures are nested: what is too deep to tell is looked into.
            return self.sought == Sought::Locks && search.open.len() > MAX_DEPTH;
        }
        let outer = std::mem::replace(&mut search.cut, false);
        search.open.push(id);
        let relevant = self.holds(&self.types.get(id), search);
        search.open.pop();
        // A "no" that was cut short may become a "yes" when asked from elsewhere.
        if relevant || !search.cut || search.open.is_empty() {
            self.answers.borrow_mut().insert(id, relevant);
        }
        search.cut = outer || (search.cut && !relevant);
        relevant
    }

    fn holds(&self, of: &Type, search: &mut Search) -> bool {
        let by_name = match self.sought {
            Sought::Futures => self.is_future(of),
            Sought::Locks => self.is_lock(of),
        };
        if let Some(answer) = by_name {
            return answer;
        }
        let types = self.types;
        match &of.shape {
            Shape::Pointer(Some(to)) => owns(&of.name) && self.search(*to, search),
            Shape::Array { element, .. } => self.search(*element, search),
            Shape::Enum { variants, .. } => {
                variants.iter().any(|variant| self.search(variant.member.type_id, search))
                    || of.members.iter().any(|member| self.search(member.type_id, search))
            }
            Shape::Struct => match slice(types, of) {
                Some((_, _, element)) => self.search(element, search),
                None => of.members.iter().any(|member| self.search(member.type_id, search)),
            },
            _ => false,
        }
    }

    /// Whether it is a future or the like, if that can be said without looking inside.
    fn is_future(&self, of: &Type) -> Option<bool> {
        if of.is_coroutine() || self.libraries.is_known(&of.name) {
            return Some(true);
        }
        if !self.libraries.is_wrapper(&of.name) && self.types.is_future(&of.name) {
            return Some(true);
        }
        let is_object = object(of).is_some() && of.name.contains("dyn ");
        is_object.then(|| ["Future", "Stream", "Sleep"].iter().any(|part| of.name.contains(part)))
    }

    fn is_lock(&self, of: &Type) -> Option<bool> {
        if self.libraries.guard(&of.name).is_some()
            || self.libraries.wait(&of.name).is_some()
            || of.name.starts_with(UNORDERED)
        {
            return Some(true);
        }
        object(of).map(|_| of.name.contains("dyn ") && owns(&of.name))
    }
}
