//! Plans: what to do with a value of a type. Offsets only, no names to look up.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use crate::tasks::types::EntryId;

pub(crate) type Text = Arc<str>;

/// A plan by its number in [`Plans`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct PlanId(u32);

/// Something inside a value.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) offset: u64,
    /// What the value calls it, where it has several.
    pub(crate) branch: Option<Text>,
    pub(crate) plan: PlanId,
}

/// The integer inside a value that says which variant it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Discriminant {
    pub(crate) offset: u64,
    /// In bytes, 1 to 8.
    pub(crate) size: u64,
}

impl Discriminant {
    /// The bits that count of a variant's value.
    pub(crate) fn mask(self) -> u64 {
        if self.size >= 8 { u64::MAX } else { (1 << (self.size * 8)) - 1 }
    }
}

/// A step on the way to a number: offsets count from the last pointer that was followed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Follow the pointer.
    Pointer { offset: u64 },
    /// Go on if the integer has that value.
    If { discriminant: Discriminant, value: u64 },
    /// Go on if it has not.
    Unless { discriminant: Discriminant, value: u64 },
    /// Here it is, in four bytes.
    Number { offset: u64 },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StateKind {
    Suspended,
    NotStarted,
    Finished,
}

/// A state of an async function.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) value: u64,
    pub(crate) kind: StateKind,
    /// File and line of the `.await`; of the function itself for one inside a foreign macro.
    pub(crate) place: Option<(Text, u32)>,
    /// What it awaits, with the name to be shown if nothing is known of its inside.
    pub(crate) awaits: Option<(Edge, Text)>,
}

/// Where the figure of a future is.
#[derive(Debug)]
pub(crate) enum Figure {
    /// A timer's deadline, in seconds and nanoseconds.
    Deadline { seconds: u64, nanoseconds: u64 },
    /// The task that a handle belongs to: the pointer to its header, and where a header has its vtable.
    Task { header: u64, vtable: u64 },
    /// Permits that are waited for: the pointer to the semaphore, the permits in that, and how many of their lowest bits
    /// do not count.
    Permits { semaphore: u64, permits: u64, shift: u32 },
    /// The length of a set of tasks.
    Tasks { length: u64 },
}

/// Where the name of a span is: the pointer to what is known statically of it, and in that a string's pointer and length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanName {
    pub(crate) metadata: u64,
    pub(crate) data: u64,
    pub(crate) length: u64,
}

/// What to do with a value.
#[derive(Debug)]
pub(crate) enum Plan {
    /// No future is in it.
    Nothing,
    /// The state of an async function, block or closure.
    Coroutine {
        label: Text,
        /// Functions of other crates that it was made for.
        made_for: Arc<[Text]>,
        size: u64,
        discriminant: Discriminant,
        states: Vec<State>,
    },
    /// A future written by hand, with the futures inside.
    Future {
        label: Text,
        inside: Vec<Edge>,
        variants: Option<Box<Variants>>,
        descriptor: Option<Vec<Step>>,
    },
    /// A future with nothing inside of which a figure is known.
    Known {
        label: Text,
        figure: Figure,
    },
    /// A linked list of futures: its first node, and in each node the future and the next.
    LinkedFutures {
        label: Text,
        head: u64,
        node_size: u64,
        next: u64,
        future: Edge,
    },
    /// A registered future: where the pointer to its slot is.
    Tracked {
        slot: u64,
        future: Edge,
    },
    /// A set of tasks that its future drives: the way to the list of these, by offsets that a pointer is read at, all but
    /// the last, and the future that it runs beside them.
    LocalSet {
        label: Text,
        way: Vec<u64>,
        future: Option<Edge>,
    },
    /// A future that runs in a span, with the way to the span's name.
    Instrumented {
        label: Text,
        span: SpanName,
        future: Edge,
    },
    /// All of these.
    Members(Vec<Edge>),
    /// One of these.
    Enum(Variants),
    /// A pointer that owns or borrows alone what it points to.
    Pointer {
        size: u64,
        to: Edge,
    },
    /// A trait object: data and vtable.
    Object {
        data: u64,
        vtable: u64,
        label: Text,
    },
    /// A pointer and a count.
    Slice {
        data: u64,
        length: u64,
        element_size: u64,
        element: Edge,
    },
    Array {
        count: u64,
        element_size: u64,
        element: Edge,
    },
}

#[derive(Debug)]
pub(crate) struct Variants {
    /// It is one of several futures of which all are waited for, as in `join!`.
    pub(crate) joined: bool,
    /// `None` if there is but one.
    pub(crate) discriminant: Option<Discriminant>,
    /// Value (`None` for any other) and what is of interest in the variant.
    pub(crate) list: Vec<(Option<u64>, Option<Edge>)>,
    /// What is there in every variant.
    pub(crate) common: Vec<Edge>,
}

impl Variants {
    /// What is of interest in the variant that the discriminant's value means.
    pub(crate) fn chosen(&self, value: u64) -> Option<&Edge> {
        let chosen = match self.discriminant {
            None => self.list.first(),
            Some(discriminant) => {
                let is = |wanted: &u64| wanted & discriminant.mask() == value;
                let named = self.list.iter().find(|(wanted, _)| wanted.as_ref().is_some_and(is));
                named.or_else(|| self.list.iter().find(|(wanted, _)| wanted.is_none()))
            }
        };
        chosen.and_then(|(_, edge)| edge.as_ref())
    }
}

/// All plans of one kind made so far, for the life of the inspector.
pub(crate) struct Plans<P = Plan> {
    list: Vec<(EntryId, Option<P>)>,
    by_type: HashMap<EntryId, PlanId, FxBuildHasher>,
    /// Trait objects' vtables: the plan of the type behind, its size and name. `None` if it is not described.
    pub(crate) objects: HashMap<u64, Option<Object>, FxBuildHasher>,
    /// Where a task's id is in its header, by the header's vtable.
    pub(crate) task_ids: HashMap<u64, Option<u64>, FxBuildHasher>,
}

/// The type behind a vtable.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) plan: PlanId,
    pub(crate) size: u64,
    pub(crate) label: Text,
}

impl<P> Default for Plans<P> {
    fn default() -> Self {
        Plans {
            list: Vec::new(),
            by_type: HashMap::default(),
            objects: HashMap::default(),
            task_ids: HashMap::default(),
        }
    }
}

impl<P> Plans<P> {
    /// The number of the plan for a type, whether or not it is made yet.
    pub(crate) fn number(&mut self, of: EntryId) -> PlanId {
        let next = PlanId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        *self.by_type.entry(of).or_insert_with(|| {
            self.list.push((of, None));
            next
        })
    }

    pub(crate) fn get(&self, id: PlanId) -> Option<&P> {
        self.list.get(id.0 as usize)?.1.as_ref()
    }

    pub(crate) fn of(&self, id: PlanId) -> Option<EntryId> {
        self.list.get(id.0 as usize).map(|(of, _)| *of)
    }

    pub(crate) fn set(&mut self, id: PlanId, plan: P) {
        if let Some((_, place)) = self.list.get_mut(id.0 as usize) {
            *place = Some(plan);
        }
    }
}
