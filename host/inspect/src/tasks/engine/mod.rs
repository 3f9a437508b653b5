//! The engine: finds all tasks of a runtime in memory and decodes what they await, by the debug information alone.
//!
//! What it knows of tokio it asks the room [`tokio`](super::tokio); what it knows of types, [`types`](super::types).

mod batch;
mod chains;
mod decoder;
mod look;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use self::chains::Chains;
use self::decoder::{Decoder, Known};
use self::look::Look;
use super::decode::{Compiler, FUTURES_UTIL, Libraries, OWN, STANDARD};
use super::found::{Found, FoundAll};
use super::model::{DebugInformationFault, Note, Polling, Reason, TaskState};
use super::registry::{Reading, Slot};
use super::tokio::{CurrentTask, FUTURES, Tokio, canary};
use super::types::{Index, Source, Types};

/// Decoding the canary's handful of tasks takes a millisecond.
const CANARY_DEADLINE: Duration = Duration::from_secs(10);

/// The libraries with known futures.
const LIBRARIES: Libraries = Libraries(&[&STANDARD, &FUTURES_UTIL, &FUTURES, &OWN]);

/// All that is known of this executable: kept from look to look.
pub(crate) struct Engine {
    path: &'static str,
    bias: u64,
    index: Index,
    tokio: Tokio,
    memory: Known,
}

impl Engine {
    /// Indexes the debug information of this executable and proves that it is understood. It takes 50 ms to a second,
    /// and its memory is given back but for a few megabytes. It must not be called inside of a runtime.
    pub(crate) fn new(unwanted: impl Fn() -> bool) -> Result<Engine, Reason> {
        let path = "/proc/self/exe";
        let source = Source::new(path);
        let bias = source.bias()?;
        let index = Index::build(&source, unwanted)?;
        if !index.has_types() {
            return Err(Reason::DebugInformation(DebugInformationFault::NoTypes));
        }
        let tokio = Tokio::find(&Types::new(&source, &index, bias)).map_err(Reason::Layout)?;
        let mut engine = Engine { path, bias, index, tokio, memory: Known::default() };
        // With what is open already: compressed sections would be decompressed another time beside it.
        let look = |handles: &[Handle]| {
            engine.look_in(&source, handles, &[], usize::MAX, Instant::now() + CANARY_DEADLINE)
        };
        canary::check(look).map_err(Reason::Canary)?;
        Ok(engine)
    }

    /// How to find out which thread polls which task, also while the engine is in use; `None` where that is not known.
    pub(crate) fn current_task(&self) -> Option<CurrentTask> {
        self.tokio.current_task()
    }

    /// Which thread polls which task; empty where that is not known.
    fn polling(&self) -> Vec<Polling> {
        self.tokio.polling()
    }

    /// All tasks of these runtimes, and the chains of those registered futures that none of them lists.
    pub(crate) fn look(
        &mut self,
        handles: &[Handle],
        registered: &[(&'static Slot, Reading)],
        max: usize,
        deadline: Instant,
    ) -> FoundAll {
        self.look_in(&Source::new(self.path), handles, registered, max, deadline)
    }

    fn look_in(
        &mut self,
        source: &Source,
        handles: &[Handle],
        registered: &[(&'static Slot, Reading)],
        max: usize,
        deadline: Instant,
    ) -> FoundAll {
        let polling = self.polling();
        let claims = self.tokio.claims();
        let types = Types::new(source, &self.index, self.bias);
        let compiler = Compiler::new(&types, LIBRARIES);
        let (task, known) = (&self.tokio.task, &mut self.memory);
        let decoder = Decoder { task, known, compiler: &compiler, deadline };
        let mut look = Look { decoder, chains: Chains::new(), all: FoundAll::default() };
        for (number, handle) in handles.iter().enumerate() {
            let found = match self.tokio.runtime(handle, &claims) {
                Ok((lists, found)) => {
                    look.runtime(number, handle, &lists, max);
                    Some(found)
                }
                Err(fault) => {
                    look.all.notes.push(Note::RuntimeNotRead { runtime: number, fault });
                    None
                }
            };
            look.all.runtimes.push(found);
        }
        look.unlisted(registered);
        let mut all = look.all;
        all.polling_unknown = self.tokio.polling_unknown();
        self.attribute(&polling, &mut all.tasks);
        all
    }

    /// Adds the threads to running tasks: each is named only if it was at the same task before the look.
    fn attribute(&self, before: &[Polling], tasks: &mut [Found]) {
        let mut running: Vec<&mut Found> =
            tasks.iter_mut().filter(|task| task.state == TaskState::Running).collect();
        if running.is_empty() {
            return;
        }
        let after = self.polling();
        let both = before.iter().filter(|polling| after.binary_search(polling).is_ok());
        let threads: HashMap<u64, u32> = both.map(|polling| (polling.task, polling.thread)).collect();
        for task in &mut running {
            task.running_on = threads.get(&task.id).copied();
        }
    }
}
