//! Futures of libraries that are known by name: those that tell more than that, and those that leave no trace of
//! themselves in an optimised build.
//!
//! A library's table says what is known; the tables of the standard library, of futures-util and of this package are
//! here, a runtime's is in the runtime's room.

use super::plan::{Edge, Plan, PlanId, SpanName, Text};
use super::sync::{
    CANARY_LOCKS, CROSSBEAM_LOCKS, FUTURES_LOCKS, Guard, Locks, MakeSyncPlan, PARKING_LOT_LOCKS,
    STANDARD_LOCKS, Synchronizer,
};
use crate::tasks::types::{EntryId, Shape, Type, Types, without_generics};

/// What is known of one library's futures. A name that ends in `<` is that of a generic type, whatever its parameters
/// are; any other is a whole name.
pub(crate) struct Library {
    /// Futures that nothing else in the debug information may show to be one: only the library polls them, or their
    /// `poll` is so small that it leaves no trace.
    pub(crate) futures: &'static [&'static str],
    /// Futures that are nothing but a closure. They are futures in the sense above, too.
    pub(crate) closures: &'static [&'static str],
    /// Futures that tell more than their name.
    pub(crate) decoded: &'static [(&'static str, MakePlan)],
    /// How the names of wrappers begin that say nothing beside what they wrap.
    pub(crate) wrappers: &'static [&'static str],
    /// What can be held and waited for.
    pub(crate) locks: Locks,
}

/// Makes the plan by which a future of that type is decoded; `None` if it does not look as expected.
pub(crate) type MakePlan = fn(&Types<'_>, &Type, &mut dyn FnMut(EntryId) -> PlanId) -> Option<Plan>;

/// Rust's own.
pub(crate) const STANDARD: Library = Library {
    futures: &["core::future::pending::Pending<", "core::future::ready::Ready<"],
    closures: &["core::future::poll_fn::PollFn<"],
    decoded: &[],
    wrappers: &[
        "&mut ",
        "alloc::boxed::Box<",
        "alloc::vec::Vec<",
        "core::cell::",
        "core::mem::manually_drop::ManuallyDrop<",
        "core::mem::maybe_dangling::",
        "core::mem::maybe_uninit::",
        "core::option::Option<",
        "core::panic::unwind_safe::AssertUnwindSafe<",
        "core::pin::Pin<",
    ],
    locks: STANDARD_LOCKS,
};

pub(crate) const FUTURES_UTIL: Library = Library {
    futures: &[],
    closures: &[],
    decoded: &[(UNORDERED, unordered)],
    wrappers: &["futures_util::future::maybe_done::MaybeDone<"],
    locks: FUTURES_LOCKS,
};

/// Futures that run in a span.
pub(crate) const TRACING: Library = Library {
    futures: &[],
    closures: &[],
    decoded: &[
        ("tracing::instrument::Instrumented<", instrumented),
        ("tracing_futures::Instrumented<", instrumented),
    ],
    wrappers: &[],
    locks: Locks { guards: &[], waits: &[], functions: &[] },
};

pub(crate) const PARKING_LOT: Library =
    Library { futures: &[], closures: &[], decoded: &[], wrappers: &[], locks: PARKING_LOT_LOCKS };

pub(crate) const CROSSBEAM: Library =
    Library { futures: &[], closures: &[], decoded: &[], wrappers: &[], locks: CROSSBEAM_LOCKS };

/// How the names of registered futures begin.
pub(crate) const TRACKED: &str = "gmr_inspect::tasks::tracked::Tracked<";

/// This package's. A registered future is not of interest by itself: what it wraps is.
pub(crate) const OWN: Library = Library {
    futures: &[],
    closures: &[],
    decoded: &[(TRACKED, tracked)],
    wrappers: &[TRACKED],
    locks: CANARY_LOCKS,
};

fn matches(name: &str, pattern: &str) -> bool {
    if pattern.ends_with('<') { name.starts_with(pattern) } else { name == pattern }
}

/// All libraries that are known to a decoding.
#[derive(Clone, Copy)]
pub(crate) struct Libraries(pub(crate) &'static [&'static Library]);

impl Libraries {
    fn iter(self) -> impl Iterator<Item = &'static Library> {
        self.0.iter().copied()
    }

    /// A future, whether or not the debug information has its `poll`.
    pub(super) fn is_future(self, name: &str) -> bool {
        self.iter().any(|library| {
            let mut names = library.futures.iter().chain(library.closures);
            names.any(|pattern| matches(name, pattern))
        })
    }

    /// A future that is nothing but a closure.
    pub(super) fn is_closure(self, name: &str) -> bool {
        self.iter().any(|library| library.closures.iter().any(|pattern| matches(name, pattern)))
    }

    /// A wrapper that says nothing beside what it wraps.
    pub(super) fn is_wrapper(self, name: &str) -> bool {
        self.iter().any(|library| library.wrappers.iter().any(|prefix| name.starts_with(prefix)))
    }

    /// A future of interest whether or not the program's own code polls it.
    pub(super) fn is_known(self, name: &str) -> bool {
        self.is_future(name) || (self.decoded(name).is_some() && !self.is_wrapper(name))
    }

    /// How a future of that type is decoded, if that is known and it looks as expected.
    pub(super) fn plan(
        self,
        types: &Types<'_>,
        of: &Type,
        mut number: impl FnMut(EntryId) -> PlanId,
    ) -> Option<Plan> {
        self.decoded(&of.name).and_then(|make| make(types, of, &mut number))
    }

    /// A type that holds a lock, or has an end of a channel.
    pub(super) fn guard(self, name: &str) -> Option<&'static Guard> {
        self.iter().flat_map(|library| library.locks.guards).find(|guard| matches(name, guard.name))
    }

    /// How a future that waits is to be read.
    pub(super) fn wait(self, name: &str) -> Option<MakeSyncPlan> {
        let mut known = self.iter().flat_map(|library| library.locks.waits);
        known.find(|(pattern, _)| matches(name, pattern)).map(|(_, make)| *make)
    }

    /// What the async function of that path waits for.
    pub(super) fn synchronizer(self, path: &str) -> Option<&'static Synchronizer> {
        let function = path.rsplit("::").next().unwrap_or_default();
        self.iter().flat_map(|library| library.locks.functions).find(|known| {
            path.trim_start_matches('<').starts_with(known.path) && function.starts_with(known.function)
        })
    }

    fn decoded(self, name: &str) -> Option<MakePlan> {
        let mut known = self.iter().flat_map(|library| library.decoded);
        known.find(|(pattern, _)| matches(name, pattern)).map(|(_, make)| *make)
    }
}

/// What a chain calls a future of that type.
pub(crate) fn label(of: &Type) -> Text {
    Text::from(without_generics(&of.name))
}

/// How the names of sets of futures begin that are linked lists.
pub(super) const UNORDERED: &str = "futures_util::stream::futures_unordered::FuturesUnordered<";

/// Where a linked list of futures is: the pointer to its first node; in a node of that size, the pointer to the next one,
/// and the future.
pub(super) struct Linked {
    pub(super) head: u64,
    pub(super) node_size: u64,
    pub(super) next: u64,
    pub(super) future: (u64, EntryId),
}

impl Linked {
    pub(super) fn find(types: &Types<'_>, of: &Type) -> Option<Linked> {
        let (head, pointer) = types.find(of, "head_all")?;
        let node = types.get(pointee(types, pointer.id)?);
        let (offset, future) = types.find(&node, "future")?;
        let (next, _) = types.find(&node, "next_all")?;
        Some(Linked { head, node_size: node.size, next, future: (offset, future.id) })
    }
}

fn unordered(types: &Types<'_>, of: &Type, number: &mut dyn FnMut(EntryId) -> PlanId) -> Option<Plan> {
    let Linked { head, node_size, next, future: (offset, future) } = Linked::find(types, of)?;
    let future = Edge { offset, branch: None, plan: number(future) };
    Some(Plan::LinkedFutures { label: label(of), head, node_size, next, future })
}

/// The span's metadata is an `Option<&'static Metadata>`: a pointer, or null.
fn instrumented(types: &Types<'_>, of: &Type, number: &mut dyn FnMut(EntryId) -> PlanId) -> Option<Plan> {
    let future = of.member("inner")?;
    let span = of.member("span")?;
    let (metadata, option) = types.find(&types.get(span.type_id), "meta")?;
    let Shape::Enum { variants, .. } = &option.shape else { return None };
    let some = variants.iter().find_map(|variant| types.find(&types.get(variant.member.type_id), "__0"));
    let Shape::Pointer(Some(described)) = some?.1.shape else { return None };
    let (name, text) = types.find(&types.get(described), "name")?;
    let span = SpanName {
        metadata: span.offset + metadata,
        data: name + text.member("data_ptr")?.offset,
        length: name + text.member("length")?.offset,
    };
    let future = Edge { offset: future.offset, branch: None, plan: number(future.type_id) };
    Some(Plan::Instrumented { label: label(of), span, future })
}

fn tracked(types: &Types<'_>, of: &Type, number: &mut dyn FnMut(EntryId) -> PlanId) -> Option<Plan> {
    let lease = of.member("lease")?;
    let future = of.member("future")?;
    let Shape::Enum { variants, .. } = &types.get(lease.type_id).shape else { return None };
    let slot = variants.iter().find_map(|variant| {
        let (offset, _) = types.find(&types.get(variant.member.type_id), "slot")?;
        Some(lease.offset + variant.member.offset + offset)
    });
    let future = Edge { offset: future.offset, branch: None, plan: number(future.type_id) };
    Some(Plan::Tracked { slot: slot?, future })
}

/// What an atomic pointer (`AtomicPtr<T>`, wrapped or not) points to.
fn pointee(types: &Types<'_>, id: EntryId) -> Option<EntryId> {
    let mut id = id;
    // An atomic, its cell, the pointer in it: three steps, and some to spare.
    for _ in 0..8 {
        let of = types.get(id);
        if let Some((_, parameter)) = of.generics.first() {
            let parameter_type = types.get(*parameter);
            return match parameter_type.shape {
                Shape::Pointer(Some(to)) => Some(to),
                _ => Some(*parameter),
            };
        }
        if let Shape::Pointer(to) = of.shape {
            return to;
        }
        id = of.members.first()?.type_id;
    }
    None
}
