//! The engine: finds all tasks of a runtime in memory and decodes what they await, by the debug information alone.
//!
//! What it knows of tokio it asks the room [`tokio`](super::tokio); what it knows of types, [`types`](super::types).

mod batch;
mod chains;
mod decoder;
#[cfg(stacks)]
mod frame_values;
#[cfg(stacks)]
mod local_sets;
mod look;
mod parking_lot;
#[cfg(stacks)]
mod roots;
mod sightings;

#[cfg(stacks)]
pub(crate) use self::frame_values::{ReadFrame, Value};

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use self::chains::Chains;
use self::decoder::{Decoder, Known};
use self::look::Look;
use self::sightings::Gathering;
use super::decode::{CROSSBEAM, Compiler, FUTURES_UTIL, Libraries, OWN, PARKING_LOT, STANDARD, TRACING};
use super::found::{Found, FoundAll};
use super::model::{DebugInformationFault, Note, Options, Polling, Reason, TaskState};
use super::registry::{Reading, Slot};
use super::tokio::{CurrentTask, FUTURES, Tokio, canary};
use super::types::{Index, Next, Source, Types};
use crate::threads::{self, Capture, Listing};

/// This process's executable, even if its file was replaced.
pub(crate) const EXECUTABLE: &str = "/proc/self/exe";

/// Decoding the canary's handful of tasks takes a millisecond.
const CANARY_DEADLINE: Duration = Duration::from_secs(10);

/// The libraries with known futures and locks.
const LIBRARIES: Libraries =
    Libraries(&[&STANDARD, &FUTURES_UTIL, &FUTURES, &TRACING, &OWN, &PARKING_LOT, &CROSSBEAM]);

/// What a look is to find.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The runtimes whose tasks are meant.
    pub(crate) handles: &'a [Handle],
    pub(crate) registered: &'a [(&'static Slot, Reading)],
    pub(crate) options: &'a Options,
    /// The threads, if what these show of other runtimes and futures is meant, too.
    pub(crate) threads: Option<&'a Capture>,
}

/// All that is known of this executable: kept from look to look.
pub(crate) struct Engine {
    path: &'static str,
    bias: u64,
    index: Index,
    tokio: Tokio,
    parking_lot_key: Option<i64>,
    memory: Known,
    /// Drop flags were seen to tell which locals are alive.
    drop_flags: bool,
    #[cfg(stacks)]
    sites: frame_values::Sites,
}

impl Engine {
    /// Indexes the debug information of this executable and proves that it is understood. It takes 50 ms to a second,
    /// and its memory is given back but for a few megabytes. It must not be called inside of a runtime.
    ///
    /// `begun` is an index that somebody else has begun, or an empty one.
    pub(crate) fn new(begun: Index, unwanted: impl Fn() -> bool) -> Result<Engine, Reason> {
        let path = EXECUTABLE;
        let source = Source::new(path);
        let bias = source.bias()?;
        let index = begun.go_on(&source, || if unwanted() { Next::BreakOff } else { Next::Unit })?;
        if !index.has_types() {
            return Err(Reason::DebugInformation(DebugInformationFault::NoTypes));
        }
        let types = Types::new(&source, &index, bias);
        let tokio = Tokio::find(&types).map_err(Reason::Layout)?;
        let parking_lot_key = parking_lot::key(&types);
        drop(types);
        let memory = Known::default();
        let mut engine = Engine {
            path,
            bias,
            index,
            tokio,
            parking_lot_key,
            memory,
            drop_flags: true,
            #[cfg(stacks)]
            sites: Default::default(),
        };
        // With what is open already: compressed sections would be decompressed another time beside it.
        let look = |handles: &[Handle]| {
            // Nobody waits for what the canary holds.
            let options = Options::default().with_max_tasks(usize::MAX).with_holders(true);
            let options = options.with_threads_wait(true);
            let wanted = Wanted { handles, registered: &[], options: &options, threads: None };
            engine.look_in(&source, &wanted, Instant::now() + CANARY_DEADLINE)
        };
        engine.drop_flags = canary::check(look).map_err(Reason::Canary)?.drop_flags;
        Ok(engine)
    }

    /// How to find out which thread polls which task, also while the engine is in use; `None` where that is not known.
    pub(in crate::tasks) fn current_task(&self) -> Option<CurrentTask> {
        self.tokio.current_task()
    }

    /// Where parking_lot's key is, from the word that a thread waits on, if the executable describes that.
    #[cfg(stacks)]
    pub(crate) fn parking_lot_key(&self) -> Option<i64> {
        self.parking_lot_key
    }

    /// All tasks of these runtimes, and the chains of those registered futures that none of them lists; with threads also
    /// what these show.
    pub(crate) fn look(&mut self, wanted: &Wanted<'_>, deadline: Instant) -> FoundAll {
        self.look_in(&Source::new(self.path), wanted, deadline)
    }

    fn look_in(&mut self, source: &Source, wanted: &Wanted<'_>, deadline: Instant) -> FoundAll {
        let Wanted { handles, registered, options, threads } = *wanted;
        let listing = threads.map_or_else(threads::list, Capture::listing);
        let polling = self.tokio.polling(&listing);
        let claims = self.tokio.claims(&listing);
        let types = Types::new(source, &self.index, self.bias);
        let compiler = Compiler::new(&types, LIBRARIES);
        let (task, known) = (&self.tokio.task, &mut self.memory);
        let (boxed, holders) = (self.tokio.boxed_task, options.holders);
        let spare = decoder::SPARE_VALUES;
        let decoder = Decoder { task, boxed, known, compiler: &compiler, deadline, spare, holders };
        let mut look = Look {
            decoder,
            chains: Chains::new(),
            sightings: Gathering::new(self.drop_flags),
            all: FoundAll::default(),
            #[cfg(stacks)]
            sets: Vec::new(),
        };
        let mut counted = HashMap::new();
        for (number, handle) in handles.iter().enumerate() {
            let found = match self.tokio.runtime(handle, &claims) {
                Ok((lists, found)) => {
                    counted.insert(lists.counted(), number);
                    look.runtime(number, handle, &lists, options.max_tasks);
                    Some(found)
                }
                Err(fault) => {
                    look.all.notes.push(Note::RuntimeNotRead { runtime: number, fault });
                    None
                }
            };
            look.all.runtimes.push(found);
        }
        if let Some(threads) = threads {
            look.through_threads(&self.tokio, &claims, counted, threads, options.max_tasks);
        }
        look.unlisted(registered);
        let Look { sightings, mut all, .. } = look;
        all.sightings = sightings.finish(options.threads_wait);
        all.polling_unknown = self.tokio.polling_unknown();
        self.attribute(&polling, &mut all.tasks, &listing);
        all
    }

    /// Adds the threads to running tasks: each is named only if it was at the same task before the look.
    fn attribute(&self, before: &[Polling], tasks: &mut [Found], listing: &Listing) {
        let mut running: Vec<&mut Found> =
            tasks.iter_mut().filter(|task| task.state == TaskState::Running).collect();
        if running.is_empty() {
            return;
        }
        let after = self.tokio.polling(listing);
        let both = before.iter().filter(|polling| after.binary_search(polling).is_ok());
        let threads: HashMap<u64, u32> = both.map(|polling| (polling.task, polling.thread)).collect();
        for task in &mut running {
            task.running_on = threads.get(&task.id).copied();
        }
    }
}
