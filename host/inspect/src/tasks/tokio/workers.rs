//! tokio's workers: which thread is which worker of which runtime.
//!
//! The thread-local variable that has the id of the current task also has a pointer to what the scheduler keeps on the
//! stack of a thread that works for it. From there it is two steps to the runtime and to the worker's number. Nothing is
//! stated of a worker that two threads, or none, claim to be.

use std::rc::Rc;

use super::current_task::CurrentTask;
use super::layout::mask;
use crate::memory::{read_word, read_words};
use crate::tasks::types::{Shape, Type, Types};
use crate::threads::Listing;

/// Offsets on the way from the variable to a worker.
#[derive(Clone, Debug)]
pub(super) struct WorkerLayout {
    /// From the id of the task to the pointer to the scheduler's part, modulo 2^64.
    scheduler: u64,
    /// From the id of the task to what says whether the thread has left the runtime for something that blocks: that,
    /// its size, and the value that says so.
    left: Option<(u64, u64, u64)>,
    discriminant: Option<(u64, u64)>,
    kinds: Vec<(Option<u64>, Way)>,
}

/// From the id of the task to the handle of the runtime that the thread has entered, modulo 2^64.
#[derive(Clone, Copy, Debug)]
pub(super) struct EnteredHandle(u64);

impl EnteredHandle {
    pub(super) fn find(types: &Types<'_>) -> Option<EnteredHandle> {
        let variable = types.by_name("tokio::runtime::context::Context")?;
        let task = task_id(types, &variable)?;
        let (entered, option) = types.path(&variable, &["handle", "value", "value"])?;
        let Shape::Enum { variants, .. } = &option.shape else { return None };
        let some = variants.iter().find(|variant| &*variant.member.name == "Some")?;
        let (inside, _) = types.find(&types.get(some.member.type_id), "__0")?;
        Some(EnteredHandle((entered + some.member.offset + inside).wrapping_sub(task)))
    }

    /// Where each thread of a list would have the handle, if it has entered a runtime.
    pub(super) fn places(self, current_task: &CurrentTask, listing: &Listing) -> Vec<(u32, u64)> {
        let threads = current_task.places(listing).into_iter();
        threads.map(|(thread, place)| (thread, place.wrapping_add(self.0))).collect()
    }
}

/// The way from a scheduler's part to the runtime.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// A pointer to the worker, which has a pointer to the runtime and its own number.
    Worker { worker: u64, runtime: u64, number: u64 },
    /// A pointer to the runtime, which has but one worker.
    Alone { runtime: u64 },
}

/// More workers than any machine has processors for.
const MAX_WORKERS: usize = 1 << 12;

/// A thread that works for a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) thread: u32,
    /// Where the counted part of the runtime's handle is.
    pub(crate) runtime: u64,
    pub(crate) number: u64,
}

impl WorkerLayout {
    pub(super) fn find(types: &Types<'_>) -> Option<WorkerLayout> {
        let variable = types.by_name("tokio::runtime::context::Context")?;
        let task = task_id(types, &variable)?;
        let (scheduler, _) = types.path(&variable, &["scheduler", "inner"])?;
        let part = types.by_name("tokio::runtime::scheduler::Context")?;
        let Shape::Enum { discriminant, variants, .. } = &part.shape else { return None };
        let kinds = variants.iter().filter_map(|variant| {
            let value = match variant.value {
                Some(value) => Some(u64::try_from(value).ok()?),
                None => None,
            };
            let (offset, part) = types.find(&types.get(variant.member.type_id), "__0")?;
            Some((value, way(types, &part, variant.member.offset + offset)?))
        });
        Some(WorkerLayout {
            scheduler: scheduler.wrapping_sub(task),
            left: left(types, &variable).map(|(at, size, value)| (at.wrapping_sub(task), size, value)),
            discriminant: *discriminant,
            kinds: kinds.collect(),
        })
    }

    /// The threads of a list that work for a runtime. A thread that has left its runtime for something that blocks has handed its
    /// work on, and is none of them.
    pub(super) fn claims(&self, current_task: &CurrentTask, listing: &Listing) -> Vec<Claim> {
        let places = current_task.places(listing);
        // Most threads work for none.
        let parts = read_words(places.iter().map(|(_, place)| place.wrapping_add(self.scheduler)));
        let working = places.into_iter().zip(parts);
        let claims = working
            .filter_map(|((thread, place), part)| self.claim(thread, place, part.filter(|part| *part != 0)?));
        claims.filter(|claim| listing.lives(claim.thread)).collect()
    }

    /// That of a thread with the variable at `place`, which has a pointer to the scheduler's part.
    fn claim(&self, thread: u32, place: u64, part: u64) -> Option<Claim> {
        if let Some((at, size, value)) = self.left
            && number(place.wrapping_add(at), size)? == value
        {
            return None;
        }
        let value = match self.discriminant {
            Some((offset, size)) => Some(number(part.wrapping_add(offset), size)?),
            None => None,
        };
        let chosen = self.kinds.iter().find(|(wanted, _)| *wanted == value);
        let (_, way) = chosen.or_else(|| self.kinds.iter().find(|(wanted, _)| wanted.is_none()))?;
        match *way {
            Way::Alone { runtime } => {
                Some(Claim { thread, runtime: read_word(part.wrapping_add(runtime))?, number: 0 })
            }
            Way::Worker { worker, runtime, number } => {
                let worker = read_word(part.wrapping_add(worker))?;
                let runtime = read_word(worker.wrapping_add(runtime))?;
                Some(Claim { thread, runtime, number: read_word(worker.wrapping_add(number))? })
            }
        }
    }
}

/// The thread of each worker of the runtime that has its counted part at `runtime`, up to the last one that is known:
/// the oldest versions of tokio do not say how many there are.
pub(super) fn threads(claims: &[Claim], runtime: u64, count: Option<usize>) -> Vec<Option<u32>> {
    let count = count.unwrap_or(MAX_WORKERS);
    let of = |number: usize| {
        let mut own = claims.iter().filter(|claim| claim.runtime == runtime && claim.number == number as u64);
        own.next().filter(|_| own.next().is_none()).map(|claim| claim.thread)
    };
    let own = claims.iter().filter(|claim| claim.runtime == runtime && claim.number < count as u64);
    let last = own.map(|claim| claim.number as usize).max();
    last.map_or_else(Vec::new, |last| (0..=last).map(of).collect())
}

fn way(types: &Types<'_>, part: &Rc<Type>, base: u64) -> Option<Way> {
    // An `Arc` points to two counts and the value.
    let counted = |of: &Rc<Type>, name: &str| {
        let (offset, pointer) = types.path(of, &[name, "pointer"])?;
        let Shape::Pointer(Some(to)) = pointer.shape else { return None };
        Some((offset, types.get(to)))
    };
    if part.member("worker").is_none() {
        return Some(Way::Alone { runtime: base + counted(part, "handle")?.0 });
    }
    let (worker, inside) = counted(part, "worker")?;
    let (data, own) = types.find(&inside, "data")?;
    Some(Way::Worker {
        worker: base + worker,
        runtime: data + counted(&own, "handle")?.0,
        number: data + types.find(&own, "index")?.0,
    })
}

/// Where the variable has the id of the task: in an option, behind a tag of its own with tokio before 1.40.
fn task_id(types: &Types<'_>, variable: &Rc<Type>) -> Option<u64> {
    let (offset, option) = types.path(variable, &["current_task_id", "value", "value"])?;
    let Shape::Enum { variants, .. } = &option.shape else { return None };
    let some = &variants.iter().find(|variant| &*variant.member.name == "Some")?.member;
    let (inside, _) = types.find(&types.get(some.type_id), "__0")?;
    Some(offset + some.offset + inside)
}

fn left(types: &Types<'_>, variable: &Rc<Type>) -> Option<(u64, u64, u64)> {
    let (offset, entered) = types.path(variable, &["runtime", "value", "value"])?;
    let Shape::Enum { discriminant: Some((at, size)), variants, .. } = &entered.shape else { return None };
    let not_entered = variants.iter().find(|variant| &*variant.member.name == "NotEntered")?;
    Some((offset + at, *size, u64::try_from(not_entered.value?).ok()?))
}

fn number(address: u64, size: u64) -> Option<u64> {
    // The variable goes on behind it, or its padding does.
    Some(read_word(address)? & mask(size))
}
