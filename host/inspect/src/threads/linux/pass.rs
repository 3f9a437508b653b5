//! One pass over all threads with one snapshot of the modules: everything that takes no signal.

use super::draft::{Draft, RawStack};
use super::signal::Answer;
use super::sleeping::{self, Look};
use super::task_directory::TaskDirectory;
use super::{current_thread, status};
use crate::detached::{self, Outcome};
use crate::memory;
use crate::threads::evidence::{self, Collection};
use crate::threads::{Method, Missing, Operation, State, Thread};
use crate::unwind::{CodeMap, Copied, CopiedThenLive, End, Live, RawFrame, Registers, Unwinder, Walk};
use rustc_hash::FxBuildHasher;
use rustix::io::Errno;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// With more threads than this a second processor takes part: so many take some three milliseconds, and to
/// start a thread a twentieth of one.
const MANY: usize = 128;
/// How many threads are taken at a time: the slower of the two holds up the other for half a millisecond.
const PART: usize = 16;

/// When all is over, the other one is still at its last part; a file that unwinding needs may not answer at all.
const LAST_PART: Duration = Duration::from_millis(100);

/// Threads that are shared out in parts. All memory is the first thread's, which frees it too: what another one leaves in
/// its allocator's hands would become more from capture to capture.
struct Parts {
    parts: Vec<Mutex<Part>>,
    /// The next one to be taken.
    next: AtomicUsize,
}

struct Part {
    threads: Vec<Thread>,
    drafts: Vec<Draft>,
}

impl Parts {
    fn new(threads: &[Thread]) -> Parts {
        let part = |threads: &[Thread]| {
            let drafts = threads.iter().map(|_| Draft::Missing(Missing::OutOfTime)).collect();
            Mutex::new(Part { threads: threads.to_vec(), drafts })
        };
        Parts { parts: threads.chunks(PART).map(part).collect(), next: AtomicUsize::new(0) }
    }

    /// A part that is the caller's as long as it has it.
    fn next(&self) -> Option<MutexGuard<'_, Part>> {
        let part = self.parts.get(self.next.fetch_add(1, Ordering::Relaxed))?;
        Some(part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts all parts back in their places but those that somebody still has.
    fn put_back(&self, threads: &mut [Thread], drafts: &mut [Draft]) {
        for ((part, threads), drafts) in
            self.parts.iter().zip(threads.chunks_mut(PART)).zip(drafts.chunks_mut(PART))
        {
            if let Ok(mut part) = part.try_lock() {
                threads.swap_with_slice(&mut part.threads);
                drafts.swap_with_slice(&mut part.drafts);
            }
        }
    }
}

pub(super) struct Pass<'m> {
    directory: Result<&'m Arc<TaskDirectory>, Errno>,
    code: &'m Arc<CodeMap>,
    unwinder: Unwinder<'m>,
    live: Live,
    /// Each different stack once.
    stacks: HashSet<Arc<[RawFrame]>, FxBuildHasher>,
    deadline: Instant,
    /// Where evidence is put, if it is to be kept.
    evidence: Option<Arc<Collection>>,
    /// The calling thread.
    own: u32,
    /// Which of the capture's snapshots it is: frames are named over the same one.
    map: usize,
}

impl<'m> Pass<'m> {
    pub fn new(
        map: &'m Arc<CodeMap>,
        directory: Result<&'m Arc<TaskDirectory>, Errno>,
        deadline: Instant,
        evidence: Option<Arc<Collection>>,
    ) -> Pass<'m> {
        let mut unwinder = Unwinder::new(map);
        unwinder.keep_registers(evidence.is_some());
        Pass {
            directory,
            code: map,
            unwinder,
            live: Live::default(),
            stacks: HashSet::default(),
            deadline,
            evidence,
            own: current_thread::id(),
            map: 0,
        }
    }

    /// Every thread, as far as that takes no signal.
    pub fn first(&mut self, threads: &mut [Thread]) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = threads.iter().map(|_| Draft::Missing(Missing::OutOfTime)).collect();
        self.look_at_others(threads, &mut drafts);
        for (thread, draft) in threads.iter_mut().zip(&mut drafts) {
            if thread.id == self.own {
                *thread = self.status(thread.id);
                *draft = self.look(thread);
            }
        }
        drafts
    }

    /// Everything of the other threads but what takes a signal. Of many threads a second processor takes a
    /// part, so that less time lies between the first and the last.
    fn look_at_others(&mut self, threads: &mut [Thread], drafts: &mut [Draft]) {
        let many = threads.len() > MANY && std::thread::available_parallelism().is_ok_and(|n| n.get() > 1);
        if !many {
            for (thread, draft) in threads.iter_mut().zip(drafts) {
                self.look_at_other(thread, draft);
            }
            return;
        }
        let parts = Arc::new(Parts::new(threads));
        let second = {
            let (parts, code, directory) =
                (Arc::clone(&parts), Arc::clone(self.code), self.directory.cloned());
            let (deadline, own, evidence) = (self.deadline, self.own, self.evidence.clone());
            move || {
                let directory = directory.as_ref().map_err(|errno| *errno);
                let pass = Pass::new(&code, directory, deadline, evidence);
                Pass { own, ..pass }.take_parts(&parts);
            }
        };
        let second = detached::start(c"gmr-threads", second);
        self.take_parts(&parts);
        // All parts are taken: a thread that has not begun by now need not.
        let now = Instant::now();
        match second.outcome(now, Some(self.deadline.max(now + LAST_PART))).0 {
            // A panic in it is one of this capture; the hook has been called already.
            Outcome::Panicked => std::panic::resume_unwind(Box::new("the capture's second thread panicked")),
            // What it has not answered by then stays without a stack.
            Outcome::Ended(()) | Outcome::NotBegun(_) | Outcome::Late => {}
        }
        parts.put_back(threads, drafts);
    }

    /// The registers of the calling thread are known to nobody else.
    fn look_at_other(&mut self, thread: &mut Thread, draft: &mut Draft) {
        if thread.id != self.own {
            *thread = self.status(thread.id);
            *draft = self.look(thread);
        }
    }

    fn take_parts(&mut self, parts: &Parts) {
        while let Some(mut part) = parts.next() {
            let Part { threads, drafts } = &mut *part;
            for (thread, draft) in threads.iter_mut().zip(drafts) {
                self.look_at_other(thread, draft);
            }
        }
    }

    fn status(&self, id: u32) -> Thread {
        status::of(id, self.directory.ok().and_then(|directory| directory.stat(id).ok()), self.own)
    }

    /// Those that were in unknown code, with the modules as they are now. Whether a signal is wanted for one
    /// of them.
    pub fn again(&mut self, threads: &mut [Thread], drafts: &mut [Draft]) -> bool {
        self.map = 1;
        let mut wanted = false;
        for (thread, draft) in threads.iter_mut().zip(drafts) {
            if matches!(draft, Draft::Again(_)) {
                *draft = self.look(thread);
                wanted |= matches!(draft, Draft::Wanted(_));
            }
        }
        wanted
    }

    /// What can be learnt without a signal.
    pub fn look(&mut self, thread: &mut Thread) -> Draft {
        if thread.id == self.own {
            let walk = current_thread::walk(&mut self.unwinder, &mut self.live);
            return Draft::Done(self.raw(walk, Method::Own, None));
        }
        let directory = match self.directory {
            Ok(directory) => directory,
            Err(errno) => return Draft::Missing(refused(Operation::OpenTaskDirectory, errno)),
        };
        if self.is_over() {
            return Draft::Missing(Missing::OutOfTime);
        }
        let stack = if self.evidence.is_some() { sleeping::Stack::Copied } else { sleeping::Stack::Unwound };
        match sleeping::look(directory, thread.id, &mut self.unwinder, &mut self.live, stack) {
            Look::Still { activity, walk, clock } => {
                status::note_activity(thread, &activity);
                thread.cpu_time = clock;
                self.sleeping_stack(walk, clock)
            }
            Look::NoUserStack { activity } => {
                status::note_activity(thread, &activity);
                Draft::Missing(Missing::NoUserStack)
            }
            Look::Ended => {
                thread.state = State::Dead;
                Draft::Missing(Missing::Ended)
            }
            // Hidden from this process; or the kernel has no such file, as some that imitate Linux.
            Look::Refused(Errno::PERM | Errno::ACCESS | Errno::NOENT) | Look::Running => Draft::Wanted(None),
            Look::Refused(errno) => Draft::Missing(refused(Operation::ReadTaskFile, errno)),
        }
    }

    fn sleeping_stack(&mut self, mut walk: Walk, clock: Option<Duration>) -> Draft {
        let start = evidence::live_range(&walk.trail).map(|(start, _)| start);
        let keep = |pass: &Self, walk: &Walk| {
            pass.evidence.as_ref()?.keep(&walk.trail, start?, pass.live.copied(), clock)
        };
        if walk.end == End::Root {
            let evidence = keep(self, &walk);
            return Draft::Done(self.raw(walk, Method::Sleeping, evidence));
        }
        let guessed = walk.certain.is_some();
        let end = walk.end;
        if matches!(end, End::TooDeep(_)) {
            // A signal would tell less: what the thread copies is bounded.
            walk.doubt_uncertain();
            let evidence = keep(self, &walk);
            return Draft::Done(self.raw(walk, Method::Sleeping, evidence));
        }
        // What rests on a recovered frame pointer counts only if it leads to the root.
        walk.keep_certain();
        let evidence = keep(self, &walk);
        let raw = self.raw(walk, Method::Sleeping, evidence);
        match end {
            End::UnknownCode => Draft::Again(raw),
            End::UnknownRegister(_) | End::NoTables => Draft::Wanted(Some(raw)),
            _ if guessed => Draft::Wanted(Some(raw)),
            _ => Draft::Done(raw),
        }
    }

    /// The stack that a signalled thread left. What it had no room for is read from where it lies.
    pub fn unwind(&mut self, registers: Registers, answer: &Answer<'_>) -> RawStack {
        let copied = Copied(&answer.ranges);
        let mut walk = self.unwinder.walk(registers, &mut { copied }, false);
        if let (End::Unreadable(address), (start, bytes)) = (walk.end, answer.ranges[0])
            && answer.ends_before(address)
        {
            self.live.clear();
            let above = start.saturating_add(bytes.len() as u64);
            let mut memory = CopiedThenLive { copied, above, live: &mut self.live };
            let longer = self.unwinder.walk(registers, &mut memory, false);
            // The thread has run on. Had it returned from what lies above, the copy's end would be written over.
            if longer.end == End::Root && is_unchanged(start, bytes) {
                self.unwinder.take_back(std::mem::replace(&mut walk, longer));
            } else {
                self.unwinder.take_back(longer);
            }
        }
        let (copy, bytes) = answer.ranges[0];
        let evidence = self.evidence.as_ref().zip(evidence::live_range(&walk.trail));
        let evidence = evidence.and_then(|(collection, (start, length))| {
            let from = usize::try_from(start.checked_sub(copy)?).ok()?;
            let bytes = bytes.get(from..)?;
            collection.keep(&walk.trail, start, &bytes[..length.min(bytes.len())], None)
        });
        self.raw(walk, Method::Signal, evidence)
    }

    fn raw(&mut self, walk: Walk, method: Method, evidence: Option<evidence::Place>) -> RawStack {
        let frames = match self.stacks.get(&walk.frames[..]) {
            Some(known) => Arc::clone(known),
            None => {
                let frames: Arc<[RawFrame]> = Arc::from(&walk.frames[..]);
                self.stacks.insert(Arc::clone(&frames));
                frames
            }
        };
        let end = walk.end;
        self.unwinder.take_back(walk);
        RawStack { frames, end, method, reason: None, map: self.map, evidence }
    }

    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    pub fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    pub fn directory(&self) -> Option<&'m TaskDirectory> {
        self.directory.ok().map(|directory| &**directory)
    }
}

/// Whether the end of a copy still is what lies there: the two frames or so in the last of its bytes.
fn is_unchanged(start: u64, bytes: &[u8]) -> bool {
    const END: usize = 512;
    let Some(at) = bytes.len().checked_sub(END) else { return false };
    let mut now = [0; END];
    memory::read(start.saturating_add(at as u64), &mut now).is_ok() && bytes.ends_with(&now)
}

fn refused(operation: Operation, errno: Errno) -> Missing {
    Missing::Refused { operation, errno: errno.raw_os_error() }
}
