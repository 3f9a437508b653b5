//! One look at all threads over one snapshot of the modules.

use super::naming::RawStack;
use super::signal::{self, NotInstalled};
use super::signal_queue::SignalQueue;
use super::sleeping::{self, Look};
use super::task_directory::TaskFiles;
use super::{Draft, current_thread, own_id, status};
use crate::threads::{Method, Missing, Note, Operation, Options, State, Thread};
use crate::unwind::{CodeMap, Copied, End, Live, RawFrame, Registers, Unwinder, Walk};
use rustix::io::Errno;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// With more threads than this a second processor takes part: so many take some three milliseconds, and to start a
/// thread a twentieth of one.
const MANY: usize = 128;
/// How many threads are taken at a time: the slower of the two holds up the other for half a millisecond.
const PART: usize = 16;

pub(super) struct Pass<'m> {
    files: Result<&'m TaskFiles, Errno>,
    code: &'m CodeMap,
    unwinder: Unwinder<'m>,
    live: Live,
    /// Each different stack once.
    stacks: HashSet<Arc<[RawFrame]>>,
    deadline: Instant,
    /// The calling thread.
    own: u32,
    /// Which snapshot it is, for those who name the frames.
    map: usize,
}

impl<'m> Pass<'m> {
    pub fn new(map: &'m CodeMap, files: Result<&'m TaskFiles, Errno>, deadline: Instant) -> Pass<'m> {
        Pass {
            files,
            code: map,
            unwinder: Unwinder::new(map),
            live: Live::default(),
            stacks: HashSet::new(),
            deadline,
            own: own_id(),
            map: 0,
        }
    }

    /// Every thread.
    pub fn first(mut self, threads: &mut [Thread], options: &Options, notes: &mut Vec<Note>) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = threads.iter().map(|_| Draft::Missing(Missing::OutOfTime)).collect();
        self.look_at_others(threads, &mut drafts);
        for (thread, draft) in threads.iter_mut().zip(&mut drafts) {
            if thread.id == self.own {
                *thread = self.facts(thread.id);
                *draft = self.look(thread);
            }
        }
        self.ask(threads, &mut drafts, options, notes);
        drafts
    }

    /// Everything of the other threads but what takes a signal. Of many threads a second processor takes a part, so
    /// that less time lies between the first and the last.
    fn look_at_others(&mut self, threads: &mut [Thread], drafts: &mut [Draft]) {
        let many = threads.len() > MANY && std::thread::available_parallelism().is_ok_and(|n| n.get() > 1);
        let parts = Mutex::new(threads.chunks_mut(PART).zip(drafts.chunks_mut(PART)));
        let (files, code, deadline, own) = (self.files, self.code, self.deadline, self.own);
        std::thread::scope(|scope| {
            let second = || {
                crate::signals::block_all_in_this_thread();
                Pass { own, ..Pass::new(code, files, deadline) }.take_parts(&parts);
            };
            let builder = std::thread::Builder::new().name("gmr-threads".to_owned());
            // Where no thread can be started, this one does it all.
            let second = many.then(|| builder.spawn_scoped(scope, second).ok()).flatten();
            self.take_parts(&parts);
            // Not only done but gone: the next capture would list it. A panic in it is one of this capture.
            if let Some(Err(panic)) = second.map(|second| second.join()) {
                std::panic::resume_unwind(panic);
            }
        });
    }

    fn take_parts<'t>(&mut self, parts: &Mutex<impl Iterator<Item = (&'t mut [Thread], &'t mut [Draft])>>) {
        let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
        while let Some((threads, drafts)) = next() {
            for (thread, draft) in threads.iter_mut().zip(drafts) {
                // Of the calling thread only itself can tell the registers.
                if thread.id != self.own {
                    *thread = self.facts(thread.id);
                    *draft = self.look(thread);
                }
            }
        }
    }

    fn facts(&self, id: u32) -> Thread {
        status::of(id, self.files.ok().and_then(|files| files.stat(id).ok()), self.own)
    }

    /// Those that were in unknown code, with the modules as they are now.
    pub fn again(
        mut self,
        threads: &mut [Thread],
        drafts: &mut [Draft],
        options: &Options,
        notes: &mut Vec<Note>,
    ) {
        self.map = 1;
        let mut wanted = false;
        for (thread, draft) in threads.iter_mut().zip(&mut *drafts) {
            if matches!(draft, Draft::Again(_)) {
                *draft = self.look(thread);
                wanted |= matches!(draft, Draft::Wanted(_));
            }
        }
        if wanted {
            self.ask(threads, drafts, options, notes);
        }
    }

    /// What can be learnt without a signal.
    pub fn look(&mut self, thread: &mut Thread) -> Draft {
        if thread.id == self.own {
            let walk = current_thread::walk(&mut self.unwinder, &mut self.live);
            return Draft::Done(self.raw(walk, Method::Own));
        }
        let files = match self.files {
            Ok(files) => files,
            Err(errno) => return Draft::Missing(refused(Operation::OpenTaskDirectory, errno)),
        };
        if self.is_over() {
            return Draft::Missing(Missing::OutOfTime);
        }
        match sleeping::look(files, thread.id, &mut self.unwinder, &mut self.live) {
            Look::Still { activity, walk } => {
                status::note_activity(thread, &activity);
                self.sleeping_stack(walk)
            }
            Look::NoUserStack { activity } => {
                status::note_activity(thread, &activity);
                Draft::Missing(Missing::NoUserStack)
            }
            Look::Ended => {
                thread.state = State::Dead;
                Draft::Missing(Missing::Ended)
            }
            Look::Refused(Errno::PERM | Errno::ACCESS) | Look::Running => Draft::Wanted(None),
            Look::Refused(errno) => Draft::Missing(refused(Operation::ReadTaskFile, errno)),
        }
    }

    fn sleeping_stack(&mut self, mut walk: Walk) -> Draft {
        if walk.end == End::Root {
            return Draft::Done(self.raw(walk, Method::Sleeping));
        }
        // What rests on a recovered frame pointer counts only if it leads to the root.
        let guessed = walk.certain.is_some();
        if let Some(certain) = walk.certain {
            walk.frames.truncate(certain);
        }
        let end = walk.end;
        let raw = self.raw(walk, Method::Sleeping);
        match end {
            End::UnknownCode => Draft::Again(raw),
            End::UnknownRegister(_) | End::NoTables => Draft::Wanted(Some(raw)),
            _ if guessed => Draft::Wanted(Some(raw)),
            _ => Draft::Done(raw),
        }
    }

    /// The stack that a signalled thread left.
    pub fn unwind(&mut self, registers: Registers, ranges: &[(u64, &[u8])]) -> RawStack {
        let walk = self.unwinder.walk(registers, &mut Copied(ranges), false);
        self.raw(walk, Method::Signal)
    }

    fn raw(&mut self, walk: Walk, method: Method) -> RawStack {
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
        RawStack { frames, end, method, reason: None, map: self.map }
    }

    pub fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    pub fn files(&self) -> Option<&'m TaskFiles> {
        self.files.ok()
    }

    /// Sends the signal to those who cannot be told otherwise.
    fn ask(self, threads: &mut [Thread], drafts: &mut [Draft], options: &Options, notes: &mut Vec<Note>) {
        if !drafts.iter().any(|draft| matches!(draft, Draft::Wanted(_))) {
            return;
        }
        let deadline = self.deadline;
        let refusal = match options.signal.map(|signal| (signal, signal::install(signal))) {
            None => Missing::NoSignal,
            Some((signal, Ok(()))) => {
                return signal::ask(signal, deadline, &mut SignalQueue::new(self, signal, threads, drafts));
            }
            Some((signal, Err(NotInstalled::Unsuitable))) => {
                notes.push(Note::SignalUnsuitable { signal });
                Missing::NoSignal
            }
            Some((signal, Err(NotInstalled::Taken))) => {
                notes.push(Note::SignalTaken { signal });
                Missing::SignalTaken
            }
            Some((_, Err(NotInstalled::Refused(errno)))) => {
                Missing::Refused { operation: Operation::InstallHandler, errno }
            }
        };
        for draft in drafts {
            give_up(draft, &refusal);
        }
    }
}

fn refused(operation: Operation, errno: Errno) -> Missing {
    Missing::Refused { operation, errno: errno.raw_os_error() }
}

/// No signal can be used: what is certain of the stack is all there is.
pub(super) fn give_up(draft: &mut Draft, missing: &Missing) {
    if let Draft::Wanted(partial) = draft {
        *draft = match partial.take().filter(|raw| !raw.frames.is_empty()) {
            Some(raw) => Draft::Done(raw),
            None => Draft::Missing(missing.clone()),
        };
    }
}
